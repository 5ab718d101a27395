"""InstallShield cabinets, version 5 and later: a list of files in one volume or a header file, bytes in volumes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from overt.core.errors import Damaged, Unsupported
from overt.core.model import Reason
from overt.engine.unpack.base import Child, Room
from overt.engine.unpack.stored import text

MAGIC = b"ISc("
HEADER = struct.Struct("<4sIIII")
"""Signature, version, volume, offset and size of the descriptor."""
DESCRIPTOR = struct.Struct("<12xI4xI4xI8xII")
"""File table: offset, size; folders; files; second table's offset."""
ENTRY_5 = struct.Struct("<IIHII20xI")
ENTRY_6 = struct.Struct("<HQQQ16x16xIH12xIIBH")
VOLUME_6 = struct.Struct("<20xQIIQQQQQQ")
"""Data, first and last file; where, how long and how long packed is the part of each that is here."""

SPLIT, SCRAMBLED, PACKED, INVALID = 1, 2, 4, 8
LINKED_BEFORE = 1
MAX_NAME_BYTES = 512

_UNSCRAMBLE = [
    bytes(((((value ^ 0xD5) >> 2 | (value ^ 0xD5) << 6) & 0xFF) - seed) & 0xFF for value in range(256))
    for seed in range(0x47)
]


class Entry(NamedTuple):
    """One file of the list."""

    number: int
    name: str
    flags: int
    size: int
    packed: int
    offset: int
    volume: int
    linked: int


class Cabinet:
    """The volumes of one cabinet, and the bytes that hold its list of files."""

    def __init__(self, header: bytes, volumes: dict[int, bytes]) -> None:
        """Raises `Damaged`, or `Unsupported` when the list of files is not in `header`."""
        if len(header) < HEADER.size or not header.startswith(MAGIC):
            raise Damaged("no cabinet header")
        _, version, _, at, size = HEADER.unpack_from(header)
        if not size:
            raise Unsupported("the list of files is in another file (data1.hdr or data1.cab)")
        self.major = _major(version)
        if self.major < 5:
            raise Unsupported(f"cabinets of version {self.major}")
        self.header = header
        self.volumes = volumes
        self.at = at
        try:
            self.table, _, self.folders, self.count, self.second = DESCRIPTOR.unpack_from(header, at)
        except struct.error as error:
            raise Damaged("the list of files is cut short") from error

    def members(self, room: Room) -> Iterator[Child]:
        """Every file whose bytes are in one of the volumes; gaps for those in volumes that are not here."""
        for index in range(self.count):
            if room.spent:
                return
            try:
                entry = self._entry(index)
            except struct.error as error:
                raise Damaged("the list of files is cut short") from error
            if entry.flags & INVALID or entry.linked & LINKED_BEFORE or not entry.offset:
                room.skip()
            elif entry.volume not in self.volumes:
                room.gap(Reason.UNSUPPORTED, f"it is in volume {entry.volume}, which is not here", entry.name)
                room.skip()
            else:
                yield Child(entry.name, room.gather(self._content(entry), entry.name))

    def _entry(self, index: int) -> Entry:
        base = self.at + self.table
        if self.major == 5:
            (offset,) = struct.unpack_from("<I", self.header, base + 4 * (self.folders + index))
            name, _, flags, size, packed, start = ENTRY_5.unpack_from(self.header, base + offset)
            return Entry(index, self._name(base + name), flags, size, packed, start, 1, 0)
        at = base + self.second + ENTRY_6.size * index
        flags, size, packed, start, name, _, _, _, linked, volume = ENTRY_6.unpack_from(self.header, at)
        return Entry(index, self._name(base + name), flags, size, packed, start, volume, linked)

    def _name(self, at: int) -> str:
        raw = self.header[at : at + MAX_NAME_BYTES]
        if self.major >= 17:
            return raw.decode("utf-16-le", "replace").split("\0")[0]
        return text(raw.split(b"\0")[0])

    def _content(self, entry: Entry) -> Iterator[bytes]:
        stored = self._stored(entry)
        if entry.flags & SCRAMBLED:
            stored = _unscrambled(stored)
        if entry.flags & PACKED:
            yield from _inflated(stored)
        else:
            yield stored

    def _stored(self, entry: Entry) -> bytes:
        """The file's bytes as they are in the volumes. Raises `Damaged` when they are not all there."""
        size = entry.packed if entry.flags & PACKED else entry.size
        if entry.flags & SPLIT and self.major > 5:
            stored = self._split(entry)
        else:
            stored = self.volumes[entry.volume][entry.offset : entry.offset + size]
        if len(stored) < size:
            raise Damaged("the file's bytes are not all in the volumes that are here")
        return stored[:size]

    def _split(self, entry: Entry) -> bytes:
        parts = []
        for number in sorted(self.volumes):
            volume = self.volumes[number]
            if len(volume) < VOLUME_6.size:
                continue
            _, first, last, *spans = VOLUME_6.unpack_from(volume)
            for index, (offset, size, packed) in ((last, spans[3:]), (first, spans[:3])):
                if index == entry.number and offset:
                    parts.append(volume[offset : offset + (packed if entry.flags & PACKED else size)])
                    break
        return b"".join(parts)


def _major(version: int) -> int:
    """Versions are coded in three ways: 0x0100X000, 0x0200nnnn and 0x0400nnnn with nnnn in hundredths."""
    if version >> 24 == 1:
        return version >> 12 & 0xF
    return (version & 0xFFFF) // 100 if version & 0xFFFF else 5


def _unscrambled(data: bytes) -> bytes:
    plain = bytearray(data)
    for seed, table in enumerate(_UNSCRAMBLE):
        plain[seed :: len(_UNSCRAMBLE)] = data[seed :: len(_UNSCRAMBLE)].translate(table)
    return bytes(plain)


def _inflated(stored: bytes) -> Iterator[bytes]:
    """Blocks of a 16-bit length and raw deflate, each on its own."""
    at = 0
    while at + 2 <= len(stored):
        size = int.from_bytes(stored[at : at + 2], "little")
        inflate = zlib.decompressobj(wbits=-15)
        chunk = inflate.decompress(stored[at + 2 : at + 2 + size], 1 << 20)
        if not chunk:
            raise Damaged("a block is empty")
        yield chunk
        at += 2 + size
