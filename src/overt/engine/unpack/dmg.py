"""Apple disk images (UDIF): the trailer is at the end of the file. Encrypted images are only named."""

from __future__ import annotations

from collections.abc import Iterator

from pybit7z import FormatDmg

from overt.core.errors import Encrypted
from overt.engine.unpack.base import Child, Format, Room
from overt.engine.unpack.sevenzip import members

_TRAILER_BYTES = 512
_ENCRYPTED = (b"encrcdsa", b"cdsaencr")


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child per partition. Raises `Encrypted` for an encrypted image, whatever passwords are given."""
    if _is_encrypted(data):
        raise Encrypted("encrypted disk images cannot be opened here")
    yield from members(data, room, FormatDmg)


def _is_encrypted(data: bytes) -> bool:
    return data.startswith(_ENCRYPTED[0]) or data.endswith(_ENCRYPTED[1])


def _sniff(data: bytes) -> bool:
    return data[-_TRAILER_BYTES:].startswith(b"koly\0\0\0\4") or _is_encrypted(data)


FORMATS = (Format("dmg", "Apple disk images", sniff=_sniff, unpack=unpack),)
