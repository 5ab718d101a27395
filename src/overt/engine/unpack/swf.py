"""Flash films (SWF 19, chapter 2): a compressed film gives the film it would be uncompressed."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator

from overt.core.errors import Damaged
from overt.engine.unpack.base import Child, Format, Magic, Room

_HEADER_BYTES = 8
_LZMA_PROPERTIES = slice(12, 17)
_LZMA_BODY = 17
_UNKNOWN_SIZE = b"\xff" * 8
_CHUNK_BYTES = 1 << 20


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child: the film with the signature `FWS`."""
    body = _inflate(data) if data.startswith(b"CWS") else _expand(data)
    yield Child("film", room.gather(_film(data, body), "film"))


def _film(data: bytes, body: Iterator[bytes]) -> Iterator[bytes]:
    yield b"FWS" + data[3:_HEADER_BYTES]
    yield from body


def _inflate(data: bytes) -> Iterator[bytes]:
    decoder = zlib.decompressobj()
    rest = data[_HEADER_BYTES:]
    while not decoder.eof:
        chunk = decoder.decompress(rest, _CHUNK_BYTES)
        rest = decoder.unconsumed_tail
        if not chunk and not decoder.eof:
            raise Damaged("the film ends early")
        yield chunk


def _expand(data: bytes) -> Iterator[bytes]:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    rest = data[_LZMA_PROPERTIES] + _UNKNOWN_SIZE + data[_LZMA_BODY:]
    while not decoder.eof:
        chunk = decoder.decompress(rest, _CHUNK_BYTES)
        rest = b""
        if not chunk and decoder.needs_input:
            raise Damaged("the film ends early")
        yield chunk


def _sniff(data: bytes) -> bool:
    """A version that exists, and after it a stream that starts as one."""
    if len(data) <= _LZMA_BODY or not 6 <= data[3] <= 64:
        return False
    return data[_HEADER_BYTES] & 0x0F == 8 if data.startswith(b"CWS") else data[12] < 225


FORMATS = (
    Format(
        "swf", "compressed Flash films", (Magic(0, b"CWS"), Magic(0, b"ZWS")), sniff=_sniff, unpack=unpack
    ),
)
