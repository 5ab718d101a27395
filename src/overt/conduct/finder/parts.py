"""What a concatenation is made of: streams and bodies, most of which were examined alone before. Of these, only what
several hold together is news."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

REACH_BYTES = 128
"""To either side of a seam: longer than any stretch of known text that is sought below masks."""


class Part(NamedTuple):
    """One of them."""

    data: bytes
    alone: bool
    """Whether it was examined alone, and whole."""


class Parts:
    """The parts of some bytes, in order."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._ends = [*accumulate(len(part.data) for part in parts)]
        self._alone = [part.alone for part in parts]

    def one_holds(self, begin: int, end: int) -> bool:
        """Whether this stretch is within one part that was examined alone."""
        number = bisect_right(self._ends, begin)
        return number < len(self._ends) and end <= self._ends[number] and self._alone[number]

    def news(self, begin: int, end: int) -> list[tuple[int, int]]:
        """What of this stretch is near a seam in it, or in a part that was not examined alone, in order."""
        first, last = bisect_right(self._ends, begin), bisect_left(self._ends, end)
        found: list[tuple[int, int]] = []
        for number in range(first, last + 1):
            low = begin if number == first else self._ends[number - 1]
            high = end if number == last else self._ends[number]
            if not self._alone[number]:
                _extend(found, low, high)
            if number < last:
                _extend(found, max(begin, high - REACH_BYTES), min(end, high + REACH_BYTES))
        return found


def _extend(found: list[tuple[int, int]], low: int, high: int) -> None:
    """Add one more, which begins no earlier than the last one, or a little before that one's end."""
    if found and low <= found[-1][1]:
        first, last = found.pop()
        low, high = min(first, low), max(last, high)
    found.append((low, high))
