"""The stream filters of PDF (ISO 32000-1, 7.4), each from encoded bytes to chunks of decoded ones."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator

from overt.core.errors import Damaged

CHUNK_BYTES = 1 << 20
_SPACE = b"\0\t\n\x0c\r "
_NOT_HEX = bytes(byte for byte in range(256) if byte not in b"0123456789abcdefABCDEF")
_NOT_85 = bytes(byte for byte in range(256) if not 33 <= byte <= 117 and byte != 122)


def flate(data: bytes) -> Iterator[bytes]:
    """Deflate; its trailer is not looked at and an early end is an end, as in every viewer. Raises `zlib.error`
    where the data break."""
    if not is_zlib(data):
        data = data.lstrip(_SPACE)
    decoder = zlib.decompressobj(-15)
    rest = data[2:] if is_zlib(data) else data
    while rest and not decoder.eof:
        yield decoder.decompress(rest, CHUNK_BYTES)
        rest = decoder.unconsumed_tail


def is_zlib(data: bytes) -> bool:
    """Whether `data` begin with a zlib header (RFC 1950, 2.2)."""
    return len(data) > 2 and data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0


def lzw(data: bytes, early: int = 1) -> Iterator[bytes]:
    """LZW with codes of 9 to 12 bits, most significant bit first; `early` is the EarlyChange parameter."""
    table: list[bytes] = [bytes((byte,)) for byte in range(256)] + [b"", b""]
    previous, width, held, bits = b"", 9, 0, 0
    out = bytearray()
    for byte in data:
        held = (held << 8 | byte) & 0xFFFFFF
        bits += 8
        if bits < width:
            continue
        bits -= width
        code = held >> bits & ((1 << width) - 1)
        if code == 256:
            del table[258:]
            previous, width = b"", 9
            continue
        if code == 257:
            break
        if code > len(table) or (code == len(table) and not previous):
            yield bytes(out)
            raise Damaged("an LZW code refers to nothing")
        entry = table[code] if code < len(table) else previous + previous[:1]
        if previous and len(table) < 4096:
            table.append(previous + entry[:1])
        out += entry
        previous = entry
        if len(table) + early >= 1 << width and width < 12:
            width += 1
        if len(out) >= CHUNK_BYTES:
            yield bytes(out)
            out.clear()
    yield bytes(out)


def ascii_hex(data: bytes) -> Iterator[bytes]:
    """Hexadecimal digits up to `>`."""
    digits = data.split(b">", 1)[0].translate(None, _NOT_HEX)
    yield bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


def ascii85(data: bytes) -> Iterator[bytes]:
    """Base 85 up to `~`. Raises `ValueError` when a group is too large."""
    text = data.lstrip(_SPACE).removeprefix(b"<~").split(b"~", 1)[0].translate(None, _NOT_85)
    yield base64.a85decode(text)


def run_length(data: bytes) -> Iterator[bytes]:
    """Runs: a length below 128 copies, one above repeats, 128 ends."""
    position = 0
    while position < len(data) and data[position] != 128:
        length = data[position]
        if length < 128:
            yield data[position + 1 : position + 2 + length]
            position += 2 + length
        else:
            yield data[position + 1 : position + 2] * (257 - length)
            position += 2


FILTERS: dict[bytes, Callable[[bytes], Iterator[bytes]]] = {
    b"FlateDecode": flate,
    b"Fl": flate,
    b"LZWDecode": lzw,
    b"LZW": lzw,
    b"ASCIIHexDecode": ascii_hex,
    b"AHx": ascii_hex,
    b"ASCII85Decode": ascii85,
    b"A85": ascii85,
    b"RunLengthDecode": run_length,
    b"RL": run_length,
}
"""Filters by name and by abbreviation."""

IMAGES = frozenset(b"DCTDecode DCT JPXDecode CCITTFaxDecode CCF JBIG2Decode".split())
"""Image codecs: what they encode is examined as it is."""


def undo_predictor(data: bytes, columns: int) -> bytes:
    """Undo PNG prediction (RFC 2083, 6) with rows of `columns` bytes."""
    out = bytearray()
    above = bytes(columns)
    for start in range(0, len(data), columns + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + columns])
        if kind == 1:
            for index in range(1, len(row)):
                row[index] = (row[index] + row[index - 1]) & 255
        elif kind == 2:
            row = bytearray((here + up) & 255 for here, up in zip(row, above, strict=False))
        elif kind in (3, 4):
            _undo_mixed(kind, row, above)
        out += row
        above = bytes(row)
    return bytes(out)


def _undo_mixed(kind: int, row: bytearray, above: bytes) -> None:
    """The average and Paeth predictors, one byte per pixel."""
    for index in range(len(row)):
        left = row[index - 1] if index else 0
        corner = above[index - 1] if index else 0
        up = above[index]
        if kind == 3:
            guess = (left + up) // 2
        else:
            distances = (abs(up - corner), abs(left - corner), abs(left + up - 2 * corner))
            guess = (left, up, corner)[distances.index(min(distances))]
        row[index] = (row[index] + guess) & 255
