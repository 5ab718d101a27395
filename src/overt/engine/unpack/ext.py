"""Linux file systems ext2, ext3 and ext4."""

from __future__ import annotations

import struct

from pybit7z import FormatExt

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

_SUPERBLOCK = 1024


def _sniff(data: bytes) -> bool:
    """The signature has two bytes: counts, block size and revision of the superblock must fit too."""
    if len(data) < 2 * _SUPERBLOCK:
        return False
    inodes, blocks = struct.unpack_from("<II", data, _SUPERBLOCK)
    (block_shift,) = struct.unpack_from("<I", data, _SUPERBLOCK + 24)
    (revision,) = struct.unpack_from("<I", data, _SUPERBLOCK + 76)
    return bool(inodes and blocks) and block_shift in range(7) and revision in (0, 1)


FORMATS = (
    Format(
        "ext",
        "ext2, ext3 and ext4 file systems",
        (Magic(1080, b"\x53\xef"),),
        sniff=_sniff,
        unpack=reads(FormatExt),
    ),
)
