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


_BLANK = r"\s+|//[^\n]*|/\*(?s:.*?)\*/"
_BLANKS = re.compile(rf"(?:{_BLANK})*+")
_TOKEN = re.compile(
    rf"""(?:{_BLANK})*+(?:
    (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\*(?=\s*[,)]))?)
    |(?P<string>\$[A-Za-z0-9_]*(?:\*(?=\s*[,)]))?|[\#@!](?!=)[A-Za-z0-9_]*)
    |(?P<number>0x[0-9A-Fa-f]+|0o[0-7]+|\d+\.\d+|\d+(?:KB|MB)?)
    |(?P<text>"(?:[^"\\\n]|\\.)*")
    |(?P<regex>/(?:[^/\\\n]|\\[^\n])+/[is]{{0,2}})
    |(?P<sign>\.\.|<<|>>|[=!<>]=|[-+*\\%&|^~<>=(){{}}\[\],.:])
    |(?P<end>\Z))""",
    re.VERBOSE,
)
_HEX = re.compile(r"\{(?:[^}/]|//[^\n]*|/\*(?s:.*?)\*/)*\}")
_KINDS = {kind.value: kind for kind in Kind}


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The tokens of `text` from `start` on, blanks and comments left out. Raises `LexicalError`."""
    position, after_equals = start, False
    while match := _TOKEN.match(text, position):
        group = match.lastgroup or ""
        if group == "end":
            return
        found, position = match.group(group), match.end()
        if found == "{" and after_equals:
            hexed = _HEX.match(text, position - 1)
            if hexed is None:
                raise LexicalError(position - 1, "hex string is not closed")
            group, found, position = "hex", hexed.group(), hexed.end()
        yield Token(_KINDS[group], found, position - len(found))
        after_equals = found == "="
    blanks = _BLANKS.match(text, position)
    position = blanks.end() if blanks else position
    raise LexicalError(position, f"unexpected {text[position : position + 12].splitlines()[0]!r}")
