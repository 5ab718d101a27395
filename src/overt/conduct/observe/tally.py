"""Counting what happened to files: repeated events of one kind are one record, until it is written."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from overt.conduct.evidence.records import Access, FileAccess

MAX_ENTRIES = 50_000
"""Kept in memory before they are written: about 20 MB with usual paths."""
MAX_PATH_BYTES = 32 << 20
"""Of their paths, which a product may make as long as the kernel names them."""
MAX_RANGES = 1_000
"""Of one record; further ones go into another record of the same file."""

OPEN, LIST, EXECUTE, READ = (kind.value for kind in (Access.OPEN, Access.LIST, Access.EXECUTE, Access.READ))
"""Plain text: to look up an enumeration's member costs as much as all else here."""
_ACCESS = {kind.value: kind for kind in Access}


@dataclass(slots=True)
class _Entry:
    at_s: float
    kind: str
    path: str
    count: int
    ranges: list[tuple[int, int]] | None = None
    """None, as of most: an empty list for each would cost more than to count it."""


class Tally:
    """What was done with files since the last time it was taken out."""

    def __init__(self) -> None:
        self._entries: dict[tuple[int, str, str], _Entry] = {}
        self._full: list[tuple[int, _Entry]] = []
        self._path_bytes = 0
        self.full = False
        """Whether it is time to write."""

    def opened(self, process: int, path: str, kind: str, at_s: float) -> None:
        """Opened, listed or executed once, or once more."""
        key = process, kind, path
        entry = self._entries.get(key)
        if entry is not None:
            entry.count += 1
        else:
            self._entries[key] = _Entry(at_s, kind, path, 1)
            self._grown(path)

    def read(self, process: int, path: str, at_s: float, offset: int, length: int) -> None:
        """Bytes `offset` to `offset + length` were read or mapped."""
        key = process, READ, path
        entry = self._entries.get(key)
        if entry is not None and entry.ranges is not None and len(entry.ranges) >= MAX_RANGES:
            self._full.append((process, entry))
            entry = None
        if entry is None:
            entry = self._entries[key] = _Entry(at_s, READ, path, 0, [])
            self._grown(path)
        entry.count += 1
        if length and entry.ranges is not None:
            include(entry.ranges, offset, length)

    def _grown(self, path: str) -> None:
        self._path_bytes += len(path)
        self.full = len(self._entries) + len(self._full) > MAX_ENTRIES or self._path_bytes > MAX_PATH_BYTES

    def take(self, name: Callable[[str], str]) -> Iterator[FileAccess]:
        """Everything, as records with paths as `name` gives them, in the order of first times; then nothing is left."""
        whole = [(process, entry) for (process, _, _), entry in self._entries.items()]
        whole += self._full
        self._entries, self._full, self._path_bytes, self.full = {}, [], 0, False
        for process, entry in sorted(whole, key=lambda row: row[1].at_s):
            yield FileAccess(
                at_s=round(entry.at_s, 6),
                process=process,
                step=0,
                access=_ACCESS[entry.kind],
                path=printable(name(entry.path)),
                count=entry.count,
                ranges=tuple(entry.ranges or ()),
            )


def include(ranges: list[tuple[int, int]], offset: int, length: int) -> None:
    """Add (offset, length) to `ranges`, which are in order and neither touch nor overlap, and stay so."""
    end = offset + length
    if ranges and ranges[-1][0] <= offset:  # as nearly everybody reads: forwards
        last, had = ranges[-1]
        if offset <= last + had:
            ranges[-1] = last, max(had, end - last)
        else:
            ranges.append((offset, length))
        return
    first = bisect_left(ranges, (offset, 0))
    if first and sum(ranges[first - 1]) >= offset:
        first -= 1
    beyond = first
    while beyond < len(ranges) and ranges[beyond][0] <= end:
        beyond += 1
    touched = ranges[first:beyond]
    start = min([offset, *(low for low, _ in touched)])
    end = max([end, *(low + size for low, size in touched)])
    ranges[first:beyond] = [(start, end - start)]


def printable(path: str) -> str:
    """`path` as JSON can hold it: bytes that are no UTF-8 as `\\\\xNN`."""
    if path.isascii():
        return path
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
