"""gzip (RFC 1952): members one after another, each with its own trailer."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from overt.core.errors import Damaged
from overt.engine.unpack.base import Child, Format, Magic, Room

CHUNK_BYTES = 1 << 20


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child: all members' content joined, as `gzip -d` does."""
    yield Child("content", room.gather(_inflate(data), "content"))


def _inflate(data: bytes) -> Iterator[bytes]:
    rest = data
    while rest[:2] == b"\x1f\x8b":
        decoder = zlib.decompressobj(wbits=31)
        while not decoder.eof:
            before = len(rest)
            chunk = decoder.decompress(rest, CHUNK_BYTES)
            rest = decoder.unconsumed_tail
            if chunk:
                yield chunk
            elif not decoder.eof and len(rest) == before or not rest and not decoder.eof:
                raise Damaged("the stream ends early")
        rest = decoder.unused_data


FORMATS = (Format("gzip", "gzip streams", (Magic(0, b"\x1f\x8b\x08"),), unpack=unpack),)
