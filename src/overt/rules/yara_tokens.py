"""The lexical grammar of YARA: text into tokens with their places.

Follows https://yara.readthedocs.io/en/stable/writingrules.html. Division is written `\\`, so a `/` always
starts a regular expression or a comment, and one pass without context is enough; only `{` after `=` (a hex
string) needs to look back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    """A keyword or an identifier."""
    STRING_ID = "string"
    """`$a`, `#a`, `@a`, `!a`, each with an optional `*`."""
    NUMBER = "number"
    TEXT = "text"
    """A quoted string, quotes included."""
    REGEX = "regex"
    HEX = "hex"
    """A hex string, braces included."""
    SIGN = "sign"


class Token(NamedTuple):
    """One token: what it is, its text, and where it starts (offset in characters)."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class LexicalError(ValueError):
    """The text at `offset` starts no token."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


BLANKS = r"(?:\s+|//[^\n]*|/\*(?s:.*?)\*/)*+"
"""Spaces and comments, if any (a regular expression, as the other texts in capitals)."""
TEXT = r'"(?:[^"\\\n]|\\.)*"'
REGEX = r"/(?:[^/\\\n]|\\[^\n])+/[is]{0,2}"
NUMBER = r"0x[0-9A-Fa-f]+|0o[0-7]+|\d+\.\d+|\d+(?:KB|MB)?"
HEX = r"\{(?:[^}/]|//[^\n]*|/\*(?s:.*?)\*/)*+\}"

_BLANKS = re.compile(BLANKS)
_HEX = re.compile(HEX)
_TOKEN = re.compile(
    rf"""{BLANKS}(?:
    ([A-Za-z_][A-Za-z0-9_]*(?:\*(?=\s*[,)]))?)
    |(\$[A-Za-z0-9_]*(?:\*(?=\s*[,)]))?|[\#@!](?!=)[A-Za-z0-9_]*)
    |({NUMBER})
    |({TEXT})
    |({REGEX})
    |(\.\.|<<|>>|[=!<>]=|[-+*\\%&|^~<>=(){{}}\[\],.:])
    |(\Z))""",
    re.VERBOSE,
)
_KINDS = (None, Kind.WORD, Kind.STRING_ID, Kind.NUMBER, Kind.TEXT, Kind.REGEX, Kind.SIGN, None)
"""What each group of `_TOKEN` is; the last one is the end."""


_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


def unquote(text: str) -> str:
    """The value of a quoted YARA string; bytes given as `\\xNN` become that code point."""
    inner = text[1:-1]
    return _ESCAPE.sub(_unescape, inner) if "\\" in inner else inner


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    return chr(int(code[1:], 16)) if len(code) == 3 else _ESCAPES.get(code, match.group())


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The tokens of `text` from `start` on, blanks and comments left out. Raises `LexicalError`."""
    position, after_equals = start, False
    while match := _TOKEN.match(text, position):
        group = match.lastindex or 0
        kind = _KINDS[group]
        if kind is None:
            return
        found, position = match.group(group), match.end()
        if found == "{" and after_equals:
            hexed = _HEX.match(text, position - 1)
            if hexed is None:
                raise LexicalError(position - 1, "hex string is not closed")
            kind, found, position = Kind.HEX, hexed.group(), hexed.end()
        yield Token(kind, found, position - len(found))
        after_equals = found == "="
    blanks = _BLANKS.match(text, position)
    position = blanks.end() if blanks else position
    raise LexicalError(position, f"unexpected {text[position : position + 12].splitlines()[0]!r}")
