"""lzip (manual, "File format"): members of LZMA1 with an end marker and a trailer of CRC and sizes."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Iterator

from overt.core.errors import Damaged, Unsupported
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.stream import WINDOW_BYTES, Start, Streams, content

MAGIC = b"LZIP\x01"
HEADER_BYTES = 6
TRAILER = struct.Struct("<IQQ")
"""CRC-32 of the content, its size, and the size of the member with header and trailer."""


def _dictionary_bytes(coded: int) -> int:
    """Bits 4-0 are the base-2 logarithm, bits 7-5 the sixteenths of it to subtract; 4 KiB to 512 MiB."""
    base = 1 << (coded & 31)
    return base - (base >> 4) * (coded >> 5)


def _start(data: bytes, offset: int) -> Start | None:
    if not data.startswith(MAGIC, offset) or len(data) <= offset + HEADER_BYTES:
        return None
    dictionary = _dictionary_bytes(data[offset + 5])
    if dictionary > WINDOW_BYTES:
        raise Unsupported(f"a dictionary of {dictionary} bytes is needed; at most {WINDOW_BYTES} are given")
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": max(dictionary, 4096), "lc": 3, "lp": 0, "pb": 2}]
    return Start(offset + HEADER_BYTES, lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters))


class _Members(Streams):
    """Checks each member's trailer."""

    def _chunks(self, start: Start) -> Iterator[bytes]:
        crc = size = 0
        for chunk in super()._chunks(start):
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
            yield chunk
        trailer = self.data[self.end : self.end + TRAILER.size]
        self.end += TRAILER.size
        member = self.end - start.offset + HEADER_BYTES
        if len(trailer) < TRAILER.size or TRAILER.unpack(trailer) != (crc, size, member):
            raise Damaged("a member's trailer does not agree with its content")


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child: all members' content joined, as `lzip -d` does."""
    yield from content(_Members(data, _start), room)


FORMATS = (Format("lzip", "lzip members", (Magic(0, MAGIC),), unpack=unpack),)
