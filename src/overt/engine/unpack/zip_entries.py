"""Where the entries of a zip file are (PKWARE APPNOTE 6.3.10): those of its central directory, and those it hides.

Programs disagree on which headers count, so an entry is looked for wherever one of them would find it: in the
central directory, in local headers that contradict it, and in local headers that it does not list.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

LOCAL = b"PK\x03\x04"
CENTRAL = b"PK\x01\x02"
END = b"PK\x05\x06"
END64 = b"PK\x06\x06"
LOCATOR64 = b"PK\x06\x07"
DESCRIPTOR = b"PK\x07\x08"
_SIGNATURE = re.compile(b"|".join(map(re.escape, (DESCRIPTOR, LOCAL, CENTRAL))))

LOCAL_HEADER = struct.Struct("<4sHHHIIIIHH")
"""Signature, version, flags, method, time and date, CRC-32, packed size, size, lengths of name and extra."""
CENTRAL_HEADER = struct.Struct("<4sHHHHIIIIHHHHHII")
"""The same with two versions, then length of comment, volume, two attributes, offset of the local header."""
END_RECORD = struct.Struct("<4sHHHHIIH")
_END64_RECORD = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<4sIQI")
_FULL32 = 0xFFFF_FFFF
"""The value that says: look in the ZIP64 field."""
ZIP64_FIELD = 0x0001
AES_FIELD = 0x9901
MAX_COMMENT_BYTES = 0xFFFF
MAX_VERSION = 100

STORED, DEFLATED = 0, 8

ENCRYPTED = 0x0001
HAS_DESCRIPTOR = 0x0008
IS_UTF8 = 0x0800


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the central directory is: from `start` up to `stop`; local headers are `prefix` bytes further on
    than their offsets say; the zip file ends at `end`."""

    start: int
    stop: int
    prefix: int
    end: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as one of its headers tells it. Positions and sizes in bytes; `start` is -1 when there is no
    local header where the central directory points."""

    header: int
    start: int
    packed: int
    size: int
    crc: int
    method: int
    flags: int
    time: int
    raw_name: bytes
    extra: bytes = b""
    volume: int = 0
    is_open: bool = False
    """No header says how long the data is: it ends where its own format ends it, or before a signature."""

    @property
    def name(self) -> str:
        """The name, shown and never used as a path; not marked as UTF-8, it may be that or code page 437."""
        try:
            return self.raw_name.decode("utf-8")
        except UnicodeDecodeError:
            return self.raw_name.decode("utf-8" if self.flags & IS_UTF8 else "cp437", "replace")

    @property
    def stop(self) -> int:
        """Position after the data (after the header where that is missing)."""
        return self.start + self.packed if self.start >= 0 else self.header


def find_directory(data: bytes) -> Directory | None:
    """The last central directory that is where its end record says, or None."""
    lowest = max(0, len(data) - END_RECORD.size - MAX_COMMENT_BYTES)
    at = data.rfind(END, lowest)
    while at >= 0:
        found = _directory(data, at)
        if found is not None:
            return found
        at = data.rfind(END, lowest, at)
    return None


def _directory(data: bytes, at: int) -> Directory | None:
    if at + END_RECORD.size > len(data):
        return None
    *_, count, size, offset, comment = END_RECORD.unpack_from(data, at)
    stop = at
    locator = at - _LOCATOR64.size
    if locator >= 0 and data.startswith(LOCATOR64, locator):
        record = data.rfind(END64, 0, locator)
        if record >= 0 and record + _END64_RECORD.size <= locator:
            *_, count, size, offset = _END64_RECORD.unpack_from(data, record)
            stop = record
    is_empty = at == 0 and not (count or size)
    for start in (stop - size, offset):
        if 0 <= start <= stop and (is_empty or data.startswith(CENTRAL, start)):
            return Directory(
                start, stop, max(0, start - offset), min(at + END_RECORD.size + comment, len(data))
            )
    return None


def listed(data: bytes, directory: Directory) -> Iterator[Entry]:
    """The central directory's entries, for as long as its signatures go on: the count it states is not used."""
    at = directory.start
    while data.startswith(CENTRAL, at) and at + CENTRAL_HEADER.size <= directory.stop:
        (_, _, _, flags, method, time, crc, packed, size, *lengths, volume, _, _, offset) = (
            CENTRAL_HEADER.unpack_from(data, at)
        )
        at += CENTRAL_HEADER.size
        name = data[at : at + lengths[0]]
        extra = data[at + lengths[0] : at + lengths[0] + lengths[1]]
        at += sum(lengths)
        size, packed, offset = _zip64(extra, size, packed, offset)
        header, start = _local_start(data, offset, directory.prefix)
        yield Entry(header, start, packed, size, crc, method, flags, time, name, extra, volume)


def _local_start(data: bytes, offset: int, prefix: int) -> tuple[int, int]:
    """Position of the local header and of the data after it; the data's is -1 when there is none."""
    for header in (offset + prefix, offset):
        if data.startswith(LOCAL, header) and header + LOCAL_HEADER.size <= len(data):
            *_, name, extra = LOCAL_HEADER.unpack_from(data, header)
            return header, header + LOCAL_HEADER.size + name + extra
    return offset + prefix, -1


def _zip64(extra: bytes, *values: int) -> list[int]:
    """`values` with those that overflowed 32 bits taken, in their order, from the ZIP64 field (4.5.3)."""
    full = list(values)
    rest = field(extra, ZIP64_FIELD)
    for index, value in enumerate(values):
        if value == _FULL32 and len(rest) >= 8:
            full[index] = int.from_bytes(rest[:8], "little")
            rest = rest[8:]
    return full


def field(extra: bytes, wanted: int) -> bytes:
    """The content of the extra field numbered `wanted`; empty when there is none."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == wanted:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return b""


def local(data: bytes, header: int) -> Entry | None:
    """The entry as the local header at `header` tells it, or None when no program would take it for one."""
    entry = _header(data, header)
    return None if entry is None else _opened(data, entry)


def _header(data: bytes, header: int) -> Entry | None:
    """The same, with the packed size as it stands there."""
    if header + LOCAL_HEADER.size > len(data):
        return None
    _, version, flags, method, time, crc, packed, size, *lengths = LOCAL_HEADER.unpack_from(data, header)
    at = header + LOCAL_HEADER.size
    start = at + sum(lengths)
    if version & 0xFF > MAX_VERSION or not lengths[0] or start > len(data):
        return None
    name, extra = data[at : at + lengths[0]], data[at + lengths[0] : start]
    size, packed = _zip64(extra, size, packed)
    return Entry(header, start, packed, size, crc, method, flags, time, name, extra)


def _opened(data: bytes, entry: Entry) -> Entry:
    """The same, and open when it is said to be empty and something other than the next signature follows."""
    if entry.packed or entry.start >= len(data) or _SIGNATURE.match(data, entry.start):
        return entry
    if entry.method == DEFLATED and not entry.flags & ENCRYPTED:
        return replace(entry, packed=len(data) - entry.start, is_open=True)
    end = _SIGNATURE.search(data, entry.start)
    return replace(entry, packed=(end.start() if end else len(data)) - entry.start, is_open=True)


def readings(data: bytes, entry: Entry) -> list[Entry]:
    """The entry in every way that a program may read it, itself first.

    Those are what the central directory tells; what the local header tells; of stored data, which has two sizes
    that should agree, either of them, and what its descriptor tells to programs that search for that.
    """
    if entry.start < 0:
        return [entry]
    told = [_opened(data, entry)]
    alone = _header(data, entry.header)
    if alone is not None:
        if alone.flags & HAS_DESCRIPTOR and not alone.packed:
            alone = replace(alone, packed=entry.packed, size=entry.size, crc=entry.crc)
        told.append(_opened(data, alone))
    different: dict[tuple[int, int], Entry] = {}
    for reading in (more for one in told for more in (one, *_stored(data, one))):
        different.setdefault((reading.method, reading.packed), reading)
    return list(different.values())


def _stored(data: bytes, entry: Entry) -> Iterator[Entry]:
    """Other lengths of data that is stored as it is."""
    if entry.method != STORED or entry.flags & ENCRYPTED:
        return
    if entry.size != entry.packed and not entry.is_open:
        yield replace(entry, packed=entry.size)
    if entry.flags & HAS_DESCRIPTOR:
        described = _described(data, entry)
        if described is not None:
            yield described


def _described(data: bytes, entry: Entry) -> Entry | None:
    """The entry up to the first descriptor (4.3.9) in its data that gives the length of what is before it."""
    at = data.find(DESCRIPTOR, entry.start, entry.stop)
    while at >= 0:
        crc, packed, size = struct.unpack("<III", data[at + 4 : at + 16].ljust(12, b"\0"))
        if packed == size == at - entry.start:
            return replace(entry, packed=packed, size=size, crc=crc)
        at = data.find(DESCRIPTOR, at + 1, entry.stop)
    return None
