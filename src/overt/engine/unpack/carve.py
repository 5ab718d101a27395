"""Archives and programs that lie somewhere inside other data, found by signatures that are checked further.

A signature of a few bytes turns up by chance and in the code of archivers, so what is carved has to look like the
real thing: otherwise harmless programs would be called damaged archives.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from overt.core.model import Reason
from overt.engine.exe import read_pe
from overt.engine.unpack.base import Child, Room

MAX_CARVED = 1024
"""Programs, and archives, that are looked at inside one file; one more is a gap."""
DOS_STUB_BYTES = 4096

STARTS = re.compile(
    rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|PK\x03\x04|MSCF\0\0\0\0|ISc\(|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    rb"|\x1f\x8b\x08|\xfd7zXZ\0|BZh[1-9]1AY&SY|\x28\xb5\x2f\xfd|\x7fELF|%PDF-|\{\\rtf|LZIP\x01|!<arch>\n"
)
"""How containers start that are worth being looked at on their own, when they start where they should."""

_ANYWHERE = re.compile(
    rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|PK\x03\x04|MSCF\0\0\0\0|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
)

_ZIP = struct.Struct("<4sHHHHHIIIHH")
_ZIP_END = b"PK\x05\x06"
_ZIP_DIRECTORY = struct.Struct("<12xIIH")
"""Of the end record: the central directory's size and offset, the length of the comment."""
_SEVENZIP = struct.Struct("<6x2xI20s")
_CAB = struct.Struct("<4sIIIIIBBHH")


def _is_zip(data: bytes, at: int) -> bool:
    _, version, _, method, _, _, _, _, _, name, _ = _ZIP.unpack_from(data, at)
    text = data[at + _ZIP.size : at + _ZIP.size + name]
    known = method <= 20 or 93 <= method <= 99
    return version & 0xFF < 100 and known and 0 < name < 512 and text.isascii()


def _is_sevenzip(data: bytes, at: int) -> bool:
    crc, header = _SEVENZIP.unpack_from(data, at)
    return bool(zlib.crc32(header) == crc)


def _is_rar(data: bytes, at: int) -> bool:
    if data[at + 6 : at + 8] == b"\x01\0":
        return len(data) > at + 16
    (crc,) = struct.unpack_from("<H", data, at + 7)
    return data[at + 6 : at + 7] == b"\0" and zlib.crc32(data[at + 9 : at + 20]) & 0xFFFF == crc


def _is_cab(data: bytes, at: int) -> bool:
    _, _, size, _, first, _, minor, major, folders, files = _CAB.unpack_from(data, at)
    return bool((minor, major) == (3, 1) and 36 < first < size and folders and files)


def _is_compound(data: bytes, at: int) -> bool:
    order, shift = struct.unpack_from("<HH", data, at + 28)
    return order == 0xFFFE and shift in (9, 12)


_CHECKS = {b"PK": _is_zip, b"7z": _is_sevenzip, b"Ra": _is_rar, b"MS": _is_cab, b"\xd0\xcf": _is_compound}


def archives(data: bytes, room: Room, start: int = 0, end: int | None = None) -> Iterator[Child]:
    """Archives that start in `data[start:end]`, each handed on to its end, or that of the data where it doesn't say.

    After a zip the search goes on past its end record: its members have signatures of their own.
    """
    stop = len(data) if end is None else end
    last_zip = data.rfind(_ZIP_END)
    found = 0
    match = _ANYWHERE.search(data, start, stop)
    while match and not room.spent:
        at = match.start()
        following = match.end()
        if _plausible(data, at, last_zip):
            if found == MAX_CARVED:
                room.gap(Reason.ENTRIES, f"more than {MAX_CARVED} archives; not those from byte {at} on")
                return
            found += 1
            name = f"[archive at {at}]"
            yield Child(name, room.gather((data[at : _end(data, at)],), name))
            if match.group() == b"PK\x03\x04":
                following = data.find(_ZIP_END, at) + 4
        match = _ANYWHERE.search(data, following, stop)


def _plausible(data: bytes, at: int, last_zip: int) -> bool:
    """`last_zip` is where the last end record of a zip is: found once, or a million false starts take for ever."""
    kind = data[at : at + 2]
    try:
        return _CHECKS[kind](data, at) and (kind != b"PK" or last_zip > at)
    except struct.error:
        return False


def _end(data: bytes, at: int) -> int:
    """Where the archive at `at` ends by its own account; the end of the data when it gives none."""
    match data[at : at + 2]:
        case b"7z":
            offset, size = struct.unpack_from("<12xQQ", data, at)
            return min(at + 32 + int(offset) + int(size), len(data))
        case b"PK":
            return _zip_end(data, at)
        case _:
            return len(data)


def _zip_end(data: bytes, at: int) -> int:
    """After the first end record whose directory lies right before it, counted from `at`."""
    record = data.find(_ZIP_END, at)
    while record >= 0 and record + 22 <= len(data):
        size, offset, comment = _ZIP_DIRECTORY.unpack_from(data, record)
        if at + offset + size == record:
            return min(record + 22 + int(comment), len(data))
        record = data.find(_ZIP_END, record + 4)
    return len(data)


def programs(data: bytes, room: Room, start: int = 2) -> Iterator[Child]:
    """Whole PE files inside `data` from `start` on, each up to the end of its last section."""
    found = 0
    at = data.find(b"PE\0\0", start)
    while at >= 0 and not room.spent:
        base = _dos_header(data, at, start)
        inner = read_pe(data, base) if base is not None else None
        if base is None or inner is None or not inner.sections:
            at = data.find(b"PE\0\0", at + 4)
            continue
        if found == MAX_CARVED:
            room.gap(Reason.ENTRIES, f"more than {MAX_CARVED} programs; not those from byte {base} on")
            return
        found += 1
        end = min(base + max(inner.end, at - base + 0x118), len(data))
        name = f"[program at {base}]"
        yield Child(name, room.gather((data[base:end],), name))
        start = max(end, at + 4)
        at = data.find(b"PE\0\0", start)


def _dos_header(data: bytes, at: int, start: int) -> int | None:
    """Where the DOS header is whose field at 0x3C points to the PE header at `at`."""
    lowest = max(start, at - DOS_STUB_BYTES)
    base = data.rfind(b"MZ", lowest, at)
    while base >= 0:
        if int.from_bytes(data[base + 0x3C : base + 0x40], "little") == at - base:
            return base
        base = data.rfind(b"MZ", lowest, base)
    return None
