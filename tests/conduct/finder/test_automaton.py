"""A sieve finds what an automaton does, in the same order; varints are found by one, too."""

from __future__ import annotations

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from overt.conduct.finder.automaton import LETTERS, Automaton, Sieve
from overt.conduct.finder.sizes import NOTATIONS
from tests.conduct.finder.known import examiner

FEW = st.lists(st.sampled_from([b"\0", b"\1", b"\x10", b"ab", b"c"]), min_size=1, max_size=20).map(b"".join)


def by_end(patterns: list[bytes], found: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    return [(start + len(patterns[number]), start, number) for number, start in found]


@given(st.lists(FEW, unique=True, max_size=12), st.lists(FEW, max_size=12).map(b"".join))
def test_a_sieve_finds_what_an_automaton_finds(patterns: list[bytes], data: bytes) -> None:
    assert by_end(patterns, Sieve(patterns).matches(data)) == by_end(
        patterns, [*Automaton(patterns).matches(data)]
    )


def test_needles_are_found_among_others_bytes_and_alone() -> None:
    needles, chance = examiner()._needles, random.Random(8)
    for pattern in chance.sample(needles.patterns, 500):
        assert pattern in {found for _, found, _ in needles.matches(pattern)}
        data = chance.randbytes(20) + pattern + chance.randbytes(20)
        assert (20, pattern) in {(start, found) for start, found, _ in needles.matches(data)}


@given(st.lists(st.sampled_from([0, 1, 0x1F, 0x7F, 0x80, 0x9A, 0xFF]), max_size=60).map(bytes))
def test_varints_are_read_where_none_begins_before(data: bytes) -> None:
    written = {NOTATIONS["varint"].write(number): number for number in range(4_096, 40_000)}
    wanted: dict[int, int] = {}
    for found in re.finditer(rb"(?<![\x80-\xff])([\x80-\xff]{1,2}[\x01-\x7f])", data):
        if found[1] in written:
            wanted.setdefault(written[found[1]], found.start())
    assert NOTATIONS["varint"].reader(written)(data) == wanted


def test_zeros_are_not_what_windows_begin_with() -> None:
    """They are the most common bytes of all."""
    assert LETTERS[0] == max(LETTERS)
