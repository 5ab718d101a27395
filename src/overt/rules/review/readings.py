"""What a person would read where a pattern matches: its bytes as text, in each encoding that they make sense in."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, product

from overt.rules.leading import text_bytes
from overt.rules.review.shape import Shape, shapes
from overt.rules.yara_source import Pattern
from overt.rules.yara_tokens import Kind

LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
LOOSE = 16
"""A position with more possible bytes than this says nothing about what is looked for."""
MAX_CHOICES = 16
"""Spellings of one alternative that are read (`[sz]e[ck]ret` has four)."""
MIN_ENCODED = 8
CHARSETS = (
    "cp1251",
    "koi8-r",
    "cp1252",
    "cp1250",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp866",
    "gb18030",
    "big5",
    "shift-jis",
    "euc-jp",
    "euc-kr",
    "utf-16-le",
    "utf-16-be",
)
"""Tried for bytes that are neither ASCII nor UTF-8; kept when what comes out are letters of one script."""
_BASE64 = re.compile(r"[A-Za-z0-9+/]{6,}={0,2}")
_HEX_TEXT = re.compile(r"(?:[0-9A-Fa-f]{2}){4,}")


@dataclass(frozen=True, slots=True)
class Reading:
    """One text that a pattern spells; `trick` says how it is hidden, empty when it is written openly."""

    text: str
    trick: str = ""


def readings(pattern: Pattern) -> tuple[Reading, ...]:
    """The texts that `pattern` spells, each once, those written openly first."""
    words = set(pattern.modifiers)
    found: dict[str, Reading] = {}
    hidden = _how(pattern, words)
    for octets in spelled(shapes(pattern)):
        for reading in _texts(octets, hidden):
            found.setdefault(reading.text, reading)
    if "xor" in words and pattern.value.kind is Kind.TEXT:
        for text in _unxored(text_bytes(pattern.value.text)):
            found.setdefault(text, Reading(text, "xor"))
    return tuple(found.values())


def _how(pattern: Pattern, words: set[str]) -> str:
    """How the pattern hides what it spells, apart from ordinary text."""
    for word in ("base64", "base64wide", "xor"):
        if word in words:
            return word
    return "hex string" if pattern.value.kind is Kind.HEX else ""


def octet_readings(octets: bytes, trick: str) -> tuple[Reading, ...]:
    """The texts that some bytes spell, which were put together by the means that `trick` names."""
    return tuple({reading.text: reading for reading in _texts(octets, trick)}.values())


def spelled(variants: Iterable[Shape]) -> Iterator[bytes]:
    """Bytes for each alternative: case folded, loose positions once as nothing and once as a blank."""
    seen: set[bytes] = set()
    for shape in variants:
        loose = any(len(options) > LOOSE for options in shape)
        for gap in (b"", b" ") if loose else (b"",):
            choices = [_choices(options, gap) for options in shape]
            for pieces in islice(product(*choices), MAX_CHOICES):
                octets = b"".join(pieces)
                if octets and octets not in seen:
                    seen.add(octets)
                    yield octets


def _choices(options: frozenset[int], gap: bytes) -> tuple[bytes, ...]:
    """The bytes that a position stands for: its letters, case folded, or else one of its bytes."""
    if len(options) == 1:
        return (bytes(options),)
    if len(options) > LOOSE:
        return (gap,)
    letters = sorted({bytes([byte]).lower() for byte in options if byte in LETTERS})
    if letters:
        return tuple(letters[:3])
    high = sorted(byte for byte in options if byte >= 0x80)
    if high:
        return tuple(bytes([byte]) for byte in high[:3])
    return (b" ",) if 0x20 in options else (bytes([min(options)]),)


def _texts(octets: bytes, hidden: str) -> Iterator[Reading]:
    narrow = _narrowed(octets)
    if narrow.isascii():
        text = narrow.decode("ascii")
        yield Reading(text, hidden)
        yield from _decoded(text)
        if len(octets) >= 4 and len(octets) % 2 == 0 and not text.isprintable():
            yield from (Reading(text, "UTF-16") for text in _in_charsets(octets, ("utf-16-le", "utf-16-be")))
        return
    try:
        yield Reading(narrow.decode("utf-8"), hidden)
    except UnicodeDecodeError:
        for text in _in_charsets(octets, CHARSETS):
            yield Reading(text, hidden or "legacy charset")
        yield Reading(narrow.decode("latin-1"), hidden)


def _narrowed(octets: bytes) -> bytes:
    """Without the zeros of UTF-16, where every other byte is zero."""
    if len(octets) >= 4:
        for start in (0, 1):
            zeros = octets[1 - start :: 2]
            if zeros and not any(zeros) and any(octets[start::2]):
                return octets[start::2]
    return octets


def _in_charsets(octets: bytes, charsets: Iterable[str]) -> Iterator[str]:
    if len(octets) > 200:
        return
    for charset in charsets:
        try:
            text = octets.decode(charset)
        except UnicodeDecodeError:
            continue
        if _of_one_script(text):
            yield text


def _of_one_script(text: str) -> bool:
    """Whether `text` is letters of one script besides blanks and a few signs."""
    letters = [char for char in text if char.isalpha()]
    if len(letters) < 2 or len(letters) < 0.7 * len(text) or not any(ord(char) > 0x7F for char in letters):
        return False
    return len({unicodedata.name(char, "?").split()[0] for char in letters if ord(char) > 0x7F}) == 1


def _decoded(text: str) -> Iterator[Reading]:
    """What base64 or hexadecimal text stands for, at each of base64's three alignments."""
    if len(text) < MIN_ENCODED:
        return
    for match in islice(_HEX_TEXT.finditer(text), 4):
        yield from _kept(bytes.fromhex(match.group()), "hexadecimal text")
    for match in islice(_BASE64.finditer(text), 4):
        body = match.group().rstrip("=")
        for lead in range(4):
            part = body[lead:]
            part = part[: len(part) - (1 if len(part) % 4 == 1 else 0)]
            try:
                yield from _kept(base64.b64decode(part + "=" * (-len(part) % 4)), "base64 text")
            except (binascii.Error, ValueError):
                continue


def _kept(octets: bytes, trick: str) -> Iterator[Reading]:
    narrow = _narrowed(octets)
    try:
        text = narrow.decode("utf-8").rstrip("\x00")
    except UnicodeDecodeError:
        return
    if len(text) >= 4 and text.isprintable() and sum(c.isalpha() or c.isspace() for c in text) > 0.7 * len(text):
        yield Reading(text, trick)


def _unxored(octets: bytes) -> Iterator[str]:
    """What the text becomes under each key, where that is letters and blanks."""
    for key in range(1, 256):
        changed = bytes(byte ^ key for byte in octets)
        plain = sum(byte in LETTERS or byte == 0x20 for byte in changed)
        if plain >= 0.8 * len(changed) and changed.isascii():
            yield changed.decode("ascii")
