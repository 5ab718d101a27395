"""Counting what happened to files: repeated events of one kind are one record, until it is written."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from overt.conduct.evidence.records import Access, FileAccess

MAX_ENTRIES = 50_000
"""Kept in memory before they are written: about 20 MB with usual paths."""
MAX_PATH_BYTES = 32 << 20
"""Of their paths, which a product may make as long as the kernel names them."""
MAX_RANGES = 1_000
"""Of one record; further ones go into another record of the same file."""


@dataclass(slots=True)
class _Entry:
    at_s: float
    access: Access
    path: str
    count: int = 0
    ranges: list[tuple[int, int]] = field(default_factory=list)


class Tally:
    """What was done with files since the last time it was taken out."""

    def __init__(self) -> None:
        self._entries: dict[tuple[int, str, str], _Entry] = {}
        self._full: list[tuple[int, _Entry]] = []
        self._path_bytes = 0

    @property
    def full(self) -> bool:
        """Whether it is time to write."""
        return len(self._entries) + len(self._full) > MAX_ENTRIES or self._path_bytes > MAX_PATH_BYTES

    def count(self, process: int, kind: str, path: str) -> bool:
        """Count one more event of a kind that is known already; False: it is new, `add` it."""
        entry = self._entries.get((process, kind, path))
        if entry is None:
            return False
        entry.count += 1
        return True

    def add(self, process: int, kind: str, path: str, access: Access, at_s: float) -> None:
        """The first event of its kind: later ones are counted."""
        self._path_bytes += len(path)
        self._entries[process, kind, path] = _Entry(at_s, access, path, 1)

    def read(self, process: int, path: str, at_s: float, offset: int, length: int) -> None:
        """Bytes `offset` to `offset + length` were read or mapped."""
        key = process, "read", path
        entry = self._entries.get(key)
        if entry is None:
            self._path_bytes += len(path)
            entry = self._entries[key] = _Entry(at_s, Access.READ, path)
        elif len(entry.ranges) >= MAX_RANGES:
            self._full.append((process, entry))
            entry = self._entries[key] = _Entry(at_s, Access.READ, path)
        entry.count += 1
        if length:
            include(entry.ranges, offset, length)

    def take(self, name: Callable[[str], str]) -> Iterator[FileAccess]:
        """Everything, as records with paths as `name` gives them, in the order of first times; then nothing is left."""
        whole = [(process, entry) for (process, _, _), entry in self._entries.items()]
        whole += self._full
        self._entries, self._full, self._path_bytes = {}, [], 0
        for process, entry in sorted(whole, key=lambda row: row[1].at_s):
            yield FileAccess(
                at_s=round(entry.at_s, 6),
                process=process,
                step=0,
                access=entry.access,
                path=printable(name(entry.path)),
                count=entry.count,
                ranges=tuple(entry.ranges),
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
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
