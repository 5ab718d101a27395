"""InstallShield: cabinets of version 5 and later, and the two kinds of setup programs that carry files.

The layouts have no public specification; these are the ones that the open-source readers have agreed on for years.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from overt.core.errors import Damaged, Unsupported
from overt.core.model import Reason
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.iscab import MAGIC, Cabinet
from overt.engine.unpack.stored import text

LISTED = re.compile(rb"([^\0\r\n]{1,255})\0([^\0\r\n]{0,259})\0([\d.]{1,32})\0(\d{1,10})\0")
"""One file in the overlay of a setup program: name, path, version, size; its bytes follow."""

MSI_MAGIC = b"InstallShield\0"
MSI_ENTRY = struct.Struct("<260sIIIII32x")
"""Name, flags, unknown, size, and more that is not needed; 312 bytes."""
MSI_SEARCH_BYTES = 1024
MAX_MSI_FILES = 4096
KEY = b"\x13\x35\x86\x07"
PERIOD = 1024
"""The key starts anew after so many bytes."""

_SWAPPED = bytes((value << 4 | value >> 4) & 0xFF for value in range(256))
CHUNK_BYTES = 1 << 20


class Listed(NamedTuple):
    """A file of a setup program: where its bytes are."""

    name: str
    start: int
    size: int


def _listed(data: bytes) -> list[Listed]:
    found, offset = [], 0
    while match := LISTED.match(data, offset):
        found.append(Listed(text(match[2] or match[1]), match.end(), int(match[4])))
        offset = match.end() + int(match[4])
    return found


def _is_listed(data: bytes) -> bool:
    match = LISTED.match(data)
    return match is not None and match[2].endswith(match[1]) and match.end() + int(match[4]) <= len(data)


def _setup(data: bytes, room: Room) -> Iterator[Child]:
    """Every file of the setup program; cabinets are read together with the header file that lists them."""
    files = _listed(data)
    volumes: dict[str, list[Listed]] = {}
    for file in files:
        if data.startswith(MAGIC, file.start):
            stem = file.name.rsplit(".", 1)[0].rstrip("0123456789").lower()
            volumes.setdefault(stem, []).append(file)
        else:
            yield Child(file.name, room.gather((data[file.start : file.start + file.size],), file.name))
        if room.spent:
            return
    for cabinet in volumes.values():
        yield from _cabinet(data, cabinet, room)


def _cabinet(data: bytes, files: list[Listed], room: Room) -> Iterator[Child]:
    parts = {file.name.lower(): data[file.start : file.start + file.size] for file in files}
    header = next((part for name, part in parts.items() if name.endswith(".hdr")), None)
    numbered = {_number(name): part for name, part in parts.items() if not name.endswith(".hdr")}
    try:
        yield from Cabinet(header or numbered.get(1, b""), numbered).members(room)
    except (Damaged, Unsupported) as error:
        reason = Reason.DAMAGED if isinstance(error, Damaged) else Reason.UNSUPPORTED
        room.gap(reason, f"{files[0].name}: {error}")


def _number(name: str) -> int:
    digits = re.search(r"(\d{1,4})\.[^.]*$", name)
    return int(digits[1]) if digits else 1


def _alone(data: bytes, room: Room) -> Iterator[Child]:
    """A cabinet whose list of files is in itself. Raises `Unsupported` when it is in another file."""
    yield from Cabinet(data, {1: data}).members(room)


def carries(data: bytes) -> bool:
    """Whether the overlay of a program is that of an InstallShield setup program, read whole by this module."""
    return _is_listed(data) or (data.startswith((b"NB10", MSI_MAGIC)) and _is_msi_setup(data))


def _is_msi_setup(data: bytes) -> bool:
    return data.find(MSI_MAGIC, 0, MSI_SEARCH_BYTES) >= 0


def _msi_setup(data: bytes, room: Room) -> Iterator[Child]:
    """The files of a setup program around an MSI package: each scrambled with its name, most of them deflated."""
    at = data.find(MSI_MAGIC, 0, MSI_SEARCH_BYTES)
    (count,) = struct.unpack_from("<H", data, at + len(MSI_MAGIC))
    offset = at + len(MSI_MAGIC) + 32
    for _ in range(min(count, MAX_MSI_FILES)):
        if room.spent:
            return
        if offset + MSI_ENTRY.size > len(data):
            raise Damaged(f"no file header at byte {offset}")
        name, flags, _, size, _, _ = MSI_ENTRY.unpack_from(data, offset)
        name = name.split(b"\0")[0]
        offset += MSI_ENTRY.size
        body = data[offset : offset + size]
        offset += size
        if len(body) < size:
            room.gap(Reason.DAMAGED, "the end is missing", text(name))
        yield Child(text(name), room.gather(_unscrambled(body, name, flags), text(name)))


def _unscrambled(body: bytes, name: bytes, flags: int) -> Iterator[bytes]:
    key = bytes(char ^ KEY[index % len(KEY)] for index, char in enumerate(name))
    if not key:
        raise Damaged("a file without a name")
    period = (key * (PERIOD // len(key) + 1))[:PERIOD]
    plain = _xored(body.translate(_SWAPPED), period)
    if plain[:1] != b"\x78":
        yield plain
        return
    inflate = zlib.decompressobj()
    while not inflate.eof:
        chunk = inflate.decompress(plain, CHUNK_BYTES)
        plain = inflate.unconsumed_tail
        if not (chunk or plain or inflate.eof):
            raise Damaged("the stream ends early")
        yield chunk


def _xored(data: bytes, period: bytes) -> bytes:
    """`data` with every byte xored with the period's and inverted."""
    mask = bytes(value ^ 0xFF for value in period) * (len(data) // len(period) + 1)
    number = int.from_bytes(data, "little") ^ int.from_bytes(mask[: len(data)], "little")
    return number.to_bytes(len(data), "little")


FORMATS = (
    Format("installshield cabinet", "InstallShield cabinets", (Magic(0, MAGIC),), unpack=_alone),
    Format(
        "installshield msi setup",
        "files carried by InstallShield setup programs (MSI)",
        (Magic(0, b"NB10"), Magic(0, MSI_MAGIC)),
        _is_msi_setup,
        _msi_setup,
    ),
    Format(
        "installshield setup",
        "files carried by InstallShield setup programs",
        sniff=_is_listed,
        unpack=_setup,
    ),
)
