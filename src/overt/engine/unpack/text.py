"""Telling text from other bytes, and the lenient decoders that text-borne formats share."""

from __future__ import annotations

import binascii
import re

HEAD_BYTES = 4096
"""Bytes at the beginning that decide whether content is text."""

_TEXT = bytes([7, 8, 9, 10, 11, 12, 13, 27, *range(32, 127), *range(128, 256)])
_PRINTABLE = bytes([9, 10, 13, *range(32, 127)])
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(byte for byte in range(256) if byte not in _ALPHABET + b"=")
_PADDING = re.compile(rb"=++")
_BOMS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
TAIL_CHARS = 64
"""Base64 characters after the padding that are taken for a second stream; fewer are a footer's words."""


def is_text(data: bytes) -> bool:
    """Whether `data` begins like text in ASCII or a superset of it: no NUL, hardly a control character."""
    head = data[:HEAD_BYTES]
    return bool(head) and b"\0" not in head and len(head.translate(None, _TEXT)) * 32 <= len(head)


def is_printable(data: bytes) -> bool:
    """Whether every byte is printable ASCII or ordinary white space."""
    return bool(data) and not data.translate(None, _PRINTABLE)


def from_utf16(data: bytes) -> bytes | None:
    """`data` as UTF-8 when it is UTF-16 text (by its byte order mark, or by its zeros), otherwise None."""
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return data[2:].decode(codec, "replace").encode("utf-8", "replace")
    head = data[:64]
    if len(head) >= 8 and is_printable(head[0::2]) and not any(head[1::2]):
        return data.decode("utf-16-le", "replace").encode("utf-8", "replace")
    return None


def base64_lenient(text: bytes) -> bytes:
    """Decode base64 as mail clients do (RFC 2045 6.8): foreign characters are skipped, missing padding and a
    dangling last character are forgiven, and a second stream after the padding is appended."""
    clean = text.translate(None, _NOT_BASE64)
    first, *others = _PADDING.split(clean)
    streams = [first, *(other for other in others if len(other) >= TAIL_CHARS)]
    return b"".join(_decode64(stream) for stream in streams)


def _decode64(clean: bytes) -> bytes:
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))
