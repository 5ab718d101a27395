"""The strict pieces that all the log's text formats share: what is accepted re-encodes to the same characters."""

from __future__ import annotations

import base64
import binascii
import re

from overt.core.errors import Malformed

MAX_NUMBER = (1 << 63) - 1
"""The largest tree size, index or timestamp: what every peer's signed 64-bit integers hold."""

HASH_BYTES = 32
"""SHA-256, the only hash of these formats. Every hash is checked for this length: an empty one must never compare."""

MAX_PROOF_HASHES = 63
"""A tree of at most `MAX_NUMBER` leaves needs no longer proof (tlog-witness, add-checkpoint)."""

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def decimal(text: str, what: str, maximum: int = MAX_NUMBER) -> int:
    """The ASCII decimal number `text`, no sign, no leading zero. Raises `Malformed` naming `what`."""
    if not _DECIMAL.fullmatch(text) or int(text) > maximum:
        raise Malformed(f"{what}: {shown(text)} is not a decimal number from 0 to {maximum}")
    return int(text)


def number(value: int, what: str, maximum: int = MAX_NUMBER) -> int:
    """`value` when it is from 0 to `maximum`; raises `Malformed` naming `what`."""
    if not 0 <= value <= maximum:
        raise Malformed(f"{what}: {value} is not from 0 to {maximum}")
    return value


def from_base64(text: str, what: str) -> bytes:
    """The bytes that `text` encodes (RFC 4648 §4, padded, canonical). Raises `Malformed` naming `what`."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        data = b""
    if not data or to_base64(data) != text:
        raise Malformed(f"{what}: {shown(text)} is not canonical base64 of at least one byte")
    return data


def to_base64(data: bytes) -> str:
    """RFC 4648 §4, padded."""
    return base64.b64encode(data).decode("ascii")


def hash_line(text: str, what: str) -> bytes:
    """The 32-byte hash that the line `text` encodes in base64. Raises `Malformed` naming `what`."""
    return checked_hash(from_base64(text, what), what)


def checked_hash(value: bytes, what: str) -> bytes:
    """`value` when it is exactly 32 bytes; raises `Malformed` naming `what`."""
    if len(value) != HASH_BYTES:
        raise Malformed(f"{what}: {len(value)} bytes are not a SHA-256 hash of {HASH_BYTES} bytes")
    return value


def checked_proof(hashes: tuple[bytes, ...], what: str) -> tuple[bytes, ...]:
    """`hashes` when they are at most 63 of 32 bytes each; raises `Malformed` naming `what`."""
    if len(hashes) > MAX_PROOF_HASHES:
        raise Malformed(f"{what}: {len(hashes)} hashes are more than the {MAX_PROOF_HASHES} of any proof")
    for value in hashes:
        checked_hash(value, what)
    return hashes


def shown(text: str) -> str:
    """`text` for a message: quoted, escaped and cut."""
    return ascii(text if len(text) <= 60 else f"{text[:60]}…")
