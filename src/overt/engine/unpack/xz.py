"""xz (The .xz File Format 1.2.1): streams one after another, with stream padding between them."""

from __future__ import annotations

import lzma
from collections.abc import Iterator

from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.stream import WINDOW_BYTES, Start, Streams, content

MAGIC = b"\xfd7zXZ\0"
PADDING_STEP = 1 << 16


def _after_padding(data: bytes, offset: int) -> int:
    """The first byte that is not zero at or after `offset`: padding is zeros, four by four (section 2.2)."""
    while offset < len(data):
        piece = data[offset : offset + PADDING_STEP]
        if rest := piece.lstrip(b"\0"):
            return offset + len(piece) - len(rest)
        offset += len(piece)
    return offset


def _start(data: bytes, offset: int) -> Start | None:
    start = _after_padding(data, offset)
    if not data.startswith(MAGIC, start):
        return None
    return Start(start, lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=WINDOW_BYTES + (8 << 20)))


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child: all streams' content joined, as `xz -d` does."""
    yield from content(Streams(data, _start), room)


FORMATS = (Format("xz", "xz streams", (Magic(0, MAGIC),), unpack=unpack),)
