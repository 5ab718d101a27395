"""Words that a hostile product chose, made fit to be shown: no control or direction characters, not too long."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from overt.conduct.judge.answering import shortened

MAX_CHARACTERS = 600
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Unicode's general categories of characters that are not seen, or that change how others are shown."""


def plain(text: str, limit: int = MAX_CHARACTERS) -> str:
    """`text` with each unseen character as its number (`\\u202e`), cut in its middle to `limit` characters."""
    short = shortened(text, limit)
    if short.isascii() and short.isprintable():
        return short
    return "".join(_shown(char) for char in short)


def address(path: str) -> str:
    """The relative address (RFC 3986) of a file of the report; of one that would lead elsewhere, nothing."""
    return quote(path.lstrip("/"), safe="/-_.~") if not path.startswith("..") else ""


def _shown(char: str) -> str:
    if char == " " or unicodedata.category(char) not in _UNSEEN:
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
