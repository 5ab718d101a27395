"""A small writer of OLE compound files ([MS-CFB] version 3), for fixtures."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import pairwise

SECTOR, MINI, CUTOFF = 512, 64, 4096
FREE, END, FAT_SECTOR, NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
STORAGE, STREAM, ROOT = 1, 2, 5


@dataclass
class _Entry:
    name: str
    kind: int
    data: bytes = b""
    children: dict[str, _Entry] = field(default_factory=dict)
    number: int = 0
    child: int = NONE
    right: int = NONE
    start: int = END


class _Chains:
    """Sectors of one size and the table that chains them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.table: list[int] = []
        self.content = b""

    def add(self, data: bytes) -> int:
        if not data:
            return END
        count = -(-len(data) // self.size)
        first = len(self.table)
        self.table += [*range(first + 1, first + count), END]
        self.content += data.ljust(count * self.size, b"\0")
        return first


def compound(streams: dict[str, bytes]) -> bytes:
    """A compound file of `streams`: path with `/` between storages → content."""
    root = _Entry("Root Entry", ROOT)
    for path, data in streams.items():
        *folders, name = path.split("/")
        place = root
        for folder in folders:
            place = place.children.setdefault(folder, _Entry(folder, STORAGE))
        place.children[name] = _Entry(name, STREAM, data)
    entries = _numbered(root)
    big, small = _Chains(SECTOR), _Chains(MINI)
    for entry in entries:
        if entry.kind == STREAM:
            entry.start = (small if len(entry.data) < CUTOFF else big).add(entry.data)
    root.data = small.content
    root.start = big.add(small.content)
    directory = b"".join(map(_record, entries)).ljust(-(-len(entries) // 4) * SECTOR, b"\0")
    directory_start = big.add(directory)
    sectors = -(-len(small.table) * 4 // SECTOR)
    mini_table = struct.pack(f"<{len(small.table)}I", *small.table).ljust(sectors * SECTOR, b"\xff")
    return _file(big, directory_start, big.add(mini_table), sectors)


def _numbered(root: _Entry) -> list[_Entry]:
    """All entries; siblings are chained in the order that the format wants (length, then upper case)."""
    entries = [root]
    queue = [root]
    for entry in queue:
        ordered = sorted(entry.children.values(), key=lambda child: (len(child.name), child.name.upper()))
        for child in ordered:
            child.number = len(entries)
            entries.append(child)
        for left, right in pairwise(ordered):
            left.right = right.number
        entry.child = ordered[0].number if ordered else NONE
        queue.extend(ordered)
    return entries


def _record(entry: _Entry) -> bytes:
    name = entry.name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16sIQQIQ",
        name,
        len(name) + 2,
        entry.kind,
        1,
        NONE,
        entry.right,
        entry.child,
        bytes(16),
        0,
        0,
        0,
        entry.start if entry.kind != STORAGE else 0,
        len(entry.data),
    )


def _file(big: _Chains, directory: int, mini: int, mini_sectors: int) -> bytes:
    count = len(big.table)
    fats = 1
    while fats * (SECTOR // 4) < count + fats:
        fats += 1
    table = [*big.table, *[FAT_SECTOR] * fats]
    table += [FREE] * (fats * (SECTOR // 4) - len(table))
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        bytes(16),
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        bytes(6),
        0,
        fats,
        directory,
        0,
        CUTOFF,
        mini if mini_sectors else END,
        mini_sectors,
        END,
        0,
        count,
    )
    slots = [*range(count, count + fats), *[FREE] * (109 - fats)][1:]
    header += struct.pack("<108I", *slots)
    return header + big.content + struct.pack(f"<{len(table)}I", *table)
