"""Zip files (PKWARE APPNOTE 6.3.10): also JAR, APK, XPI, OOXML and OpenDocument.

Stored and deflated entries are read here, streamed to the exact limit; all other methods and the encrypted ones
go, one entry at a time, through 7-Zip.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator, Iterator
from itertools import pairwise

from pybit7z import FormatZip

from overt.core.errors import Damaged, UnpackError
from overt.core.model import Reason
from overt.engine.unpack import zip_entries
from overt.engine.unpack.base import Child, Format, Room, describe
from overt.engine.unpack.sevenzip import AFTER_END, Archive, extract
from overt.engine.unpack.zip_entries import (
    CENTRAL_HEADER,
    DEFLATED,
    END_RECORD,
    LOCAL,
    LOCAL_HEADER,
    STORED,
    Directory,
    Entry,
)
from overt.engine.unpack.zip_stream import Stream

_MAX_SIZE = 0xFFFF_FFFE


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Listed entries, entries the central directory hides, and what follows the end of the zip file."""
    directory = zip_entries.find_directory(data)
    known: dict[tuple[int, int, int], int] = {}
    if directory is None:
        room.gap(Reason.DAMAGED, "no central directory: entries were found by their own headers")
    else:
        yield from _listed(data, directory, room, known)
    extents = sorted((header, stop) for (header, _, _), stop in known.items())
    if any(second[0] < first[1] for first, second in pairwise(extents)):
        room.gap(Reason.DAMAGED, "entries overlap")
    yield from _unlisted(data, extents, room)
    tail = data[directory.end :].lstrip(b"\0") if directory else b""
    if tail and not room.spent:
        yield Child(AFTER_END, room.gather((tail,), AFTER_END))


def _listed(
    data: bytes, directory: Directory, room: Room, known: dict[tuple[int, int, int], int]
) -> Iterator[Child]:
    """Entries of the central directory; fills `known` with what they are made of and where they stop."""
    repeated = 0
    for entry in zip_entries.listed(data, directory):
        if room.spent:
            return
        key = (entry.header, entry.method, entry.packed)
        if key in known:
            repeated += 1
            room.skip()
            continue
        known[key] = yield from _entry(data, entry, room)
    if repeated:
        room.gap(Reason.DAMAGED, f"{repeated} entries share the data of another")


def _unlisted(data: bytes, extents: list[tuple[int, int]], room: Room) -> Iterator[Child]:
    """Entries whose local headers are outside the sorted `extents` (begin, end) of those already known."""
    at = 0
    for begin, end in (*extents, (len(data), len(data))):
        while at < begin and not room.spent:
            found = data.find(LOCAL, at, begin)
            if found < 0:
                break
            entry = zip_entries.local(data, found)
            at = found + len(LOCAL)
            if entry is not None:
                stop = yield from _entry(data, entry, room)
                at = max(at, min(stop, begin))
        at = max(at, end)


def _entry(data: bytes, entry: Entry, room: Room) -> Generator[Child, None, int]:
    """The entry's content in each way that it may be read; returns the first position at which one of them
    would look for the next header."""
    stop = len(data)
    ends: dict[tuple[int, int], int | None] = {}
    for reading in zip_entries.readings(data, entry):
        if room.spent:
            return min(stop, max(entry.start, entry.header))
        key = (reading.method, 0 if reading.method == DEFLATED else reading.packed)
        if key not in ends:
            ends[key] = yield from _member(data, reading, room)
        end = ends[key]
        if end is not None and end != reading.stop and not reading.is_open and reading.packed:
            words = f"its data ends {end - reading.stop:+} bytes from where a header says"
            room.gap(Reason.DAMAGED, words, entry.name)
        stop = min(stop, reading.stop, reading.start if end is None else end)
    return max(stop, entry.header)


def _member(data: bytes, entry: Entry, room: Room) -> Generator[Child, None, int | None]:
    """The entry's content, or its gap; folders and empty files have neither. Returns where the data ends, or
    None when that could not be found out."""
    if not entry.packed:
        room.skip()
        return entry.stop
    stream = Stream(data, entry)
    content = _content(data, entry, stream, room)
    room.discard(stream.idle)
    if content is None or (entry.is_open and not content):
        room.skip()
    else:
        yield Child(entry.name, content)
    return stream.end


def _content(data: bytes, entry: Entry, stream: Stream, room: Room) -> bytes | None:
    name = entry.name
    if entry.volume not in (0, 0xFFFF):
        room.gap(Reason.UNSUPPORTED, f"is on volume {entry.volume + 1} of a set", name)
        return None
    if entry.start < 0:
        room.gap(Reason.DAMAGED, "no local header where the central directory points", name)
        return None
    if entry.stop > len(data):
        room.gap(Reason.DAMAGED, f"{entry.stop - len(data)} of its {entry.packed} bytes are missing", name)
    if entry.is_open and not entry.flags & zip_entries.HAS_DESCRIPTOR and not Stream(data, entry).begins():
        return None
    encrypted = entry.flags & zip_entries.ENCRYPTED
    if entry.method in (STORED, DEFLATED) and (not encrypted or _is_plain(data, entry, room)):
        return room.gather(stream.checked(), name)
    content = _through_sevenzip(data, entry, room)
    stream.end = None if content is None else entry.stop
    return content


def _is_plain(data: bytes, entry: Entry, room: Room) -> bool:
    """Whether content marked as encrypted is not: some programs ignore the mark, and malware hides behind it."""
    if not entry.crc:
        return False
    most = room.left().size
    size = 0
    try:
        for chunk in Stream(data, entry).checked():
            size += len(chunk)
            if size > most:
                return True
    except (zlib.error, Damaged):
        room.discard(size)
        return False
    return True


def _through_sevenzip(data: bytes, entry: Entry, room: Room) -> bytes | None:
    """The content by way of a zip file with this entry only, whose headers agree."""
    try:
        archive = Archive(_alone(data, entry), room, FormatZip)
    except UnpackError as error:
        room.gap(Reason.DAMAGED, describe(error), entry.name)
        return None
    return extract(archive, room, 0, entry.name)


def _alone(data: bytes, entry: Entry) -> bytes:
    body = data[entry.start : entry.stop]
    aes = zip_entries.field(entry.extra, zip_entries.AES_FIELD)
    name, extra = b"content", struct.pack("<HH", zip_entries.AES_FIELD, len(aes)) + aes if aes else b""
    sizes = (entry.crc, len(body), min(entry.size, _MAX_SIZE), len(name), len(extra))
    middle = (63, entry.flags & ~zip_entries.IS_UTF8, entry.method, entry.time, *sizes)
    header = LOCAL_HEADER.pack(LOCAL, *middle) + name + extra
    central = CENTRAL_HEADER.pack(zip_entries.CENTRAL, 63, *middle, 0, 0, 0, 0, 0) + name + extra
    end = END_RECORD.pack(zip_entries.END, 0, 0, 1, 1, len(central), len(header) + len(body), 0)
    return b"".join((header, body, central, end))


def _sniff(data: bytes) -> bool:
    """A local header at the start, or an end record that leads to a central directory (data may come first)."""
    if data.startswith((LOCAL, b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04")):
        return True
    return zip_entries.find_directory(data) is not None


FORMATS = (
    Format(
        "zip", "zip (any method, AES, ZipCrypto), JAR, APK, OOXML, OpenDocument", sniff=_sniff, unpack=unpack
    ),
)
