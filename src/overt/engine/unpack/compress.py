"""compress (.Z): LZW with codes of 9 to 16 bits, read by 7-Zip."""

from __future__ import annotations

from collections.abc import Iterator

from pybit7z import FormatZ

from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.sevenzip import members


def _is_compress(data: bytes) -> bool:
    """Flags: bits 4-0 are the longest code, 9 to 16; bits 6-5 are reserved and zero."""
    return len(data) > 3 and 9 <= data[2] & 0x1F <= 16 and not data[2] & 0x60


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child: the content."""
    yield from members(data, room, FormatZ)


FORMATS = (
    Format("compress", "compress (.Z) streams", (Magic(0, b"\x1f\x9d"),), sniff=_is_compress, unpack=unpack),
)
