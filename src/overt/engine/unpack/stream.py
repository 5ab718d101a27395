"""What the single-stream compressors share: streams one after another, decoded in bounded steps.

Each decoder produces at most `CHUNK_BYTES` at a time, so a bomb never produces more than that past the limit that
`Room.gather` keeps, and is fed `FEED_BYTES` at a time, so the search for the stream's end copies little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from overt.core.errors import Damaged
from overt.engine.unpack.base import Child, Room

CHUNK_BYTES = 1 << 20
FEED_BYTES = 1 << 18
WINDOW_BYTES = 256 << 20
"""Largest dictionary or window that a stream may ask a decoder to hold."""

CONTENT = "content"
AFTER_END = "[data after the end]"


class Decoder(Protocol):
    """A decompressor object as those of `bz2`, `lzma` and `compression.zstd`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Start(NamedTuple):
    """Where the next stream's bytes start, and the decoder for them."""

    offset: int
    decoder: Decoder


class Streams:
    """Iterates over the decoded chunks of all streams in `data`; afterwards knows where they ended."""

    def __init__(self, data: bytes, start: Callable[[bytes, int], Start | None]) -> None:
        self.data = data
        self.start = start
        self.end = 0
        """Offset after the last stream that was decoded to its end."""
        self.finished = False
        """All streams were decoded: no limit was hit, nothing was damaged."""

    def __iter__(self) -> Iterator[bytes]:
        while (start := self.start(self.data, self.end)) is not None:
            yield from self._chunks(start)
        self.finished = True

    def _chunks(self, start: Start) -> Iterator[bytes]:
        position, decoder = start
        while not decoder.eof:
            piece = b""
            if decoder.needs_input:
                piece = self.data[position : position + FEED_BYTES]
                position += len(piece)
                if not piece:
                    raise Damaged("the stream ends early")
            if chunk := decoder.decompress(piece, CHUNK_BYTES):
                yield chunk
        self.end = position - len(decoder.unused_data or b"")


def content(streams: Streams, room: Room) -> Iterator[Child]:
    """The joined content as one child, as the command-line tools write it, and what follows the last stream.

    Zeros after the end are padding and of no interest. Data after streams that ended is examined as a child: the
    tools ignore it, so it is a place to hide.
    """
    yield Child(CONTENT, room.gather(streams, CONTENT))
    if streams.finished and not room.spent:
        rest = streams.data[streams.end :].lstrip(b"\0")
        if rest:
            yield Child(AFTER_END, room.gather((rest,), AFTER_END))


def skippable_end(data: bytes, offset: int) -> int:
    """The offset after any skippable frames at `offset` (zstd and LZ4 frames share them: RFC 8878, 3.1.2).

    Raises `Damaged` when one is cut short.
    """
    while data[offset + 1 : offset + 4] == b"\x2a\x4d\x18" and data[offset] & 0xF0 == 0x50:
        size = int.from_bytes(data[offset + 4 : offset + 8], "little")
        offset += 8 + size
        if offset > len(data):
            raise Damaged("a skippable frame ends early")
    return offset
