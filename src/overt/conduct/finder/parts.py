"""What a concatenation is made of: streams and bodies that were examined alone before. Only what several of them hold
together is news."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

REACH_BYTES = 128
"""To either side of a seam: longer than any stretch of known text that is sought below masks."""


class Parts:
    """The parts of some bytes, in order."""

    def __init__(self, parts: Sequence[bytes], largest: int) -> None:
        """`largest`: bytes of a part that was examined at once; larger ones count as several."""
        self._ends = [*accumulate(map(len, parts))]
        self._large = {number for number, part in enumerate(parts) if len(part) > largest}

    def one_holds(self, begin: int, end: int) -> bool:
        """Whether this stretch is within one part."""
        number = bisect_right(self._ends, begin)
        return number < len(self._ends) and end <= self._ends[number] and number not in self._large

    def around_seams(self, begin: int, end: int) -> list[tuple[int, int]]:
        """What of this stretch is near a seam in it, and not within one part, in order."""
        found: list[tuple[int, int]] = []
        for seam in self._ends[bisect_right(self._ends, begin) : bisect_left(self._ends, end)]:
            low, high = max(begin, seam - REACH_BYTES), min(end, seam + REACH_BYTES)
            if found and low <= found[-1][1]:
                low = found.pop()[0]
            found.append((low, high))
        return found
