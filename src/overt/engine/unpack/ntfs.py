"""NTFS volumes; alternate data streams are members of their own, named `file:stream`."""

from __future__ import annotations

import struct

from pybit7z import FormatNtfs

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads


def _sniff(data: bytes) -> bool:
    """The master file table begins inside the data: a copy of the boot sector alone is no volume."""
    if len(data) < 512:
        return False
    sector, cluster = struct.unpack_from("<HB", data, 11)
    sectors = cluster if cluster <= 0x80 else 1 << (0x100 - cluster)
    return bool(int.from_bytes(data[48:56], "little") * sector * sectors < len(data))


FORMATS = (
    Format("ntfs", "NTFS volumes", (Magic(3, b"NTFS    \0"),), sniff=_sniff, unpack=reads(FormatNtfs)),
)
