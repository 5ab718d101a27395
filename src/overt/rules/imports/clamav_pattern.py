"""ClamAV body patterns turned into YARA strings.

Follows https://docs.clamav.net/manual/Signatures/BodySignatureFormat.html. What YARA cannot say raises
`NotCarried` with the reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ITEM = re.compile(
    r"(?P<byte>[0-9a-fA-F?]{2})|(?P<any>\*)|\{(?P<gap>-?\d+|\d+-\d*)\}|\[(?P<near>\d+-\d+)\]"
    r"|\((?P<border>[BLW])\)|(?P<not>!?)\((?P<choice>[0-9a-fA-F?|]+)\)"
)
MIN_FIXED_BYTES = 2
"""Consecutive known bytes that a pattern needs: with fewer the engine would look at every place of every file."""


class NotCarried(ValueError):
    """A signature, or a part of it, that can't be said in YARA."""


@dataclass(frozen=True, slots=True)
class Byte:
    """Two hexadecimal digits, `?` for any."""

    digits: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Any `low` to `high` bytes; `high` None: without end."""

    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several byte sequences, or (`negated`) one byte that is none of them."""

    ways: tuple[tuple[Byte, ...], ...]
    negated: bool


Item = Byte | Gap | Choice


def yara_string(pattern: str, modifiers: str = "") -> list[str]:
    """What follows `$a = ` for a ClamAV pattern and its modifiers (`i`, `w`, `f`, `a`); two when it has to be looked
    for in two ways. Raises `NotCarried`."""
    items = parse(pattern)
    plain = [item.digits for item in items if isinstance(item, Byte) and "?" not in item.digits]
    if len(plain) == len(items):
        return [_text(plain, modifiers)]
    if "f" in modifiers:
        raise NotCarried("fullword on a pattern with wildcards")
    if "i" in modifiers:
        items = [_any_case(item) for item in items]
    if any(isinstance(item, Choice) and item.negated and len(item.ways) > 1 for item in items):
        if "w" in modifiers:
            raise NotCarried("wide on a pattern with a negated choice")
        return [_regex(items)]
    found = []
    if "w" in modifiers:
        found.append(_hex(_widened(items)))
    if "a" in modifiers or "w" not in modifiers:
        found.append(_hex(items))
    return found


def parse(pattern: str) -> list[Item]:
    """The items of a body pattern, gaps at its ends left out (they demand nothing). Raises `NotCarried`."""
    items: list[Item] = []
    position = 0
    while position < len(pattern):
        match = _ITEM.match(pattern, position)
        if match is None:
            raise NotCarried(f"malformed pattern at {pattern[position : position + 12]!r}")
        items.append(_item(match))
        position = match.end()
    while items and isinstance(items[-1], Gap):
        items.pop()
    while items and isinstance(items[0], Gap):
        items.pop(0)
    if _longest_run(items) < MIN_FIXED_BYTES:
        raise NotCarried(f"fewer than {MIN_FIXED_BYTES} known bytes in a row")
    return items


def _item(match: re.Match[str]) -> Item:
    if match["byte"]:
        return Byte(match["byte"].lower())
    if match["any"]:
        return Gap(0, None)
    if gap := match["gap"] or match["near"]:
        low, dash, high = gap.partition("-")
        return Gap(int(low or 0), int(high) if high else None if dash else int(low))
    if match["border"]:
        raise NotCarried(f"boundary marker ({match['border']})")
    ways = tuple(_bytes(way) for way in match["choice"].split("|"))
    if match["not"] and any(len(way) != 1 for way in ways):
        raise NotCarried("negated choice of several bytes")
    return Choice(ways, bool(match["not"]))


def _bytes(digits: str) -> tuple[Byte, ...]:
    if not digits or len(digits) % 2:
        raise NotCarried("choice with an empty or half byte")
    return tuple(Byte(digits[at : at + 2].lower()) for at in range(0, len(digits), 2))


def _longest_run(items: list[Item]) -> int:
    longest = run = 0
    for item in items:
        run = run + 1 if isinstance(item, Byte) and "?" not in item.digits else 0
        longest = max(longest, run)
    return longest


def _text(digits: list[str], modifiers: str) -> str:
    words = {"i": "nocase", "w": "wide", "f": "fullword", "a": "ascii"}
    chosen = " ".join(word for letter, word in words.items() if letter in modifiers)
    quoted = "".join(_quoted(int(pair, 16)) for pair in digits)
    return f'"{quoted}" {chosen}'.rstrip()


def _quoted(byte: int) -> str:
    char = chr(byte)
    return char if char.isascii() and char.isprintable() and char not in '"\\' else f"\\x{byte:02x}"


def _any_case(item: Item) -> Item:
    if not isinstance(item, Byte) or "?" in item.digits:
        return item
    char = chr(int(item.digits, 16))
    if not (char.isascii() and char.isalpha()):
        return item
    return Choice(((Byte(f"{ord(char.lower()):02x}"),), (Byte(f"{ord(char.upper()):02x}"),)), False)


def _widened(items: list[Item]) -> list[Item]:
    wide: list[Item] = []
    for item in items:
        if isinstance(item, Byte):
            wide += _wide((item,))
        elif isinstance(item, Choice):
            wide.append(Choice(tuple(_wide(way) for way in item.ways), item.negated))
        else:
            wide.append(Gap(item.low * 2, None if item.high is None else item.high * 2))
    return wide


def _wide(way: tuple[Byte, ...]) -> tuple[Byte, ...]:
    return tuple(part for byte in way for part in (byte, Byte("00")))


def _hex(items: list[Item]) -> str:
    return "{ " + " ".join(_hex_item(item) for item in items) + " }"


def _hex_item(item: Item) -> str:
    if isinstance(item, Byte):
        return item.digits
    if isinstance(item, Gap):
        return (
            f"[{item.low}]"
            if item.low == item.high
            else f"[{item.low}-{'' if item.high is None else item.high}]"
        )
    if item.negated:
        return f"~{item.ways[0][0].digits}"
    return "( " + " | ".join(" ".join(byte.digits for byte in way) for way in item.ways) + " )"


def _regex(items: list[Item]) -> str:
    return "/" + "".join(_regex_item(item) for item in items) + "/s"


def _regex_item(item: Item) -> str:
    if isinstance(item, Byte):
        return _regex_byte(item.digits)
    if isinstance(item, Gap):
        return f".{{{item.low},{'' if item.high is None else item.high}}}"
    if item.negated:
        if any("?" in way[0].digits for way in item.ways):
            raise NotCarried("negated choice with wildcards")
        return "[^" + "".join(f"\\x{way[0].digits}" for way in item.ways) + "]"
    return "(" + "|".join("".join(_regex_byte(byte.digits) for byte in way) for way in item.ways) + ")"


def _regex_byte(digits: str) -> str:
    if digits == "??":
        return "."
    if "?" not in digits:
        return f"\\x{digits}"
    values = (digits.replace("?", digit) for digit in "0123456789abcdef")
    return "[" + "".join(f"\\x{value}" for value in values) + "]"
