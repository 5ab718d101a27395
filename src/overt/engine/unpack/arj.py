"""ARJ archives: the signature has two bytes only, so the first header's checksum decides."""

from __future__ import annotations

import struct
import zlib

from pybit7z import FormatArj

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

_MAX_HEADER_BYTES = 2600


def _sniff(data: bytes) -> bool:
    if len(data) < 8:
        return False
    (size,) = struct.unpack_from("<H", data, 2)
    if not 30 <= size <= _MAX_HEADER_BYTES or len(data) < 8 + size:
        return False
    return zlib.crc32(data[4 : 4 + size]) == int.from_bytes(data[4 + size : 8 + size], "little")


FORMATS = (Format("arj", "ARJ archives", (Magic(0, b"\x60\xea"),), sniff=_sniff, unpack=reads(FormatArj)),)
