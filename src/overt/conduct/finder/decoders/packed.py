"""Compressed streams, wherever in some bytes they begin: gzip, zlib, bzip2, xz, LZMA, Zstandard, LZ4; raw deflate and
zip members by their headers."""

from __future__ import annotations

import bz2
import lzma
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import lz4.frame

from overt.conduct.finder.decoders.base import Decode, Decoder, Piece, Trust

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

ERRORS = (zlib.error, lzma.LZMAError, ZstdError, OSError, EOFError, ValueError, RuntimeError)
PROBE_BYTES = 1_024
"""Read of a stream before it is believed: random bytes seldom survive so many."""
CHUNK_BYTES = 4_096
"""Read at once: even the densest stream then gives no more than about 128 MiB before it is counted."""
MIN_DECODED = 16
DEFLATE_MIN_DECODED = 48
"""Raw deflate has neither magic nor checksum."""
ZIP_LOCAL = re.compile(rb"PK\x03\x04", re.DOTALL)
ZIP_HEADER = struct.Struct("<4sHHHHHIIIHH")
STORED, DEFLATED = 0, 8


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes | None: ...

    def decompress(self, data: bytes, /) -> bytes: ...


Start = Callable[[], _Decompressor]


def _stream(start: Start, data: bytes, at: int, limit: int) -> Piece | None:
    """What the stream at `at` holds, up to its end, its damage or the limit; None if it is none."""
    stream, parts, size, position = start(), [], 0, at
    step = PROBE_BYTES
    sound = False
    try:
        while position < len(data) and size < limit and not stream.eof:
            chunk = data[position : position + step]
            part = stream.decompress(chunk)
            position += len(chunk)
            step = CHUNK_BYTES
            parts.append(part)
            size += len(part)
        sound = stream.eof or position >= len(data)
    except ERRORS:
        if not parts:
            return None
    if stream.eof:
        position -= len(stream.unused_data or b"")
    if size < MIN_DECODED:
        return None
    return Piece(at, position, b"".join(parts)[:limit], Trust.SOUND if sound else Trust.LIKELY)


def _wherever(magic: re.Pattern[bytes], start: Start) -> Decode:
    def decode(data: bytes, limit: int) -> Iterator[Piece]:
        at = 0
        while found := magic.search(data, at):
            piece = _stream(start, data, found.start(), limit)
            if piece:
                yield piece
            at = piece.end if piece and piece.trust is Trust.SOUND else found.start() + 1

    return decode


def _deflate(data: bytes, limit: int) -> Iterator[Piece]:
    """Only at the very beginning: it could begin anywhere."""
    piece = _stream(lambda: zlib.decompressobj(-15), data, 0, limit)
    if piece and len(piece.data) >= DEFLATE_MIN_DECODED:
        yield Piece(piece.start, piece.end, piece.data, Trust.GUESS)


def _zip(data: bytes, limit: int) -> Iterator[Piece]:
    """Members by their local headers, so that a piece of a zip file is read too (APPNOTE 4.3.7)."""
    for found in ZIP_LOCAL.finditer(data):
        if found.start() + ZIP_HEADER.size > len(data):
            return
        _, _, _, method, _, _, _, packed, _, name, extra = ZIP_HEADER.unpack_from(data, found.start())
        begin = found.start() + ZIP_HEADER.size + name + extra
        if method == DEFLATED:
            piece = _stream(lambda: zlib.decompressobj(-15), data, begin, limit)
            if piece:
                yield Piece(found.start(), piece.end, piece.data, piece.trust)
        elif method == STORED and 0 < packed <= len(data) - begin:
            yield Piece(found.start(), begin + packed, data[begin : begin + packed][:limit], Trust.LIKELY)


def _lz4() -> _Decompressor:
    stream: _Decompressor = lz4.frame.LZ4FrameDecompressor()  # type: ignore[no-untyped-call]
    return stream


def begins(data: bytes) -> bool:
    """Whether a stream with a magic begins here and can be read for a while."""
    return any(
        piece.start == 0
        for decoder in DECODERS
        if decoder.name != "deflate"
        for piece in decoder.decode(data, PROBE_BYTES)
    )


DECODERS = (
    Decoder("gzip", _wherever(re.compile(rb"\x1f\x8b\x08"), lambda: zlib.decompressobj(31))),
    Decoder("zlib", _wherever(re.compile(rb"x[\x01\x5e\x9c\xda]"), zlib.decompressobj)),
    Decoder("bzip2", _wherever(re.compile(rb"BZh[1-9]1AY&SY"), bz2.BZ2Decompressor)),
    Decoder("xz", _wherever(re.compile(rb"\xfd7zXZ\0"), lzma.LZMADecompressor)),
    Decoder(
        "lzma",
        _wherever(
            re.compile(rb"\x5d\0\0[\0-\xff][\0-\x20](?:\xff{8}|.{4}\0{4})", re.DOTALL),
            lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE),
        ),
    ),
    Decoder("zstd", _wherever(re.compile(rb"\x28\xb5\x2f\xfd"), ZstdDecompressor)),
    Decoder("lz4", _wherever(re.compile(rb"\x04\x22\x4d\x18"), _lz4)),
    Decoder("zip", _zip),
    Decoder("deflate", _deflate),
)
