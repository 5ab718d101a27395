"""What a string of a rule says about the bytes where it matches."""

from __future__ import annotations

import re
from itertools import chain, product

from overt.rules.yara_source import Pattern
from overt.rules.yara_tokens import Kind

Leading = tuple[frozenset[int] | None, ...]
"""Per position from the start of a match, the byte values possible there; None: any."""

MAX_LEADING = 8
_ESCAPED = re.compile(r"\\x([0-9A-Fa-f]{2})|\\(.)|([^\\])", re.DOTALL)
_PLAIN = {"n": b"\n", "t": b"\t", "r": b"\r"}
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_HEX_BYTE = re.compile(r"\s*([0-9A-Fa-f?])([0-9A-Fa-f?])")
_DIGITS = "0123456789abcdef"


def leading(pattern: Pattern) -> tuple[Leading, ...] | None:
    """The ways in which a match of `pattern` can begin (at most 8 bytes of each), or None when not known."""
    if pattern.value.kind is Kind.TEXT:
        return _text(pattern)
    if pattern.value.kind is Kind.HEX:
        return (_hex(pattern.value.text),)
    return None


def text_bytes(quoted: str) -> bytes:
    """The bytes that a quoted YARA string stands for."""
    return b"".join(
        bytes([int(code, 16)])
        if code
        else (_PLAIN.get(escaped) or escaped.encode())
        if escaped
        else char.encode()
        for code, escaped, char in _ESCAPED.findall(quoted[1:-1])
    )


def _text(pattern: Pattern) -> tuple[Leading, ...] | None:
    words = set(pattern.modifiers)
    if words & {"xor", "base64", "base64wide"}:
        return None
    value = text_bytes(pattern.value.text)[:MAX_LEADING]
    narrow: Leading = tuple(_cases(byte) if "nocase" in words else frozenset((byte,)) for byte in value)
    wide: Leading = tuple(chain.from_iterable((byte, frozenset((0,))) for byte in narrow))[:MAX_LEADING]
    if "wide" not in words:
        return (narrow,)
    return (narrow, wide) if "ascii" in words else (wide,)


def _cases(byte: int) -> frozenset[int]:
    char = bytes([byte])
    return frozenset(char.lower() + char.upper())


def _hex(text: str) -> Leading:
    found: list[frozenset[int] | None] = []
    body = _COMMENT.sub(" ", text[1:-1])
    at = 0
    while len(found) < MAX_LEADING and (match := _HEX_BYTE.match(body, at)):
        high, low = (_DIGITS if digit == "?" else digit.lower() for digit in match.groups())
        values = frozenset(int(a + b, 16) for a, b in product(high, low))
        found.append(None if len(values) == 256 else values)
        at = match.end()
    return tuple(found)
