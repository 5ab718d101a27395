"""JPEG (ITU-T T.81, baseline, grey): random coefficients, which are incompressible as they are coded."""

from __future__ import annotations

import struct

from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.noise import Noise

AC_VALUES = 15
"""Of each block, in zigzag order; a code of 1 bit and a value of 10."""
BLOCK_BYTES = 21
BLOCKS_ACROSS = 16
DC_BITS, AC_BITS = 3, 10
LENGTHS = bytes([1, 1] + [0] * 14)
"""Codes of both tables: 0 for a value, 10 for zero (DC) or the end of the block (AC)."""
VALUE, NOTHING = "0", "10"


def build(content: Content, noise: Noise) -> bytes:
    """A noisy picture; marking and token are in its comment segments."""
    return picture(noise, content.noise_bytes, (content.marking, content.token))


def picture(noise: Noise, size: int, comments: tuple[str, ...]) -> bytes:
    """A picture of about `size` bytes with ASCII `comments`."""
    rows = max(1, size // (BLOCK_BYTES * BLOCKS_ACROSS))
    scan = _scan(noise, rows * BLOCKS_ACROSS)
    frame = struct.pack(">BHHBBBB", 8, 8 * rows, 8 * BLOCKS_ACROSS, 1, 1, 0x11, 0)
    parts = [b"\xff\xd8", _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")]
    parts += [_segment(0xFE, text.encode("ascii", "replace")) for text in comments]
    parts += [_segment(0xDB, b"\0" + bytes([8]) * 64), _segment(0xC0, frame)]
    parts += [
        _table(0x00, DC_BITS),
        _table(0x10, AC_BITS),
    ]
    parts += [_segment(0xDA, b"\1\1\x00\0\x3f\0"), noise.remember(scan), b"\xff\xd9"]
    return b"".join(parts)


def _scan(noise: Noise, blocks: int) -> bytes:
    """Entropy-coded blocks of random values."""
    width = DC_BITS + AC_VALUES * AC_BITS
    text = "".join(_block(f"{noise.below(1 << width):0{width}b}") for _ in range(blocks))
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")


def _block(bits: str) -> str:
    values = (bits[at : at + AC_BITS] for at in range(DC_BITS, len(bits), AC_BITS))
    return VALUE + bits[:DC_BITS] + "".join(VALUE + value for value in values) + NOTHING


def _table(which: int, size: int) -> bytes:
    return _segment(0xC4, bytes([which]) + LENGTHS + bytes([size, 0]))


def _segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


FORMATS = (Format("jpeg", ".jpg", build),)
