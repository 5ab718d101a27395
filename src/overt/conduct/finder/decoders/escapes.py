"""Bytes that texts can't hold as they are: URL and quoted-printable, escapes of JSON and programs, HTML, UU."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import unquote_to_bytes

from overt.conduct.finder.decoders.base import Decode, Decoder, Piece

MIN_ESCAPES = 3
MAX_GAP_BYTES = 200
"""Between escapes of one stretch."""
AROUND_BYTES = 80
"""Of text before and after a stretch."""
PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}")
QUOTED = re.compile(rb"=(?:[0-9A-F]{2}|\r?\n)")
BACKSLASH = re.compile(rb"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[0-7]{3}|[/\"nrt\\])")
ENTITY = re.compile(rb"&(?:#\d{1,6}|#x[0-9A-Fa-f]{1,5}|[A-Za-z]{2,8});")
UU_BEGIN = re.compile(rb"^begin(?:-base64)? [0-7]{3,4} [^\r\n]{1,255}\r?\n", re.MULTILINE)
UU_LINE = re.compile(rb"[!-`][\x20-`]{0,84}\r?\n")
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def _around(escape: re.Pattern[bytes], undo: Callable[[bytes], bytes]) -> Decode:
    """Stretches with escapes enough, undone."""

    def decode(data: bytes, limit: int) -> Iterator[Piece]:
        for low, high in _stretches(escape, data):
            yield Piece(low, high, undo(data[low:high])[:limit])

    return decode


def _stretches(escape: re.Pattern[bytes], data: bytes) -> Iterator[tuple[int, int]]:
    first = last = count = 0
    for found in escape.finditer(data):
        if count and found.start() - last > MAX_GAP_BYTES:
            if count >= MIN_ESCAPES:
                yield max(0, first - AROUND_BYTES), last + AROUND_BYTES
            count = 0
        first = found.start() if not count else first
        last, count = found.end(), count + 1
    if count >= MIN_ESCAPES:
        yield max(0, first - AROUND_BYTES), min(last + AROUND_BYTES, len(data))


def _percent(data: bytes) -> bytes:
    return unquote_to_bytes(data.replace(b"+", b" "))


def _backslash(data: bytes) -> bytes:
    return BACKSLASH.sub(_character, data)


def _character(match: re.Match[bytes]) -> bytes:
    text = match[0][1:]
    if text[:1] == b"u":
        number = int(text[1:], 16)
        return bytes([number]) if number < 256 else chr(number).encode("utf-8", "replace")
    if text[:1] == b"x":
        return bytes([int(text[1:], 16)])
    if text.isdigit():
        return bytes([int(text, 8) & 0xFF])
    return _PLAIN.get(text, text)


def _html(data: bytes) -> bytes:
    return ENTITY.sub(_entity, data)


def _entity(match: re.Match[bytes]) -> bytes:
    """Numbers below 256 are bytes here, whatever HTML makes of 128 to 159."""
    number = match[0][2:-1]
    if match[0][1:2] == b"#":
        value = int(number[1:], 16) if number[:1] == b"x" else int(number)
        return bytes([value]) if value < 256 else b"?"
    return unescape(match[0].decode("ascii")).encode("utf-8", "replace")


def _uu(data: bytes, limit: int) -> Iterator[Piece]:
    for begin in UU_BEGIN.finditer(data) if b"begin" in data else ():
        at, parts, size = begin.end(), [], 0
        while (line := UU_LINE.match(data, at)) and size < limit:
            try:
                part = binascii.a2b_uu(line[0])
            except binascii.Error:
                break
            parts.append(part)
            size += len(part)
            at = line.end()
        if parts:
            yield Piece(begin.start(), at, b"".join(parts)[:limit])


DECODERS = (
    Decoder("url", _around(PERCENT, _percent)),
    Decoder("quoted-printable", _around(QUOTED, binascii.a2b_qp)),
    Decoder("escapes", _around(BACKSLASH, _backslash)),
    Decoder("html", _around(ENTITY, _html)),
    Decoder("uuencode", _uu),
)
"""Of text."""
