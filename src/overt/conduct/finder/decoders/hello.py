"""TLS's ClientHello (RFC 8446, section 4.1.2): the names that it gives, and whatever is not what such hellos hold.

Random numbers, keys and tickets have to look like chance: up to their usual size nobody can say more of them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from overt.conduct.finder.decoders.base import Decoder, Piece, Trust

RECORD = struct.Struct(">BHH")
HANDSHAKE, CLIENT_HELLO = 0x16, 0x01
FIXED_BYTES = 34
"""Version and random number."""
SESSION_BYTES, CIPHERS_BYTES = 32, 320
NO_COMPRESSION = b"\0"
SERVER_NAME, ALPN, PADDING = 0, 16, 21
# fmt: off
USUAL_BYTES = {
    1: 1, 5: 16, 10: 64, 11: 8, 13: 128, 17: 32, 18: 0, 22: 0, 23: 0, 27: 16, 28: 2, 34: 32, 35: 512, 41: 640, 42: 0,
    43: 32, 44: 256, 45: 4, 49: 0, 50: 128, 51: 1_600, 57: 256, 13_172: 0, 17_513: 32, 17_613: 32, 0xFE0D: 640,
    0xFF01: 1,
}
# fmt: on
"""Of what extensions that clients send hold, at most, by number (IANA, TLS ExtensionType Values)."""
GREASE, GREASE_BYTES = frozenset(0x1010 * number + 0x0A0A for number in range(16)), 1
"""Numbers that stand for nothing (RFC 8701)."""


def _hello(data: bytes, limit: int) -> Iterator[Piece]:
    message, end = _message(data)
    try:
        told = b"\n".join(_told(message))
    except (struct.error, IndexError):
        return
    yield Piece(0, end, told[:limit] or b"\n", Trust.SOUND)


def _message(data: bytes) -> tuple[bytes, int]:
    """The handshake message at the beginning, without the heads of records, and where it ends; nothing if there is
    none."""
    if data[:1] == bytes([CLIENT_HELLO]):
        end = 4 + int.from_bytes(data[1:4], "big")
        return (data[4:end], end) if len(data) >= end else (b"", 0)
    message, at = b"", 0
    while len(data) - at >= RECORD.size:
        kind, version, size = RECORD.unpack_from(data, at)
        if kind != HANDSHAKE or version >> 8 != 3 or len(data) - at - RECORD.size < size:
            break
        at += RECORD.size + size
        message += data[at - size : at]
        if message[:1] != bytes([CLIENT_HELLO]):
            break
        if len(message) == 4 + int.from_bytes(message[1:4], "big"):
            return message[4:], at
    return b"", 0


def _told(message: bytes) -> Iterator[bytes]:
    """What a hello says in words, and all that is more than usual. Raises `struct.error`, `IndexError` for none."""
    at = FIXED_BYTES
    session, at = _vector(message, at, 1)
    ciphers, at = _vector(message, at, 2)
    compression, at = _vector(message, at, 1)
    if len(session) > SESSION_BYTES:
        yield session
    if len(ciphers) > CIPHERS_BYTES:
        yield ciphers
    if compression != NO_COMPRESSION:
        yield compression
    extensions, at = _vector(message, at, 2) if at < len(message) else (b"", at)
    yield message[at:]
    at = 0
    while at < len(extensions):
        (kind,) = struct.unpack_from(">H", extensions, at)
        content, at = _vector(extensions, at + 2, 2)
        yield from _of_extension(kind, content)


def _of_extension(kind: int, content: bytes) -> Iterator[bytes]:
    if kind == SERVER_NAME:
        yield content[5:]
    elif kind == ALPN:
        yield from _names(content)
    elif kind == PADDING:
        yield content.strip(b"\0")
    elif kind in GREASE and len(content) <= GREASE_BYTES:
        return
    elif len(content) > USUAL_BYTES.get(kind, -1):
        yield content


def _names(content: bytes) -> Iterator[bytes]:
    listed, at = _vector(content, 0, 2)
    yield content[at:]
    at = 0
    while at < len(listed):
        name, at = _vector(listed, at, 1)
        yield name


def _vector(data: bytes, at: int, length_bytes: int) -> tuple[bytes, int]:
    """Bytes after their length, and where they end. Raises `IndexError` where `data` ends before."""
    begin = at + length_bytes
    end = begin + int.from_bytes(data[at:begin], "big")
    if end > len(data):
        raise IndexError(end)
    return data[begin:end], end


DECODERS = (Decoder("hello", _hello),)
