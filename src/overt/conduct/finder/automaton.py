"""Many byte strings sought at once: Aho-Corasick (`ahocorasick_rs`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ahocorasick_rs import BytesAhoCorasick, Implementation

MAX_DENSE_BYTES = 4_096
"""Of all patterns together: so few are sought in half the time, with a table of a megabyte or two."""

LETTERS = bytes((byte - 1) % 15 for byte in range(256))
"""What each byte is to a sieve: fifteen and what is none fit in sixteen. Zeros, which may be many, come last."""
WINDOW_BYTES = 8
MAX_SHARED = 4
"""Patterns that one window stands for, if each has one that no more share."""


class Automaton:
    """Finds all occurrences of all its patterns in one pass."""

    def __init__(self, patterns: Sequence[bytes]) -> None:
        """`patterns`: none empty, none twice; a pattern is named by its place."""
        dense = sum(map(len, patterns)) <= MAX_DENSE_BYTES
        how = Implementation.DFA if dense else Implementation.ContiguousNFA
        self._sought = BytesAhoCorasick(list(patterns), implementation=how) if patterns else None

    def matches(self, data: bytes) -> Iterator[tuple[int, int]]:
        """(pattern, offset) of every occurrence, overlapping ones too, by their ends."""
        if self._sought is None:
            return
        for pattern, start, _ in self._sought.find_matches_as_indexes(data, overlapping=True):
            yield pattern, start


class Sieve:
    """Finds all occurrences of some ten thousand patterns: in bytes of chance in a third of an automaton's time.

    Sought is one window of each pattern, and the pattern only around it. Windows are told by so few letters that the
    table fits in a processor's own memory, and all are those that come first in their order: so most bytes begin none.
    """

    def __init__(self, patterns: Sequence[bytes]) -> None:
        """`patterns`: none empty, none twice; a pattern is named by its place."""
        self._patterns = patterns
        windows = [[*_windows(pattern.translate(LETTERS))] for pattern in patterns]
        shared = Counter(window for own in windows for window in {*own})
        held: dict[bytes, list[tuple[int, int]]] = {}
        for number, own in enumerate(windows):
            _, window, at = min((shared[window] > MAX_SHARED, window, at) for at, window in enumerate(own))
            held.setdefault(window, []).append((number, at))
        self._held = tuple(held.values())
        self._sought = BytesAhoCorasick([*held], implementation=Implementation.DFA) if held else None

    def matches(self, data: bytes) -> list[tuple[int, int]]:
        """(pattern, offset) of every occurrence, by their ends."""
        if self._sought is None:
            return []
        found = []
        for window, place, _ in self._sought.find_matches_as_indexes(
            data.translate(LETTERS), overlapping=True
        ):
            for number, at in self._held[window]:
                pattern, start = self._patterns[number], place - at
                if start >= 0 and data.startswith(pattern, start):
                    found.append((start + len(pattern), start, number))
        return [(number, start) for _, start, number in sorted(found)]


def _windows(letters: bytes) -> Iterator[bytes]:
    for at in range(max(1, len(letters) - WINDOW_BYTES + 1)):
        yield letters[at : at + WINDOW_BYTES]
