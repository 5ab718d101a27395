"""Exact tests of a difference, and the correction for asking several times. All p-values are two-sided.

Nothing is assumed of how figures are distributed: a p-value is the share of all ways to assign the labels (marked,
plain) that would show a difference at least as large as the one seen.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

LEVEL = 0.01
"""Corrected p below which a difference is taken for real: it accuses in public, and honest products leave much to
chance (sizes, times, which files are looked at before a time limit), so one such report in twenty would be too many."""
HINT_LEVEL = 0.05
"""p below which a difference that is not taken for real clears nobody."""
MAX_ENUMERATED = 200_000
"""Ways to assign the labels that are all counted; of more, a random sample is."""
SAMPLED = 20_000
SIGN, PERMUTATION, SAMPLED_PERMUTATION, FISHER = (
    "exact sign test",
    "exact permutation test",
    f"permutation test, {SAMPLED} random assignments",
    "Fisher's exact test",
)


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test says."""

    method: str
    p: float
    least_p: float
    """The smallest p that so many observations could have given."""
    reachable: float | None = None
    """The smallest p that the figures can give whatever their labels, where that is another: pairs that are alike tell
    nothing of their halves."""

    @property
    def counts(self) -> bool:
        """Whether it could have been significant, so that it counts when others are corrected for it (Tarone 1990)."""
        return (self.least_p if self.reachable is None else self.reachable) < LEVEL


def sign(more: int, fewer: int) -> Tested:
    """Pairs in which one half has more than the other, against pairs in which it has less; equal ones are left out.

    The binomial test of a fair coin (Conover, Practical Nonparametric Statistics, section 3.4).
    """
    pairs = more + fewer
    tail = sum(comb(pairs, count) for count in range(min(more, fewer) + 1))
    return Tested(SIGN, min(1.0, 2 * tail / 2**pairs), min(1.0, 2 / 2**pairs))


def permutation(first: Sequence[int], second: Sequence[int], seed: int = 0) -> Tested:
    """Whether two groups of runs differ in their mean: over all divisions of the figures into such groups.

    Too many divisions are sampled with `seed`; p is then (k + 1) / (n + 1) (Phipson and Smyth 2010), which is valid.
    """
    figures, size = (*first, *second), len(first)
    if not first or not second:
        return Tested(PERMUTATION, 1.0, 1.0)
    total = sum(figures)
    seen = abs(len(figures) * sum(first) - size * total)
    ways = comb(len(figures), size)
    if ways <= MAX_ENUMERATED:
        groups = (sum(group) for group in combinations(figures, size))
        extreme = sum(abs(len(figures) * group - size * total) >= seen for group in groups)
        return Tested(PERMUTATION, extreme / ways, _least(len(first), len(second)))
    chance = random.Random(seed)
    extreme = sum(
        abs(len(figures) * sum(chance.sample(figures, size)) - size * total) >= seen for _ in range(SAMPLED)
    )
    return Tested(SAMPLED_PERMUTATION, (extreme + 1) / (SAMPLED + 1), 1 / (SAMPLED + 1))


def _least(first: int, second: int) -> float:
    """Groups of one size can be exchanged, so that the most extreme division is there twice."""
    return min(1.0, (2 if first == second else 1) / comb(first + second, first))


def paired(differences: Sequence[int]) -> Tested:
    """Whether figures of two conditions within one run differ: over all ways to exchange them within runs.

    Zeros are left out; more than 17 others are tested by their signs alone.
    """
    moved = [abs(value) for value in differences if value]
    if 2 ** len(moved) > MAX_ENUMERATED:
        return sign(sum(value > 0 for value in differences), sum(value < 0 for value in differences))
    seen = abs(sum(differences))
    sums = [0]
    for value in moved:
        sums = [total + signed for total in sums for signed in (value, -value)]
    ways = 2 ** len(moved)
    return Tested(PERMUTATION, sum(abs(total) >= seen for total in sums) / ways, min(1.0, 2 / ways))


def fisher(hit: int, missed: int, other_hit: int, other_missed: int) -> Tested:
    """Whether two groups differ in how many of them are hit: over all tables with the same totals (Fisher 1935).

    p sums the tables that are at most as probable as the one seen.
    """
    group, hits = hit + missed, hit + other_hit
    total = group + other_hit + other_missed
    low, high = max(0, hits + group - total), min(hits, group)
    weights = [comb(hits, count) * comb(total - hits, group - count) for count in range(low, high + 1)]
    ways = comb(total, group)
    seen = weights[hit - low]
    p = sum(weight for weight in weights if weight <= seen) / ways
    return Tested(
        FISHER, p, min(sum(other for other in weights if other <= weight) for weight in weights) / ways
    )


def corrected(tests: Sequence[Tested]) -> list[float]:
    """Their p-values by Holm's correction over those that could have been significant; others are not below 0.05."""
    counting = iter(holm([test.p for test in tests if test.counts]))
    return [next(counting) if test.counts else min(1.0, max(LEVEL, test.p * len(tests))) for test in tests]


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected so that the chance of any false alarm among them is bounded (Holm 1979), in the same order."""
    corrected = [0.0] * len(values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = highest
    return corrected
