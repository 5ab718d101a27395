"""Optical discs: ISO 9660 (ECMA-119, with Joliet and Rock Ridge) and UDF (ECMA-167); a disc may be both."""

from __future__ import annotations

from pybit7z import FormatIso, FormatUdf

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

_SECTOR_BYTES = 2048
_FIRST_DESCRIPTOR = 16
_DESCRIPTORS = 64


def _is_udf(data: bytes) -> bool:
    """An NSR descriptor among the volume structure descriptors (ECMA-167 2/9.1)."""
    for sector in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + _DESCRIPTORS):
        identifier = data[sector * _SECTOR_BYTES + 1 : sector * _SECTOR_BYTES + 6]
        if identifier in (b"NSR02", b"NSR03"):
            return True
        if identifier not in (b"CD001", b"BEA01", b"BOOT2", b"CDW02"):
            return False
    return False


FORMATS = (
    Format("iso9660", "ISO 9660 discs", (Magic(32769, b"CD001"),), unpack=reads(FormatIso)),
    Format("udf", "UDF discs", sniff=_is_udf, unpack=reads(FormatUdf)),
)
