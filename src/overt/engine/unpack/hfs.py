"""Apple file systems: HFS (Inside Macintosh: Files), HFS+ and HFSX (TN1150)."""

from __future__ import annotations

import struct

from pybit7z import FormatHfs

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

_VOLUME_HEADER = 1024
_CLASSIC_BLOCK_SIZE = _VOLUME_HEADER + 20


def _sniff(data: bytes) -> bool:
    """The signature has two bytes: the version (HFS+) or the block size (HFS) must fit too."""
    if data[_VOLUME_HEADER : _VOLUME_HEADER + 2] in (b"H+", b"HX"):
        return data[_VOLUME_HEADER + 2 : _VOLUME_HEADER + 4] in (b"\0\4", b"\0\5")
    if len(data) < _CLASSIC_BLOCK_SIZE + 4:
        return False
    block: int
    (block,) = struct.unpack_from(">I", data, _CLASSIC_BLOCK_SIZE)
    return block > 0 and block % 512 == 0


FORMATS = (
    Format(
        "hfs",
        "HFS, HFS+ and HFSX file systems",
        tuple(Magic(_VOLUME_HEADER, value) for value in (b"H+", b"HX", b"BD")),
        sniff=_sniff,
        unpack=reads(FormatHfs),
    ),
)
