"""FAT12, FAT16 and FAT32 volumes (Microsoft's FAT specification 1.03)."""

from __future__ import annotations

import struct

from pybit7z import FormatFat

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads


def _sniff(data: bytes) -> bool:
    """The boot sector's jump, and a parameter block whose values exist."""
    if data[0] not in (0xE9, 0xEB) or len(data) < 512:
        return False
    sector, cluster, reserved, tables = struct.unpack_from("<HBHB", data, 11)
    return (
        sector in (512, 1024, 2048, 4096)
        and cluster in (1, 2, 4, 8, 16, 32, 64, 128)
        and reserved > 0
        and tables in (1, 2)
        and data[21] >= 0xF0
    )


FORMATS = (
    Format(
        "fat",
        "FAT12, FAT16 and FAT32 volumes",
        (Magic(510, b"\x55\xaa"),),
        sniff=_sniff,
        unpack=reads(FormatFat),
    ),
)
