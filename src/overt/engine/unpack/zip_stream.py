"""The content of one zip entry, stored or deflated, read up to where the data itself ends.

Programs that read a zip file as a stream inflate up to the end of the DEFLATE data (RFC 1951) and take what
follows for the next header, whatever sizes the headers give: so does this, and it remembers that position.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from overt.core.errors import Damaged
from overt.engine.unpack.zip_entries import DEFLATED, HAS_DESCRIPTOR, Entry

_CHUNK_BYTES = 1 << 20
_FIRST_BYTES = 1 << 12
"""Input is taken in pieces that grow from this, so that a tiny stream costs little wherever it is."""


class Stream:
    """The data of `entry`; `end` is the position after it once `checked` came there, None before."""

    def __init__(self, data: bytes, entry: Entry) -> None:
        self._data = data
        self._entry = entry
        self._read = 0
        self._produced = 0
        self.end: int | None = None

    def checked(self) -> Iterator[bytes]:
        """The content in pieces of at most a MiB. Raises `zlib.error`, and `Damaged` when the data ends early
        or, at the end, when the checksum differs."""
        entry = self._entry
        crc = 0
        for chunk in self._inflated() if entry.method == DEFLATED else self._stored():
            self._produced += len(chunk)
            crc = zlib.crc32(chunk, crc)
            yield chunk
        if entry.crc != crc and not (entry.crc == 0 and entry.flags & HAS_DESCRIPTOR):
            raise Damaged("the checksum differs")

    def begins(self) -> bool:
        """Whether there is any content: what follows an empty entry may be no data at all."""
        try:
            return any(self.checked())
        except (zlib.error, Damaged):
            return False

    @property
    def idle(self) -> int:
        """Bytes that were read and gave far fewer: work that must be bounded as well."""
        wasted = self._read - 2 * self._produced
        return wasted if wasted > _FIRST_BYTES else 0

    def _stored(self) -> Iterator[bytes]:
        stop = min(self._entry.stop, len(self._data))
        for at in range(self._entry.start, stop, _CHUNK_BYTES):
            yield self._data[at : min(at + _CHUNK_BYTES, stop)]
        self.end = self._entry.stop

    def _inflated(self) -> Iterator[bytes]:
        decoder = zlib.decompressobj(-zlib.MAX_WBITS)
        at, step = self._entry.start, _FIRST_BYTES
        while not decoder.eof:
            piece = self._data[at : at + step]
            at += len(piece)
            step = min(4 * step, _CHUNK_BYTES)
            self._read = at - self._entry.start
            chunk = decoder.decompress(piece, _CHUNK_BYTES)
            if not (piece or chunk or decoder.eof):
                raise Damaged("the stream ends early")
            yield chunk
            while decoder.unconsumed_tail and not decoder.eof:
                yield decoder.decompress(decoder.unconsumed_tail, _CHUNK_BYTES)
        self.end = at - len(decoder.unused_data)
        self._read = self.end - self._entry.start
