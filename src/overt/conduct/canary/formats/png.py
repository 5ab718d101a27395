"""PNG (W3C PNG, third edition): uncompressed RGB noise, so that it lies in the file as it is."""

from __future__ import annotations

import struct
import zlib

from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.noise import Noise

WIDTH = 64
ROW_BYTES = 3 * WIDTH


def build(content: Content, noise: Noise) -> bytes:
    """A noisy picture; marking and token are in its text chunks."""
    return picture(noise, content.noise_bytes, {"Title": content.marking, "Comment": content.token})


def picture(noise: Noise, size: int, texts: dict[str, str]) -> bytes:
    """A picture of about `size` bytes with `texts` in Latin-1."""
    rows = max(1, size // ROW_BYTES)
    pixels = b"".join(b"\0" + noise.incompressible(ROW_BYTES) for _ in range(rows))
    header = struct.pack(">IIBBBBB", WIDTH, rows, 8, 2, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header)]
    chunks += [_chunk(b"tEXt", f"{key}\0{text}".encode("latin-1", "replace")) for key, text in texts.items()]
    chunks += [_chunk(b"IDAT", zlib.compress(pixels, 0)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


FORMATS = (Format("png", ".png", build),)
