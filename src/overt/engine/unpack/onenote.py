"""OneNote sections ([MS-ONESTORE]): the files embedded in them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from overt.core.errors import Damaged
from overt.engine.unpack.base import Child, Format, Magic, Room

_SECTION = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")
_FILE_DATA = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
"""guidHeader of a FileDataStoreObject ([MS-ONESTORE] 2.6.13)."""
_HEADER_BYTES = 36


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child per embedded file, found by its header wherever it is. Raises `Damaged` at the end when one is cut
    short."""
    number, cut = 0, False
    position = data.find(_FILE_DATA)
    while position >= 0 and position + _HEADER_BYTES <= len(data):
        (size,) = struct.unpack_from("<Q", data, position + 16)
        start = position + _HEADER_BYTES
        number += 1
        name = f"file {number}"
        cut = cut or size > len(data) - start
        yield Child(name, room.gather(iter((data[start : start + size],)), name))
        position = data.find(_FILE_DATA, start)
    if cut:
        raise Damaged("an embedded file is cut short")


FORMATS = (Format("onenote", "OneNote sections: embedded files", (Magic(0, _SECTION),), unpack=unpack),)
