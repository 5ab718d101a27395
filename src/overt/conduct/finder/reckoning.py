"""What could not be read of all that was made of some bytes: each stretch as it is, or as what it was decoded to,
whichever leaves less."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import msgspec

from overt.conduct.finder.extents import between
from overt.conduct.finder.readable import SHORT_BYTES, Unread, moved, unread

ALLOWANCE_BYTES = 1_024
"""Of short identifiers and numbers to one destination in one run, each counted once and then as one byte: what every
product sends (lengths, versions, times, a name for its installation), and too few for a document."""
RUN_ALLOWANCE_BYTES = 4 * ALLOWANCE_BYTES
"""Of these to all destinations of one run together: whoever has many hosts is allowed no more for each of them."""
MIN_SHARE = 16
"""A stretch of which less than one byte in so many is unread is not what was encoded."""
AGAIN = b"="
"""In the place of what another source said in the same words."""
MIN_LEFT_BYTES = 1_024
"""Beside a canary: fewer bytes are what its extents miss at their ends."""


class Left(msgspec.Struct, frozen=True, array_like=True):
    """What nothing explains, of one source."""

    counts: dict[int, int] = {}
    """How often each byte occurs in what can be no identifier, or is more than is allowed."""
    short: tuple[bytes, ...] = ()
    """All else, in order."""

    def __bool__(self) -> bool:
        return bool(self.counts or self.short)


@dataclass(slots=True)
class Reading:
    """Some bytes, and what they were decoded to. Mutable: it grows."""

    data: bytes
    explained: list[tuple[int, int]] = field(default_factory=list)
    """What of it lies in canaries, or was decoded to something that does."""
    decoded: list[Decoded] = field(default_factory=list)
    apart: list[Decoded] = field(default_factory=list)
    """Parts of it as they are, which are read by themselves."""
    worded: bool = True
    """Whether words in it would explain it: not if it was only one of several readings, for what is encoded below."""
    _left: list[Unread] | None = None

    def left(self) -> list[Unread]:
        """What nothing explains, in order. Of what holds itself, however deep, the inner one counts as it is."""
        if self._left is None:
            settled = _Settled()
            self._left = found = [*self._as_it_is(settled)]
            for low, high, group in _by_span(self.decoded):
                if not settled.hold(low, high) and _instead(found, low, high, group):
                    settled.add(low, high)
        return self._left

    def _as_it_is(self, settled: _Settled) -> Iterator[Unread]:
        """What is unread without anything decoded, in order; what is read apart is settled."""
        least = MIN_LEFT_BYTES if self.explained else 1
        apart: dict[int, Decoded] = {}
        for low, high, (one, *_) in _by_span(self.apart):
            if not settled.hold(low, high):
                settled.add(low, high)
                apart[low] = one
        known = [*self.explained, *((one.low, one.high) for one in apart.values())]
        stretches = [(low, high) for low, high in between(known, len(self.data)) if high - low >= least]
        for low, high in sorted([*stretches, *((one.low, one.high) for one in apart.values())]):
            if low in apart:
                yield from moved(apart[low].reading.left(), low)
            elif self.worded:
                yield from unread(self.data, low, high)
            else:
                yield Unread(low, high, self.data[low:high], False)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a stretch of some bytes was decoded to."""

    low: int
    high: int
    name: str
    """The decoder's."""
    part: bool
    """Whether it is a part of what was there, beside others of the same name; else it is one of several readings."""
    reading: Reading


def _by_span(decoded: Iterable[Decoded]) -> Iterator[tuple[int, int, list[Decoded]]]:
    """What was made of each stretch, the longest first."""

    def span(one: Decoded) -> tuple[int, int, int]:
        return one.low - one.high, one.low, one.high

    for (_, low, high), group in groupby(sorted(decoded, key=span), key=span):
        yield low, high, list(group)


@dataclass(slots=True)
class _Settled:
    """Stretches that a reading took the place of, none within another. Mutable: it grows, by the longest first."""

    _begins: list[int] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)

    def hold(self, low: int, high: int) -> bool:
        """Whether all of this is within one of them."""
        at = bisect_right(self._begins, low)
        return at > 0 and high <= self._ends[at - 1]

    def add(self, low: int, high: int) -> None:
        """One that they do not hold."""
        at = bisect_right(self._begins, low)
        self._begins.insert(at, low)
        self._ends.insert(at, high)


def _instead(found: list[Unread], low: int, high: int, group: Sequence[Decoded]) -> bool:
    """Put the best reading of this stretch in its place in `found`, if that leaves less. Whether nothing within it can
    leave less still: there is no telling what of that reading it would be."""
    first = bisect_right(found, low, key=lambda one: one.end)
    last = bisect_left(found, high, key=lambda one: one.begin)
    if _bytes(found[first:last]) * MIN_SHARE < high - low:
        return False
    touched = [piece for one in found[first:last] for piece in _cut(one, low, high)]
    within = [one for one in touched if low <= one.begin and one.end <= high]
    best = min(_readings(group), key=_size)
    if _size(best) >= _size(within):
        return False
    before = [one for one in touched if one.begin < low]
    after = [one for one in touched if one.begin >= low and one.end > high]
    found[first:last] = [*before, *(one._replace(begin=low, end=high) for one in best), *after]
    return all(len(one.content) != high - low for one in best)


def _cut(one: Unread, low: int, high: int) -> Iterator[Unread]:
    """What of it is before, in, and after a stretch."""
    whole = one.begin >= high or one.end <= low or (low <= one.begin and one.end <= high)
    if whole or len(one.content) != one.end - one.begin:
        yield one
        return
    marks = sorted({one.begin, one.end, *(mark for mark in (low, high) if one.begin < mark < one.end)})
    for begin, end in pairwise(marks):
        short = one.short or end - begin <= SHORT_BYTES
        yield Unread(begin, end, one.content[begin - one.begin : end - one.begin], short)


def _readings(group: Sequence[Decoded]) -> Iterator[list[Unread]]:
    """Each alternative; parts together."""
    parts: dict[str, list[Unread]] = {}
    for one in group:
        if one.part:
            parts.setdefault(one.name, []).extend(one.reading.left())
        else:
            yield one.reading.left()
    yield from parts.values()


def _bytes(found: Iterable[Unread]) -> int:
    return sum(len(one.content) for one in found)


def _size(found: Iterable[Unread]) -> tuple[int, int]:
    """Bytes that can be no identifier, and others."""
    sizes = [0, 0]
    for one in found:
        sizes[one.short] += len(one.content)
    return sizes[False], sizes[True]


def summed(found: Sequence[Unread], counted: int) -> Left:
    """What is unread of one source, but for its first `counted` bytes."""
    counts = Counter[int]()
    later = [piece for one in found for piece in _cut(one, counted, counted) if piece.begin >= counted]
    for one in later:
        if not one.short:
            counts.update(one.content)
    return _bounded(counts, [one.content for one in later if one.short])


def added(left: Iterable[Left]) -> Counter[int]:
    """How often each byte occurs in what is unread of many sources, if more than short things that are allowed."""
    known = [*left]
    counts = Counter[int]()
    for one in known:
        counts.update(one.counts)
    return Counter(_bounded(counts, _short(known)).counts)


def _short(left: Iterable[Left]) -> list[bytes]:
    """The short things of many sources."""
    short: list[bytes] = []
    said: set[tuple[bytes, ...]] = set()
    for one in left:
        short += [AGAIN] if one.short in said else one.short
        said.add(one.short)
    return short


def together(left: Iterable[Left]) -> Counter[int]:
    """How often each byte occurs in the short things that went to all destinations, if these are more than a run is
    allowed."""
    short = _short(left)
    if _told(short) <= RUN_ALLOWANCE_BYTES:
        return Counter()
    return Counter(byte for content in short for byte in content)


def _bounded(counts: Counter[int], short: Sequence[bytes]) -> Left:
    if _told(short) <= ALLOWANCE_BYTES:
        return Left(dict(counts), tuple(short))
    for content in short:
        counts.update(content)
    return Left(dict(counts))


def _told(short: Iterable[bytes]) -> int:
    """Bytes that these tell, at most: what was there before tells no more than which it is."""
    seen: set[bytes] = set()
    total = 0
    for content in short:
        total += 1 if content in seen else len(content)
        seen.add(content)
    return total
