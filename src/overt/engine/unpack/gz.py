"""gzip (RFC 1952): members one after another, each with its own trailer."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.stream import Start, Streams, content

MAGIC = b"\x1f\x8b\x08"


class _Member:
    """`zlib`'s decompressor with the interface of the others; checks the trailer's CRC and size."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self._rest = b""
        self._more = False

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not (self._rest or self._more)

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        chunk = self._inflate.decompress(self._rest + data, max_length)
        self._rest = self._inflate.unconsumed_tail
        self._more = len(chunk) == max_length
        return chunk


def _start(data: bytes, offset: int) -> Start | None:
    return Start(offset, _Member()) if data.startswith(MAGIC, offset) else None


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child: all members' content joined, as `gzip -d` does."""
    yield from content(Streams(data, _start), room)


FORMATS = (Format("gzip", "gzip streams", (Magic(0, MAGIC),), unpack=unpack),)
