"""Symbian installation files before version 9 ("Symbian OS Installation File", .sis): files, many of them deflated."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from overt.core.errors import Damaged
from overt.core.model import Reason
from overt.engine.unpack.base import Child, Format, Magic, Room

KINDS = (b"\x19\x04\x00\x10",)
VERSIONS = (b"\x6d\x00\x00\x10", b"\x12\x3a\x00\x10")
"""Second UID: EPOC release 3 to 5, and release 6."""
COUNTS_AT, FLAGS_AT, TABLE_AT = 18, 40, 52
"""Offsets of: numbers of languages and files; flags; where the table of files is."""
NOT_DEFLATED = 0x08
MAX_FILES = 100_000
CHUNK_BYTES = 1 << 20


def _is_sis(data: bytes) -> bool:
    return data[4:8] in VERSIONS


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Every file, once per language it is given in. Raises `Damaged` when the table of files makes no sense."""
    try:
        languages, files = struct.unpack_from("<HH", data, COUNTS_AT)
        (flags,) = struct.unpack_from("<H", data, FLAGS_AT)
        (at,) = struct.unpack_from("<I", data, TABLE_AT)
        release_6 = data[4:8] == VERSIONS[1]
        for _ in range(min(files, MAX_FILES)):
            if room.spent:
                return
            record, at = _record(data, at, languages, release_6)
            yield from _files(data, record, flags, room)
    except struct.error as error:
        raise Damaged("the table of files is cut short") from error


Record = tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Name, and per language: bytes stored, offset, bytes of the file."""


def _record(data: bytes, at: int, languages: int, release_6: bool) -> tuple[Record, int]:
    kind, what, _, _, _, length, pointer = struct.unpack_from("<IIIIIII", data, at)
    if kind > 5:
        raise Damaged(f"a record of unknown kind {kind} at byte {at}")
    if kind in (3, 4):  # conditions: a size and that many bytes
        return ("", (), (), ()), at + 8 + what
    if kind in (2, 5):
        return ("", (), (), ()), at + 4
    count = languages if kind == 1 else 1
    stored = struct.unpack_from(f"<{count}I", data, at + 28)
    offsets = struct.unpack_from(f"<{count}I", data, at + 28 + 4 * count)
    sizes = struct.unpack_from(f"<{count}I", data, at + 28 + 8 * count) if release_6 else stored
    name = data[pointer : pointer + min(length, 1024)].decode(
        "utf-16-le" if release_6 else "latin-1", "replace"
    )
    after = at + 28 + 4 * count * (3 if release_6 else 2) + (8 if release_6 else 0)
    return (name, stored, offsets, sizes), after


def _files(data: bytes, record: Record, flags: int, room: Room) -> Iterator[Child]:
    name, stored, offsets, sizes = record
    label = name.replace("\\", "/").rsplit("/", 1)[-1] or "file"
    for length, offset, size in zip(stored, offsets, sizes):
        body = data[offset : offset + length]
        if len(body) < length:
            room.gap(Reason.DAMAGED, "the end is missing", label)
        plain = flags & NOT_DEFLATED or (body[:1] != b"\x78" and length == size)
        yield Child(label, room.gather((body,) if plain else _inflated(body), label))


def _inflated(body: bytes) -> Iterator[bytes]:
    inflate = zlib.decompressobj()
    while not inflate.eof:
        chunk = inflate.decompress(body, CHUNK_BYTES)
        body = inflate.unconsumed_tail
        if not (chunk or body or inflate.eof):
            raise Damaged("the stream ends early")
        yield chunk


_MAGICS = tuple(Magic(8, kind) for kind in KINDS)

FORMATS = (Format("sis", "Symbian installation files (before 9)", _MAGICS, _is_sis, unpack),)
