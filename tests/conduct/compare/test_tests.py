"""The exact tests against published tables, and against counting everything one by one."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.conduct.compare.tests import (
    MAX_ENUMERATED,
    SAMPLED,
    SAMPLED_PERMUTATION,
    fisher,
    holm,
    paired,
    permutation,
    sign,
)

few = st.lists(st.integers(0, 9), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("more", "fewer", "p"),
    [(14, 0, 0.000122), (9, 1, 0.021484), (8, 2, 0.109375), (5, 5, 1.0), (0, 0, 1.0), (12, 3, 0.035156)],
)
def test_sign_test_gives_the_binomial_tables_figures(more: int, fewer: int, p: float) -> None:
    assert sign(more, fewer).p == pytest.approx(p, abs=1e-6)
    assert sign(fewer, more).p == sign(more, fewer).p
    assert sign(more, fewer).least_p <= sign(more, fewer).p


@pytest.mark.parametrize(
    ("table", "p"),
    [((3, 1, 1, 3), 0.485714), ((8, 2, 1, 5), 0.034965), ((10, 2, 3, 15), 0.000536725), ((0, 5, 0, 5), 1.0)],
)
def test_fishers_test_gives_published_figures(table: tuple[int, int, int, int], p: float) -> None:
    assert fisher(*table).p == pytest.approx(p, abs=1e-6)
    assert fisher(*table).least_p <= fisher(*table).p


def test_separated_groups_are_as_unlikely_as_their_number_of_divisions_says() -> None:
    assert permutation([0, 0, 0, 0], [9, 8, 7, 6]).p == pytest.approx(2 / 70)
    assert permutation([0] * 6, range(10, 16)).p == permutation([0] * 6, range(10, 16)).least_p
    assert permutation([0], [5, 5, 5]).least_p == 1 / 4
    assert permutation([], [1]).p == 1.0


@given(few, few)
def test_permutation_test_counts_what_counting_labels_counts(first: list[int], second: list[int]) -> None:
    figures, size = first + second, len(first)

    def apart(group: tuple[int, ...], rest: tuple[int, ...]) -> int:
        return abs(len(rest) * sum(group) - len(group) * sum(rest))

    seen = apart(tuple(first), tuple(second))
    orders = [apart(order[:size], order[size:]) >= seen for order in permutations(figures)]
    assert permutation(first, second).p == pytest.approx(sum(orders) / len(orders))
    assert permutation(first, second).p >= permutation(first, second).least_p - 1e-12


@given(st.lists(st.integers(-9, 9), max_size=8))
def test_paired_test_counts_what_exchanging_within_runs_counts(differences: list[int]) -> None:
    seen = abs(sum(differences))
    signs = list(product((1, -1), repeat=len(differences)))
    extreme = sum(abs(sum(s * d for s, d in zip(one, differences, strict=True))) >= seen for one in signs)
    assert paired(differences).p == pytest.approx(extreme / len(signs))


def test_many_paired_figures_are_tested_by_their_signs() -> None:
    assert MAX_ENUMERATED < 2**20
    assert paired([5] * 20) == sign(20, 0)


def test_too_many_divisions_are_sampled_the_same_for_the_same_seed_and_near_the_exact_value() -> None:
    first, second = list(range(0, 20, 2)), list(range(5, 25, 2))
    exact = permutation(first[:8], second[:8]).p
    assert 0 < exact < 1
    many = permutation(first * 2, second * 2, seed=3)
    assert many.method == SAMPLED_PERMUTATION
    assert many == permutation(first * 2, second * 2, seed=3)
    assert many.p >= 1 / (SAMPLED + 1)
    alike = permutation(first * 2, first * 2, seed=3)
    assert alike.p == 1.0


def test_holm_gives_the_figures_of_r() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_between_the_raw_values_and_bonferronis_and_keeps_their_order(values: list[float]) -> None:
    corrected = holm(values)
    assert all(
        raw <= p <= min(1.0, len(values) * raw) + 1e-12 for raw, p in zip(values, corrected, strict=True)
    )
    order = sorted(range(len(values)), key=values.__getitem__)
    assert [corrected[place] for place in order] == sorted(corrected)


@pytest.mark.parametrize("groups", [(3, 3), (4, 4), (3, 5)])
def test_under_no_difference_small_p_values_are_as_rare_as_they_say(groups: tuple[int, int]) -> None:
    figures = list(range(sum(groups)))
    ps = [
        permutation(order[: groups[0]], order[groups[0] :]).p for order in set(_divisions(figures, groups[0]))
    ]
    for level in (0.05, 0.1, 0.3):
        assert sum(p <= level for p in ps) / len(ps) <= level + 1e-12


def _divisions(figures: list[int], size: int) -> list[tuple[int, ...]]:
    return [
        (*group, *(one for one in figures if one not in group))
        for group in (tuple(sorted(order[:size])) for order in permutations(figures, size))
    ]
