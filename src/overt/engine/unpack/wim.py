"""Windows imaging files ([MS-WIM]): wim, esd, swm."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pybit7z import FormatWim

from overt.core.errors import Unsupported
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.sevenzip import reads

_PARTS = struct.Struct("<40xHH")
"""This part's number and how many there are, in the header ([MS-WIM] 2.2)."""
_read = reads(FormatWim)


def _unpack(data: bytes, room: Room) -> Iterator[Child]:
    """7-Zip would ask the kernel for the other parts of a split image, which an examiner must not."""
    if len(data) >= _PARTS.size:
        part, parts = _PARTS.unpack_from(data)
        if parts > 1:
            raise Unsupported(f"part {part} of {parts} of a split image: the others are files of their own")
    yield from _read(data, room)


FORMATS = (Format("wim", "Windows images", (Magic(0, b"MSWIM\0\0\0"),), unpack=_unpack),)
