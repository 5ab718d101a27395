"""cpio (libarchive's cpio(5)): newc with and without CRC, portable octal (odc), and old binary of either order."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from overt.core.errors import Damaged
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.stored import after_end, stored, text

TRAILER = b"TRAILER!!!"
MAX_NAME_BYTES = 1 << 16
KIND_MASK, REGULAR = 0o170000, 0o100000
KINDS = (0, 0o010000, 0o020000, 0o040000, 0o060000, 0o100000, 0o120000, 0o140000)


class Header(NamedTuple):
    """One member's header: where its name and content are, and where the next header is."""

    mode: int
    name: bytes
    start: int
    size: int
    next: int


def _octal(data: bytes, offset: int) -> Header:
    mode, name_bytes = int(data[offset + 18 : offset + 24], 8), int(data[offset + 59 : offset + 65], 8)
    size = int(data[offset + 65 : offset + 76], 8)
    return _header(data, offset + 76, mode, name_bytes, size, 1)


def _hexadecimal(data: bytes, offset: int) -> Header:
    fields = [int(data[offset + 6 + 8 * n : offset + 14 + 8 * n], 16) for n in range(13)]
    return _header(data, offset + 110, fields[1], fields[11], fields[6], 4, offset)


def _binary(data: bytes, offset: int, order: str) -> Header:
    words = struct.unpack_from(f"{order}13H", data, offset)
    return _header(data, offset + 26, words[3], words[10], words[11] << 16 | words[12], 2, offset)


def _header(data: bytes, at: int, mode: int, name_bytes: int, size: int, align: int, base: int = 0) -> Header:
    name = data[at : at + name_bytes]
    if not 1 < name_bytes <= MAX_NAME_BYTES or not name.endswith(b"\0") or mode & KIND_MASK not in KINDS:
        raise Damaged(f"no member header before byte {at}")
    start = _aligned(at + name_bytes, align, base)
    return Header(mode, name[:-1], start, size, _aligned(start + size, align, base))


def _aligned(offset: int, align: int, base: int) -> int:
    """Members start aligned in their archive, but an archive may start anywhere in the file."""
    return base + -(-(offset - base) // align) * align


def read_header(data: bytes, offset: int) -> Header:
    """The member header at `offset`. Raises `Damaged`."""
    magic = data[offset : offset + 6]
    try:
        if magic in (b"070701", b"070702"):
            return _hexadecimal(data, offset)
        if magic == b"070707":
            return _octal(data, offset)
        if magic[:2] in (b"\xc7\x71", b"\x71\xc7"):
            return _binary(data, offset, "<" if magic[:1] == b"\xc7" else ">")
    except (ValueError, struct.error) as error:
        raise Damaged(f"the member header at byte {offset} is broken") from error
    raise Damaged(f"no member header at byte {offset}")


def _is_cpio(data: bytes) -> bool:
    try:
        read_header(data, 0)
    except Damaged:
        return False
    return True


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Every member with content; raises `Damaged` where the headers stop making sense."""
    offset = 0
    while not room.spent:
        if offset >= len(data):
            raise Damaged("the archive ends without its trailer")
        header = read_header(data, offset)
        offset = header.next
        if header.name == TRAILER and not header.size:
            break
        if header.mode & KIND_MASK == REGULAR and header.size:
            yield stored(data, header.start, header.size, text(header.name), room)
        else:
            room.skip()
    if not room.spent:
        yield from after_end(data, offset, room)


_MAGICS = (b"070701", b"070702", b"070707", b"\xc7\x71", b"\x71\xc7")

FORMATS = (
    Format(
        "cpio",
        "cpio archives: newc, crc, odc, binary",
        tuple(Magic(0, magic) for magic in _MAGICS),
        sniff=_is_cpio,
        unpack=unpack,
    ),
)
