"""Whatever else the scanner can unpack: 7z, rar, cab and all other containers (`overt.engine.unpack`)."""

from __future__ import annotations

from collections.abc import Iterator

from overt.conduct.finder.decoders.base import Decoder, Piece, Trust
from overt.core.errors import UnpackError
from overt.core.limits import Limits
from overt.engine.unpack.base import Budget, Room
from overt.engine.unpack.registry import identify

BEGINNINGS = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"MSCF\0\0\0\0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""Looked for everywhere; other formats only at the beginning."""
PROGRAMS = (b"MZ", b"\x7fELF")
"""What the scanner finds in programs is of no interest here."""
MAX_ENTRIES = 5_000
OTHERS = frozenset(("gzip", "bzip2", "xz", "zstd", "lz4", "lzma", "zip", "html", "script", "uuencode"))
"""Decoders of their own."""


def _starts(data: bytes) -> Iterator[int]:
    for magic in BEGINNINGS:
        at = data.find(magic)
        while at >= 0:
            yield at
            at = data.find(magic, at + 1)


def _members(data: bytes, limit: int) -> Iterator[Piece]:
    beginning = () if data.startswith(PROGRAMS) else (0,)
    for start in sorted({*beginning, *_starts(data)}):
        part = data[start:] if start else data
        for form in identify(part, OTHERS):
            if form.unpack is None:
                continue
            room = Room(
                Budget(
                    Limits(max_member_bytes=limit, max_unpacked_bytes=4 * limit, max_entries=MAX_ENTRIES),
                    len(part),
                )
            )
            try:
                for child in form.unpack(part, room):
                    yield Piece(start, len(data), child.data, Trust.SOUND)
                    room.skip()
                    if room.spent:
                        break
            except (UnpackError, MemoryError):
                continue
            except Exception:  # a parser met bytes it never expected: what it yielded before counts
                continue


DECODERS = (Decoder("archive", _members),)
