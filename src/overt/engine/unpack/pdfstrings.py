"""Strings of PDF (ISO 32000-1, 7.3.4 and 7.9.2)."""

from __future__ import annotations

import re

_PARENTHESIS = re.compile(rb"\\.|[()]", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|[\r\n])|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def literal(text: bytes, start: int) -> tuple[bytes, int]:
    """A literal string's bytes (ISO 32000-1, 7.3.4.2) from after its parenthesis, and where it ends."""
    depth, end = 1, len(text)
    for match in _PARENTHESIS.finditer(text, start):
        depth += {b"(": 1, b")": -1}.get(match[0], 0)
        if not depth:
            end = match.start()
            break
    return _ESCAPE.sub(_unescape, text[start:end]), end


def _unescape(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes((int(match[1], 8) & 255,))
    return b"" if match[2] else _LETTERS.get(match[3], match[3])


def from_hex(digits: bytes) -> bytes:
    """A hexadecimal string's bytes: white space between digits, and a missing last digit is 0."""
    clean = b"".join(digits.split())
    return bytes.fromhex((clean + b"0" * (len(clean) % 2)).decode("ascii"))


def text_of(raw: bytes) -> str:
    """A text string (ISO 32000-1, 7.9.2.2): UTF-16 or UTF-8 by its mark, otherwise bytes."""
    if raw.startswith(b"\xfe\xff"):
        return raw[2:].decode("utf-16-be", "replace")
    if raw.startswith(b"\xff\xfe"):
        return raw[2:].decode("utf-16-le", "replace")
    return raw.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
