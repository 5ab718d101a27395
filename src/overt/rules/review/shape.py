"""What a pattern can match, as sequences of byte sets: hex strings, quoted strings and regular expressions alike.

Regular expressions are read by Python's own parser, whose syntax contains YARA's; repetitions are taken at their
shortest, and alternatives are followed one by one, up to a bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, islice, product
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

from overt.rules.leading import text_bytes
from overt.rules.yara_source import Pattern
from overt.rules.yara_tokens import Kind

Shape = tuple[frozenset[int], ...]
"""Per position, the bytes that are possible there."""

MAX_VARIANTS = 48
"""Alternatives of one pattern that are followed."""
MAX_REPEATS = 24
"""Copies made of something that is repeated at least so often."""
MAX_POSITIONS = 512
"""Bytes of one alternative that are looked at."""
ANY = frozenset(range(256))
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_HEX = re.compile(r"~?[0-9A-Fa-f?]{2}|\[[^\]]*\]|[()|]")
_DIGITS = "0123456789abcdef"
_SPACE = frozenset(b" \t\n\r\f\v")
_DIGIT = frozenset(b"0123456789")
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_CATEGORIES: dict[Any, frozenset[int]] = {
    sre.CATEGORY_SPACE: _SPACE,
    sre.CATEGORY_NOT_SPACE: ANY - _SPACE,
    sre.CATEGORY_DIGIT: _DIGIT,
    sre.CATEGORY_NOT_DIGIT: ANY - _DIGIT,
    sre.CATEGORY_WORD: _WORD,
    sre.CATEGORY_NOT_WORD: ANY - _WORD,
}
_WIDE_CHARACTER = re.compile(r"[^\x00-\x7f]")
_CLASS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\x00-\x7f]", re.DOTALL)


@lru_cache(maxsize=1 << 12)
def shapes(pattern: Pattern) -> tuple[Shape, ...]:
    """The alternatives of `pattern` as sequences of byte sets; modifiers are left to the reader of the result.
    Empty when a pattern cannot be read."""
    value = pattern.value
    if value.kind is Kind.TEXT:
        return (tuple(frozenset((byte,)) for byte in text_bytes(value.text)[:MAX_POSITIONS]),)
    if value.kind is Kind.HEX:
        try:
            return _bounded(_hex(_HEX.findall(_COMMENT.sub(" ", value.text[1:-1]))))
        except RecursionError:
            return ()
    return regex_shapes(value.text)


def regex_shapes(literal: str) -> tuple[Shape, ...]:
    """The same for a regular expression as written, slashes and flags included."""
    try:
        return _bounded(_sequence(sre_parser.parse(regex_source(literal))))
    except (re.error, OverflowError, RecursionError):
        return ()


def regex_source(literal: str) -> str:
    """YARA's regular expression in Python's syntax, over bytes written as code points 0 to 255."""
    body, _, flags = literal[1:].rpartition("/")
    body = _CLASS.sub(lambda match: _in_bytes(match.group()), body)
    return f"(?{flags}){body}" if flags else body


def _in_bytes(part: str) -> str:
    """A class or character with non-ASCII members as alternatives of UTF-8 bytes."""
    wide = _WIDE_CHARACTER.findall(part)
    if not wide:
        return part
    if not part.startswith("[") or part.startswith("[^"):
        return "(?:" + part.encode().decode("latin-1") + ")" if len(part) == 1 else "."
    rest = _WIDE_CHARACTER.sub("", part)
    options = [char.encode().decode("latin-1") for char in wide]
    return "(?:" + "|".join([*options, *([rest] if rest != "[]" else [])]) + ")"


def _bounded(variants: Iterable[Shape]) -> tuple[Shape, ...]:
    return tuple(dict.fromkeys(shape[:MAX_POSITIONS] for shape in islice(variants, MAX_VARIANTS)))


def _joined(parts: Sequence[Sequence[Shape]]) -> list[Shape]:
    """Every part in turn, over all choices of alternatives; where there are too many, each alternative still
    appears once, beside the first of the others."""
    count = 1
    for part in parts:
        count *= max(len(part), 1)
    if count <= MAX_VARIANTS:
        return [_chained(pieces) for pieces in product(*parts)]
    found = []
    for number in range(max(map(len, parts))):
        pieces = [part[number % len(part)] for part in parts]
        found.append(_chained(pieces))
    return found[:MAX_VARIANTS]


def _chained(pieces: Sequence[Shape]) -> Shape:
    return tuple(islice(chain.from_iterable(pieces), MAX_POSITIONS))


def _hex(tokens: list[str]) -> list[Shape]:
    parts: list[list[Shape]] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token == "(":
            end = _closing(tokens, at)
            options = _split(tokens[at:end])
            parts.append([shape for option in options for shape in _hex(option)][:MAX_VARIANTS])
            at = end + 1
        elif token.startswith("["):
            least = token[1:-1].split("-")[0].strip()
            parts.append([(ANY,) * min(int(least) if least.isdigit() else 0, MAX_REPEATS)])
        elif token not in ")|":
            parts.append([(_hex_byte(token),)])
    return _joined(parts)


def _closing(tokens: list[str], at: int) -> int:
    depth = 1
    while at < len(tokens):
        depth += {"(": 1, ")": -1}.get(tokens[at], 0)
        if depth == 0:
            return at
        at += 1
    return at


def _split(tokens: list[str]) -> list[list[str]]:
    options: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == "|" and depth == 0:
            options.append([])
        else:
            options[-1].append(token)
    return options


@lru_cache(maxsize=1 << 10)
def _hex_byte(token: str) -> frozenset[int]:
    high, low = (_DIGITS if digit == "?" else digit.lower() for digit in token[-2:])
    values = frozenset(int(a + b, 16) for a, b in product(high, low))
    return ANY - values if token.startswith("~") else values


def _sequence(parsed: Any) -> list[Shape]:
    return _joined([_node(op, value) for op, value in parsed])


def _node(op: Any, value: Any) -> list[Shape]:
    if op is sre.LITERAL:
        return [(frozenset((value & 0xFF,)),)]
    if op is sre.NOT_LITERAL:
        return [(ANY - {value},)]
    if op is sre.ANY:
        return [(ANY,)]
    if op is sre.IN:
        return [(_class(value),)]
    if op is sre.BRANCH:
        return [shape for branch in value[1] for shape in _sequence(branch)][:MAX_VARIANTS]
    if op is sre.SUBPATTERN:
        return _sequence(value[-1])
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return _repeat(value)
    return [()]


def _repeat(value: Any) -> list[Shape]:
    """At its shortest; what may be left out and is narrow is also shown once."""
    least, _, inner = value
    options = _sequence(inner)
    if least == 0:
        narrow = [shape for shape in options if shape and all(len(byte) <= 16 for byte in shape)]
        return [*narrow, ()][:MAX_VARIANTS]
    copies = min(int(least), MAX_REPEATS)
    return [shape * copies for shape in options] if len(options) == 1 else _joined([options] * copies)


def _class(members: Any) -> frozenset[int]:
    found: set[int] = set()
    negated = False
    for op, value in members:
        if op is sre.NEGATE:
            negated = True
        elif op is sre.LITERAL:
            found.add(value & 0xFF)
        elif op is sre.RANGE:
            found.update(range(value[0] & 0xFF, (value[1] & 0xFF) + 1))
        elif op is sre.CATEGORY:
            found |= _CATEGORIES.get(value, ANY)
    return ANY - found if negated else frozenset(found)
