"""Zstandard (RFC 8878): frames one after another, skippable ones between them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from overt.core.errors import Unsupported
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.stream import WINDOW_BYTES, Start, Streams, content, skippable_end

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"\x28\xb5\x2f\xfd"
_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: WINDOW_BYTES.bit_length() - 1}


def _window_bytes(data: bytes, offset: int) -> int:
    """The window that the frame at `offset` asks for; 0 when its content is one segment (section 3.1.1.1)."""
    descriptor, window = data[offset + 4 : offset + 5], data[offset + 5 : offset + 6]
    if not window or descriptor[0] & 0x20:
        return 0
    base = 1 << (10 + (window[0] >> 3))
    return base + (base >> 3) * (window[0] & 7)


def _start(data: bytes, offset: int) -> Start | None:
    start = skippable_end(data, offset)
    if not data.startswith(MAGIC, start):
        return None
    if (window := _window_bytes(data, start)) > WINDOW_BYTES:
        raise Unsupported(f"a frame needs a window of {window} bytes; at most {WINDOW_BYTES} are given")
    return Start(start, zstd.ZstdDecompressor(options=_OPTIONS))


def _is_zstd(data: bytes) -> bool:
    """A frame, or skippable frames before one."""
    if data.startswith(MAGIC):
        return True
    size = int.from_bytes(data[4:8], "little")
    return (
        data.startswith((MAGIC, b"\x2a\x4d\x18"), 8 + size) or data[9 + size : 12 + size] == b"\x2a\x4d\x18"
    )


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child: all frames' content joined, as `zstd -d` does."""
    yield from content(Streams(data, _start), room)


_SKIPPABLE = tuple(Magic(0, bytes([0x50 + n]) + b"\x2a\x4d\x18") for n in range(16))

FORMATS = (Format("zstd", "Zstandard frames", (Magic(0, MAGIC), *_SKIPPABLE), sniff=_is_zstd, unpack=unpack),)
