"""Canonical JSON: one value, one encoding, so that text can be hashed, signed and compared byte for byte.

RFC 8785 (JSON Canonicalization Scheme) without fractions: members sorted by UTF-16 code units, no white space, the
shortest escapes, UTF-8. Numbers are integers of at most 53 bits, which every JSON reader keeps exactly.
"""

from __future__ import annotations

import json
from typing import Any

MAX_INTEGER = 2**53 - 1
"""Largest magnitude of a number (RFC 7493, 2.2)."""
MAX_DEPTH = 64
"""Most objects and arrays inside each other."""


class NotCanonical(ValueError):
    """A value that has no canonical encoding, or bytes that are not the canonical encoding of their value."""


def encode(value: object) -> bytes:
    """The canonical encoding of `None`, booleans, integers, text, lists or tuples, and mappings with text keys.

    Raises `NotCanonical` for anything else: fractions, larger integers, lone surrogates, more than `MAX_DEPTH`.
    """
    try:
        return _dumps(_ordered(value, MAX_DEPTH)).encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical(f"text with the lone surrogate {error.object[error.start]!a}") from None


def decode(data: bytes) -> Any:
    """The value of canonical JSON. Raises `NotCanonical` when any other byte sequence means the same value."""
    try:
        value = json.loads(data.decode("utf-8"), parse_float=_refuse, parse_constant=_refuse)
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {error}") from None
    if encode(value) != data:
        raise NotCanonical("JSON, but not in its canonical encoding")
    return value


_dumps = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def _ordered(value: object, depth: int) -> object:
    """`value` with all members in order, when each part of it may be encoded."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise NotCanonical(f"an integer of {value.bit_length()} bits: at most 53 are kept exactly")
        return value
    if depth == 0:
        raise NotCanonical(f"more than {MAX_DEPTH} objects and arrays inside each other")
    if isinstance(value, dict):
        return {key: _ordered(value[key], depth - 1) for key in _in_order(value)}
    if isinstance(value, list | tuple):
        return [_ordered(item, depth - 1) for item in value]
    raise NotCanonical(f"a {type(value).__name__} has no canonical encoding")


def _in_order(members: dict[object, object]) -> list[Any]:
    """The keys, sorted. All orders of ASCII are the same, and nearly all keys are ASCII."""
    if all(isinstance(key, str) and key.isascii() for key in members):
        return sorted(members)
    return sorted(members, key=_order)


def _order(key: object) -> bytes:
    """RFC 8785, 3.2.3: by UTF-16 code units, which is not the order of code points."""
    if not isinstance(key, str):
        raise NotCanonical(f"a key that is no text: {key!r}")
    return key.encode("utf-16-be")


def _refuse(text: str) -> object:
    raise NotCanonical(f"the number {text}: only integers have one encoding")
