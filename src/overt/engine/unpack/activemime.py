"""ActiveMime: the deflated compound file in which Office keeps macros and objects of a page saved as MHTML."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from overt.core.errors import Damaged
from overt.engine.unpack.base import Child, Format, Magic, Room

CHUNK_BYTES = 1 << 20
SEARCH_BYTES = 1024
"""Bytes after the signature in which the deflated data begin; usually at 50."""
_HEADERS = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child, the compound file. Raises `Damaged` when no deflated data are found."""
    starts = [at for mark in _HEADERS if (at := data.find(mark, 10, SEARCH_BYTES)) >= 0]
    if not starts:
        raise Damaged("no deflated data")
    yield Child("editdata.mso", room.gather(_inflate(data[min(starts) :]), "editdata.mso"))


def _inflate(data: bytes) -> Iterator[bytes]:
    decoder = zlib.decompressobj()
    while data and not decoder.eof:
        yield decoder.decompress(data, CHUNK_BYTES)
        data = decoder.unconsumed_tail
    if not decoder.eof:
        raise Damaged("the data end early")


FORMATS = (
    Format("activemime", "macros of Office pages (editdata.mso)", (Magic(0, b"ActiveMime"),), unpack=unpack),
)
