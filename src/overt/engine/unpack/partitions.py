"""Partitioned disks: MBR, GPT (UEFI specification, chapter 5) and the Apple partition map."""

from __future__ import annotations

import struct

from pybit7z import FormatAPM, FormatGPT, FormatMbr

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

_TABLE, _ENTRY_BYTES, _ENTRIES = 446, 16, 4
_PROTECTIVE = 0xEE
_SECTOR_BYTES = 512


def _is_mbr(data: bytes) -> bool:
    """Every entry well formed, one of them inside the disk; a table that only protects a GPT is none."""
    used = [_partition(data, number) for number in range(_ENTRIES)]
    return None not in used and any(
        partition is not None and 0 < partition[0] * _SECTOR_BYTES < len(data) and partition[1]
        for partition in used
    )


def _partition(data: bytes, number: int) -> tuple[int, int] | None:
    """First sector and sectors of an entry, (0, 0) when it is not used, None when it cannot be an entry."""
    active, kind, first, sectors = struct.unpack_from("<B3xB3xII", data, _TABLE + number * _ENTRY_BYTES)
    if active not in (0, 0x80) or kind == _PROTECTIVE:
        return None
    return (first, sectors) if kind else (0, 0)


def _is_apm(data: bytes) -> bool:
    """A partition map entry one block after the driver descriptor (Inside Macintosh: Devices)."""
    return data.startswith((b"PM\0\0", b"PM\0\1"), int.from_bytes(data[2:4], "big"))


FORMATS = (
    Format("gpt", "GPT disks", (Magic(512, b"EFI PART"), Magic(4096, b"EFI PART")), unpack=reads(FormatGPT)),
    Format("apm", "Apple partition maps", (Magic(0, b"ER"),), sniff=_is_apm, unpack=reads(FormatAPM)),
    Format("mbr", "MBR disks", (Magic(510, b"\x55\xaa"),), sniff=_is_mbr, unpack=reads(FormatMbr)),
)
