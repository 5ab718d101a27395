"""Compressed RTF of Outlook messages ([MS-OXRTFCP])."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from overt.core.errors import Damaged

_COMPRESSED, _PLAIN = b"LZFu", b"MELA"
_WINDOW = 4096
CHUNK_BYTES = 1 << 16
_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def decompress(data: bytes) -> Iterator[bytes]:
    """The RTF text in chunks. Raises `Damaged` when the header is not one of the two known kinds."""
    if len(data) < 16 or data[8:12] not in (_COMPRESSED, _PLAIN):
        raise Damaged("not a compressed RTF body")
    (size,) = struct.unpack_from("<I", data)
    packed = data[16 : 4 + size]
    if data[8:12] == _PLAIN:
        yield packed
    else:
        yield from _tokens(packed)


def _tokens(packed: bytes) -> Iterator[bytes]:
    """References into a ring of 4096 bytes that starts with `_START`; one that points at the write position
    ends the text ([MS-OXRTFCP] 2.2.3)."""
    out = bytearray(_START)
    begin, position = len(_START), 0
    while position < len(packed):
        flags = packed[position]
        position += 1
        for bit in range(8):
            if position >= len(packed):
                break
            if not flags >> bit & 1:
                out.append(packed[position])
                position += 1
                continue
            token = int.from_bytes(packed[position : position + 2], "big")
            position += 2
            distance = (len(out) - (token >> 4)) % _WINDOW
            if distance == 0:
                yield bytes(out[begin:])
                return
            _repeat(out, distance, (token & 15) + 2)
        if len(out) - begin > CHUNK_BYTES:
            yield bytes(out[begin:])
            out = out[-_WINDOW - (len(out) % _WINDOW) :]
            begin = len(out)
    yield bytes(out[begin:])


def _repeat(out: bytearray, distance: int, length: int) -> None:
    if distance > len(out):
        raise Damaged("the RTF body refers to before its beginning")
    piece = out[len(out) - distance :][:length]
    out += (piece * (length // len(piece) + 1))[:length]
