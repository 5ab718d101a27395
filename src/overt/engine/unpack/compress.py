"""compress (.Z): LZW with codes of 9 to 16 bits, eight of the same width in a group (`compress(1)`, ncompress).

The format has no length and no checksum: a file that was cut short cannot be told from a shorter one. Decoded here,
because a library that gives a member whole or not at all would lose what comes before a limit.
"""

from __future__ import annotations

from collections.abc import Iterator

from overt.core.errors import Damaged
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.stream import CHUNK_BYTES, CONTENT

CLEAR = 256
FIRST_WIDTH = 9
HEADER_BYTES = 3
WIDTH_OF_9 = 10
"""`compress -b 9` fills a table of 512 and still goes on with wider codes."""
BLOCK_MODE = 0x80
"""Code 256 clears the table."""


def _is_compress(data: bytes) -> bool:
    """Flags: bits 4-0 are the longest code, 9 to 16; bits 6-5 are reserved and zero."""
    return len(data) > 3 and 9 <= data[2] & 0x1F <= 16 and not data[2] & 0x60


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child: the content."""
    yield Child(CONTENT, room.gather(_decoded(data), CONTENT))


class _Table:
    """Strings by code, each as a place in the output: whatever is in the table was written before."""

    def __init__(self, block_mode: bool) -> None:
        self.first = CLEAR + block_mode
        self.starts: list[int] = []
        self.lengths: list[int] = []
        self.clear()

    def clear(self) -> None:
        self.starts = [-1] * self.first
        self.lengths = [1] * self.first
        self.last = (0, 0)
        self.before: tuple[int, int] | None = None
        """Place and length of the last string written; None after a clear."""

    def write(self, code: int, out: bytearray) -> None:
        """Append the code's string to `out`. Raises `Damaged` for a code that cannot be there."""
        here = len(out)
        if code < CLEAR:
            out.append(code)
        elif code < len(self.starts) and self.starts[code] >= 0:
            out += out[self.starts[code] : self.starts[code] + self.lengths[code]]
        elif code == len(self.starts) and self.before:
            start, length = self.before
            out += out[start : start + length] + out[start : start + 1]
        else:
            raise Damaged(f"code {code} is not in the table")
        self.last = (here, len(out) - here)

    def grow(self, most: int) -> None:
        """Add what was written before this string and its first byte."""
        if self.before and len(self.starts) < most:
            self.starts.append(self.before[0])
            self.lengths.append(self.before[1] + 1)
        self.before = self.last


def _decoded(data: bytes) -> Iterator[bytes]:
    longest, block_mode = data[2] & 0x1F, bool(data[2] & BLOCK_MODE)
    table, out, given = _Table(block_mode), bytearray(), 0
    at, width = HEADER_BYTES, FIRST_WIDTH
    while at < len(data):
        group = data[at : at + width]
        at += width
        bits = int.from_bytes(group, "little")
        for _ in range(8 * len(group) // width):
            code, bits = bits & (1 << width) - 1, bits >> width
            if code == CLEAR and block_mode:
                table.clear()
                width = FIRST_WIDTH
                break
            table.write(code, out)
            table.grow(1 << longest)
            if len(table.starts) > (1 << width) - 1 and width < max(longest, WIDTH_OF_9):
                width += 1
                break
        if len(out) - given >= CHUNK_BYTES:
            yield bytes(out[given:])
            given = len(out)
    yield bytes(out[given:])


FORMATS = (
    Format("compress", "compress (.Z) streams", (Magic(0, b"\x1f\x9d"),), sniff=_is_compress, unpack=unpack),
)
