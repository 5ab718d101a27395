"""Apple file systems: HFS+ and HFSX (TN1150), alone or wrapped in an HFS volume; HFS itself is only named."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pybit7z import FormatHfs

from overt.core.errors import Unsupported
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.sevenzip import members

_HEADER = 1024
_PLUS = (b"H+\0\4", b"HX\0\5")
_CLASSIC = b"BD"
_CLASSIC_BLOCK_SIZE = _HEADER + 20
_EMBEDDED = _HEADER + 0x7C


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """The files' forks. Raises `Unsupported` for HFS of before 1998, `Damaged` when the catalogue is."""
    if data.startswith(_CLASSIC, _HEADER) and not data.startswith(b"H+", _EMBEDDED):
        raise Unsupported("HFS volumes older than HFS+ cannot be read")
    yield from members(data, room, FormatHfs)


def _sniff(data: bytes) -> bool:
    """HFS has a signature of two bytes only: its block size must fit too."""
    if not data.startswith(_CLASSIC, _HEADER):
        return True
    if len(data) < _EMBEDDED:
        return False
    block: int
    (block,) = struct.unpack_from(">I", data, _CLASSIC_BLOCK_SIZE)
    return block > 0 and block % 512 == 0


FORMATS = (
    Format(
        "hfs",
        "HFS+ and HFSX file systems",
        tuple(Magic(_HEADER, value) for value in (*_PLUS, _CLASSIC)),
        sniff=_sniff,
        unpack=unpack,
    ),
)
