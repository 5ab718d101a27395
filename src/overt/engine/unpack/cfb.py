"""OLE compound files ([MS-CFB]) that 7-Zip refuses: it wants every header field as Windows writes it, Office does not.

The tables are followed as far as they lead; loops and sectors outside the file end a chain.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from overt.core.errors import Damaged
from overt.engine.unpack import compound
from overt.engine.unpack.base import Child, Room

HEADER_BYTES = 512
ENTRY_BYTES = 128
MINI_BYTES = 64
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_LAST_SECTOR = 0xFFFFFFFA
"""Sector numbers above it are marks ([MS-CFB] 2.1)."""


class _Entry(NamedTuple):
    name: str
    kind: int
    left: int
    right: int
    child: int
    start: int
    size: int


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Every stream, by 7-Zip or, when it cannot open the file, by the reader here. Raises `Damaged` when neither finds
    a directory."""
    begun = False
    try:
        for child in compound.unpack(data, room):
            begun = True
            yield child
    except Damaged:
        if begun:
            raise
        reader = _Reader(data)
        if not any(entry.kind == _STREAM for entry in reader.entries):
            raise
        for name, chunks in reader.streams():
            yield Child(name, room.gather(chunks, name))


class _Reader:
    """The tables of one file."""

    def __init__(self, data: bytes) -> None:
        """Read header, allocation table and directory. Raises `Damaged` when there is no whole header."""
        if len(data) < HEADER_BYTES:
            raise Damaged("the header is cut short")
        self.data = data
        (shift,) = struct.unpack_from("<H", data, 30)
        self.sector_bytes = 1 << (shift if 7 <= shift <= 16 else 9)
        directory, self.cutoff, mini_table = struct.unpack_from("<I4xII", data, 48)
        self.table = self._table()
        content = b"".join(self._chain(directory))
        self.entries = [
            _entry(content[at : at + ENTRY_BYTES]) for at in range(0, len(content) - 127, ENTRY_BYTES)
        ]
        small = b"".join(self._chain(mini_table))
        self.mini_table = struct.unpack(f"<{len(small) // 4}I", small[: len(small) // 4 * 4])
        root = next((entry for entry in self.entries if entry.kind == _ROOT), None)
        self.mini = b"".join(self._chain(root.start)) if root else b""

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self.sector_bytes
        return self.data[start : start + self.sector_bytes]

    def _table(self) -> tuple[int, ...]:
        """The allocation table, from the sectors that the header and its continuation list."""
        listed = list(struct.unpack_from("<109I", self.data, 76))
        (following,) = struct.unpack_from("<I", self.data, 68)
        seen: set[int] = set()
        while following <= _LAST_SECTOR and following not in seen and (sector := self._sector(following)):
            seen.add(following)
            numbers = struct.unpack(f"<{len(sector) // 4}I", sector[: len(sector) // 4 * 4])
            listed += numbers[:-1]
            following = numbers[-1]
        sectors = b"".join(self._sector(number) for number in dict.fromkeys(listed) if number <= _LAST_SECTOR)
        return struct.unpack(f"<{len(sectors) // 4}I", sectors[: len(sectors) // 4 * 4])

    def _chain(self, start: int, seen: set[int] | None = None) -> Iterator[bytes]:
        """Sectors from `start` on, to the end of the chain or one that was `seen`."""
        seen = set() if seen is None else seen
        while start < len(self.table) and start not in seen and (sector := self._sector(start)):
            seen.add(start)
            yield sector
            start = self.table[start]

    def _mini_chain(self, start: int, seen: set[int]) -> Iterator[bytes]:
        while start < len(self.mini_table) and start not in seen:
            seen.add(start)
            yield self.mini[start * MINI_BYTES : (start + 1) * MINI_BYTES]
            start = self.mini_table[start]

    def streams(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """(path, content in chunks) of every stream; those that no storage leads to are listed too."""
        paths = self._paths()
        seen: tuple[set[int], set[int]] = (set(), set())
        for number, entry in enumerate(self.entries):
            if entry.kind == _STREAM:
                yield paths.get(number, entry.name), self._content(entry, *seen)

    def _paths(self) -> dict[int, str]:
        paths: dict[int, str] = {}
        pending = [(entry.child, "") for entry in self.entries if entry.kind == _ROOT]
        while pending:
            number, folder = pending.pop()
            if number >= len(self.entries) or number in paths:
                continue
            entry = self.entries[number]
            paths[number] = folder + entry.name
            pending += [(entry.left, folder), (entry.right, folder)]
            if entry.kind == _STORAGE:
                pending.append((entry.child, paths[number] + "/"))
        return paths

    def _content(self, entry: _Entry, seen: set[int], seen_mini: set[int]) -> Iterator[bytes]:
        """One stream; a sector belongs to one stream only, so that overlapping ones cannot multiply the file."""
        left, mini = entry.size, entry.size < self.cutoff
        if not left:
            return
        for sector in self._mini_chain(entry.start, seen_mini) if mini else self._chain(entry.start, seen):
            yield sector[:left]
            left -= min(left, len(sector))
            if not left:
                return
        raise Damaged(f"{left} of {entry.size} bytes are missing")


def _entry(record: bytes) -> _Entry:
    """One directory entry ([MS-CFB] 2.6.1); control characters in names as 7-Zip shows them."""
    raw, length, kind, left, right, child = struct.unpack_from("<64sHBxIII", record)
    start, size = struct.unpack_from("<II", record, 116)
    name = raw[: max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace")
    shown = "".join(char if ord(char) >= 32 else f"[{ord(char)}]" for char in name)
    return _Entry(shown, kind, left, right, child, start, size)
