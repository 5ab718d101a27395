""".lzma files of the older LZMA tools: 13 bytes of header (properties, dictionary, size), then LZMA1.

There is no signature, so recognition is strict: the properties that every encoder writes, a dictionary of a size
that encoders use, a size that is unknown or plausible, the range coder's first byte, and some bytes that decode.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator

from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.stream import WINDOW_BYTES, Start, Streams, content

HEADER_BYTES = 13
UNKNOWN_SIZE = 0xFFFF_FFFF_FFFF_FFFF
MAX_CLAIMED_BYTES = 1 << 38
TRIAL_BYTES = 4096

_DICTIONARIES = frozenset((1 << n) + half for n in range(12, 31) for half in (0, 1 << (n - 1)))


def _is_lzma(data: bytes) -> bool:
    size = int.from_bytes(data[5:13], "little")
    if data[HEADER_BYTES : HEADER_BYTES + 1] != b"\0" or (size != UNKNOWN_SIZE and size > MAX_CLAIMED_BYTES):
        return False
    if int.from_bytes(data[1:5], "little") not in _DICTIONARIES:
        return False
    try:
        return bool(_decoder().decompress(data[:TRIAL_BYTES], 1))
    except lzma.LZMAError:
        return False


def _decoder() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=WINDOW_BYTES + (8 << 20))


def _start(data: bytes, offset: int) -> Start | None:
    return None if offset else Start(0, _decoder())


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child: the content."""
    yield from content(Streams(data, _start), room)


FORMATS = (Format("lzma", ".lzma streams", (Magic(0, b"\x5d\0\0"),), sniff=_is_lzma, unpack=unpack),)
