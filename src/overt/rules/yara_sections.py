"""A rule's metadata and strings, one match for each entry instead of one for each of its tokens.

This reads what is written as nearly everybody writes it. For a section with anything else in it there is no answer,
and it is read token by token, by the whole of its grammar: a shorter way to the same, never another way.
"""

from __future__ import annotations

import re

from overt.rules.yara_tokens import BLANKS, HEX, NUMBER, REGEX, TEXT, Kind, Token, unquote

_ENDED = r"(?![A-Za-z0-9_*])"
_MODIFIERS = "ascii|wide|nocase|fullword|private|xor|base64wide|base64"
_META = re.compile(
    rf"{BLANKS}([A-Za-z_][A-Za-z0-9_]*){BLANKS}={BLANKS}(?:({TEXT})|(-?(?:{NUMBER})|(?:true|false){_ENDED}))"
)
_STRING = re.compile(
    rf"{BLANKS}(\$[A-Za-z0-9_]*){BLANKS}={BLANKS}(?:({TEXT})|({REGEX})|({HEX}))"
    rf"((?:\s+(?:{_MODIFIERS}){_ENDED})*)"
)
_STRING_KINDS = (None, None, Kind.TEXT, Kind.REGEX, Kind.HEX)
_FOLLOWING = re.compile(rf"{BLANKS}(?:(?:meta|strings|condition){BLANKS}:|\}})")
"""What ends a section."""

Meta = tuple[str, str]
"""Key and value, the quotes and escapes of a text removed."""
StringEntry = tuple[str, Token, tuple[str, ...]]
"""Identifier, value and modifiers."""


def meta_entries(text: str, position: int) -> tuple[list[Meta], int] | None:
    """The entries of the section `meta:` that begins behind its colon, and where they end; None when it has others."""
    found: list[Meta] = []
    while match := _META.match(text, position):
        key, quoted, plain = match.groups()
        found.append((key, plain if quoted is None else unquote(quoted)))
        position = match.end()
    return (found, position) if _FOLLOWING.match(text, position) else None


def string_entries(text: str, position: int) -> tuple[list[StringEntry], int] | None:
    """The entries of the section `strings:`, as `meta_entries`."""
    found: list[StringEntry] = []
    while match := _STRING.match(text, position):
        group = 2 if match.start(2) >= 0 else 3 if match.start(3) >= 0 else 4
        kind = _STRING_KINDS[group]
        assert kind is not None
        value = Token(kind, match.group(group), match.start(group))
        found.append((match.group(1), value, tuple(match.group(5).split())))
        position = match.end()
    return (found, position) if _FOLLOWING.match(text, position) else None
