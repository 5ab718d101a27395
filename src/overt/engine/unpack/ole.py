"""Office documents in OLE compound files (doc, xls, ppt, `vbaProject.bin`, `oleObject1.bin`): every stream, and what
they hide: macro source, packed files, embedded presentations' objects; encryption is said."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from overt.core.errors import Damaged
from overt.core.model import Reason
from overt.engine.unpack import cfb, compound, msg, officecrypt, vba, xlm
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.olepackage import from_native_stream

CHUNK_BYTES = 1 << 20
_NAMES = (
    "WordDocument",
    "Workbook",
    "Book",
    "PowerPoint Document",
    "Current User",
    "_VBA_PROJECT",
    "VBA",
    "\x01Ole10Native",
    "\x01Ole",
    "\x01CompObj",
    "EncryptedPackage",
)
_MARKS = tuple(name.encode("utf-16-le") + b"\0\0" for name in _NAMES)
_PPT_OBJECT = re.compile(
    rb"[\x00\x10]\x00\x11\x10(....)(?=(....)x[\x01\x5e\x9c\xda]|\xd0\xcf\x11\xe0)", re.DOTALL
)
_PPT_ENCRYPTED = 0xF3D1C4DF
_WORD_MAGIC, _WORD_ENCRYPTED = 0xA5EC, 0x0100


def sniff(data: bytes) -> bool:
    """Whether the directory names a stream that Office documents have."""
    return not msg.sniff(data) and any(mark in data for mark in _MARKS)


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Every stream, then what was found in them. Raises `Damaged` when the compound file cannot be read; macro
    source found by its signature is yielded before."""
    streams: dict[str, bytes] = {}
    try:
        for child in cfb.unpack(data, room):
            streams[child.name] = child.data
            yield child
    except Damaged:
        yield from _gathered(vba.carved(data, "module"), room)
        raise
    yield from _gathered(vba.sources(streams), room)
    for name, stream in streams.items():
        yield from _objects(name, stream, room)
    yield from _encrypted_packages(streams, room)
    _note_encryption(streams, room)


def _gathered(sources: Iterator[tuple[str, Iterator[bytes]]], room: Room) -> Iterator[Child]:
    for name, chunks in sources:
        yield Child(name, room.gather(chunks, name))


def _objects(name: str, stream: bytes, room: Room) -> Iterator[Child]:
    """What one stream holds besides its own bytes."""
    last = name.rsplit("/", 1)[-1].lower()
    if last.endswith("ole10native"):
        packed = from_native_stream(stream)
        if packed is not None:
            yield Child(packed.name, room.gather(iter((packed.data,)), packed.name))
    elif last == "powerpoint document":
        yield from _presentation_objects(stream, room)
    elif last in ("workbook", "book"):
        macros = xlm.macro_sheets(stream)
        if macros:
            yield Child("XLM/macro sheets.txt", room.gather(iter((macros,)), "XLM/macro sheets.txt"))


def _presentation_objects(stream: bytes, room: Room) -> Iterator[Child]:
    """Objects and macro projects stored in a presentation (ExOleObjStg, [MS-PPT] 2.10.34): zlib or plain."""
    for number, match in enumerate(_PPT_OBJECT.finditer(stream)):
        name = f"object {number + 1}"
        (size,) = struct.unpack("<I", match[1])
        stored = stream[match.end() : match.end() + size]
        chunks = iter((stored,)) if match[2] is None else _inflate(stored[4:])
        yield Child(name, room.gather(chunks, name))


def _inflate(stored: bytes) -> Iterator[bytes]:
    decoder = zlib.decompressobj()
    rest = stored
    while rest and not decoder.eof:
        yield decoder.decompress(rest, CHUNK_BYTES)
        rest = decoder.unconsumed_tail
    if not decoder.eof:
        raise Damaged("the object ends early")


def _encrypted_packages(streams: dict[str, bytes], room: Room) -> Iterator[Child]:
    """Documents of the newer formats, encrypted whole."""
    for name, stored in streams.items():
        if name.rsplit("/", 1)[-1] != "EncryptedPackage":
            continue
        information = streams.get(name.replace("EncryptedPackage", "EncryptionInfo"), b"")
        chunks = officecrypt.package(information, stored, room.passwords)
        if chunks is None:
            room.gap(Reason.ENCRYPTED, "the document needs a password", name)
        else:
            yield Child("document", room.gather(chunks, "document"))


def _note_encryption(streams: dict[str, bytes], room: Room) -> None:
    """Record what is encrypted with a password that only its owner knows."""
    for name, stream in streams.items():
        last = name.rsplit("/", 1)[-1]
        if last == "WordDocument" and len(stream) >= 12:
            magic, flags = struct.unpack_from("<H8xH", stream)
            if magic == _WORD_MAGIC and flags & _WORD_ENCRYPTED:
                room.gap(Reason.ENCRYPTED, "the document needs a password", name)
        elif last in ("Workbook", "Book") and xlm.is_encrypted(stream):
            room.gap(Reason.ENCRYPTED, "the workbook needs a password", name)
        elif last == "Current User" and stream[12:16] == _PPT_ENCRYPTED.to_bytes(4, "little"):
            room.gap(Reason.ENCRYPTED, "the presentation needs a password", name)


def _other(data: bytes) -> bool:
    return not sniff(data) and not msg.sniff(data)


_MAGICS = (Magic(0, compound.MAGIC),)
FORMATS = (
    Format("office", "Office 97-2003 documents, macros and embedded objects", _MAGICS, sniff, unpack),
    *(replace(form, sniff=_other, unpack=cfb.unpack) for form in compound.FORMATS),
)
