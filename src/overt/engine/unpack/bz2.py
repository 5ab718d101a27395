"""bzip2: streams one after another, as `bzip2 -d` joins them."""

from __future__ import annotations

import bz2
from collections.abc import Iterator

from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.stream import Start, Streams, content

BLOCK = b"1AY&SY"
END = b"\x17rE8P\x90"


def _is_stream(data: bytes, offset: int = 0) -> bool:
    """`BZh`, the block size `1` to `9`, then the signature of a block or of the stream's end."""
    return (
        data.startswith(b"BZh", offset)
        and data[offset + 3 : offset + 4] in (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9")
        and data[offset + 4 : offset + 10] in (BLOCK, END)
    )


def _start(data: bytes, offset: int) -> Start | None:
    return Start(offset, bz2.BZ2Decompressor()) if _is_stream(data, offset) else None


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child: all streams' content joined."""
    yield from content(Streams(data, _start), room)


FORMATS = (Format("bzip2", "bzip2 streams", (Magic(0, b"BZh"),), sniff=_is_stream, unpack=unpack),)
