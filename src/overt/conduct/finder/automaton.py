"""Many byte strings sought at once: Aho-Corasick (`ahocorasick_rs`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ahocorasick_rs import BytesAhoCorasick, Implementation

MAX_DENSE_BYTES = 4_096
"""Of all patterns together: so few are sought in half the time, with a table of a megabyte or two."""


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
