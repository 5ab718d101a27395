"""LZ4 frames (LZ4 Frame Format 1.6.4), skippable ones between them, and the legacy frames of kernel images."""

from __future__ import annotations

from collections.abc import Iterator

import lz4.frame
from lz4 import block

from overt.core.errors import Damaged
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.stream import Decoder, Start, Streams, content, skippable_end

MAGIC = b"\x04\x22\x4d\x18"
LEGACY_MAGIC = b"\x02\x21\x4c\x18"
LEGACY_BLOCK_BYTES = 8 << 20
LEGACY_BOUND_BYTES = LEGACY_BLOCK_BYTES + LEGACY_BLOCK_BYTES // 255 + 16
"""Largest compressed size of a block."""


def _start(data: bytes, offset: int) -> Start | None:
    start = skippable_end(data, offset)
    if not data.startswith(MAGIC, start):
        return None
    decoder: Decoder = lz4.frame.LZ4FrameDecompressor()  # type: ignore[no-untyped-call]
    return Start(start, decoder)


class _Legacy(Streams):
    """Blocks of at most 8 MiB after one signature; the frame ends with the data or at another signature."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, _start)

    def __iter__(self) -> Iterator[bytes]:
        self.end = len(LEGACY_MAGIC)
        while self.end + 4 <= len(self.data):
            size = int.from_bytes(self.data[self.end : self.end + 4], "little")
            if not 0 < size <= LEGACY_BOUND_BYTES:
                break
            packed = self.data[self.end + 4 : self.end + 4 + size]
            if len(packed) < size:
                raise Damaged("a block ends early")
            yield block.decompress(packed, uncompressed_size=LEGACY_BLOCK_BYTES)  # type: ignore[attr-defined]
            self.end += 4 + size
        self.finished = True


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child: all frames' content joined, as `lz4 -d` does."""
    legacy = data.startswith(LEGACY_MAGIC)
    yield from content(_Legacy(data) if legacy else Streams(data, _start), room)


FORMATS = (Format("lz4", "LZ4 frames", (Magic(0, MAGIC), Magic(0, LEGACY_MAGIC)), unpack=unpack),)
