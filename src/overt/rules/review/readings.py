"""What a person would read where a pattern matches: its bytes as text, in each encoding that they make sense in."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, product

from overt.rules.leading import text_bytes
from overt.rules.review.lexicon import GAP, MAX_GAPPED, find_among
from overt.rules.review.shape import Shape, shapes
from overt.rules.yara_source import Pattern
from overt.rules.yara_tokens import Kind

LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
LOOSE = 16
"""A position with more possible bytes than this says nothing about what is looked for."""
MAX_CHOICES = 16
"""Spellings of one alternative that are read (`[sz]e[ck]ret` has four)."""
MIN_ENCODED = 8
MIN_AMBIGUOUS = 3
"""Positions with several letters from which single spellings are not listed any more."""
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

BYTES = "escaped bytes"
_ESCAPES: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], bytes]], ...] = (
    (
        BYTES,
        re.compile(r"(?:%|=|\\'|\\x)([0-9A-Fa-f]{2})|([A-Za-z ])(?=[%=\\]|[A-Za-z ]|$)"),
        lambda match: bytes.fromhex(match.group(1)) if match.group(1) else match.group(2).encode(),
    ),
    (
        "escaped characters",
        re.compile(r"\\u\{?([0-9A-Fa-f]{4})\}?|&#x([0-9A-Fa-f]{2,5});?"),
        lambda match: _character(int(match.group(1) or match.group(2), 16)),
    ),
    (
        "escaped characters",
        re.compile(r"(?:\\u|&#)(\d{2,6})[?;]?"),
        lambda match: _character(int(match.group(1))),
    ),
)


def _character(code: int) -> bytes:
    """In UTF-8, what `\\u0421` (JSON), `\\u1057?` (RTF), `&#x421;` or `&#1057;` stands for."""
    return chr(code).encode("utf-8", "replace") if 0 < code < 0x110000 else b""


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
    variants = shapes(pattern)
    for text in gapped(variants):
        found.setdefault(text, Reading(text, hidden or "wildcards"))
    for text in ambiguous(variants):
        found.setdefault(text, Reading(text, hidden or "classes"))
    for octets in spelled(variants):
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
    found: dict[str, Reading] = {}
    for reading in _texts(octets, trick):
        found.setdefault(reading.text, reading)
    return tuple(found.values())


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


def ambiguous(variants: Iterable[Shape]) -> Iterator[str]:
    """The marking that an alternative can spell where several letters are possible at many of its positions."""
    for shape in variants:
        if (
            not sum(1 < len(options) <= LOOSE for options in shape) >= MIN_AMBIGUOUS
            or len(shape) > MAX_GAPPED
        ):
            continue
        choices = [
            "".join(sorted({chr(o).lower() for o in p if o in LETTERS})) if len(p) <= LOOSE else ""
            for p in shape
        ]
        kept = [letters for letters in choices if letters]
        if sum(len(letters) > 1 for letters in kept) >= MIN_AMBIGUOUS and len(kept) >= 0.8 * len(shape):
            term = find_among(kept)
            if term is not None:
                yield term.text


def gapped(variants: Iterable[Shape]) -> Iterator[str]:
    """Texts with `GAP` for each loose position, of alternatives that are mostly letters otherwise."""
    for shape in variants:
        loose = sum(len(options) > LOOSE for options in shape)
        if not 0 < loose <= len(shape) // 2 or len(shape) > MAX_GAPPED:
            continue
        first = [GAP.encode() if len(o) > LOOSE else _choices(o, b"")[0] for o in shape]
        letters = sum(part.isalpha() or part == b" " for part in first)
        if letters >= 0.8 * (len(shape) - loose):
            yield b"".join(first).decode("utf-8", "replace")


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
            yield Reading(text, "another charset")
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
    for name, found, octets in _ESCAPES:
        matches = list(found.finditer(text))
        if any(match.group(1) or name != BYTES for match in matches):
            parts = [octets(one) for one in matches]
            yield from _kept(b"".join(parts), name)
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
    """What was decoded, where it is text: UTF-8 or UTF-16; other charsets too for bytes spelled one by one."""
    octets = octets.removeprefix(b"\xfe\xff").removeprefix(b"\xff\xfe")
    try:
        text = _narrowed(octets).decode("utf-8").rstrip("\x00")
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and len(text) >= (4 if text.isascii() else 2):
        if sum(char.isalpha() or char.isspace() for char in text) > 0.7 * len(text):
            yield Reading(text, trick)
    elif trick != "base64 text":
        yield from (Reading(found, trick) for found in _in_charsets(octets, CHARSETS))
    elif len(octets) >= MIN_ENCODED:
        yield from (Reading(found, trick) for found in _in_charsets(octets, ("utf-16-le", "cp1251")))


def _unxored(octets: bytes) -> Iterator[str]:
    """What the text becomes under each key, where that is letters and blanks."""
    for key in range(1, 256):
        changed = bytes(byte ^ key for byte in octets)
        plain = sum(byte in LETTERS or byte == 0x20 for byte in changed)
        if plain >= 0.8 * len(changed) and changed.isascii():
            yield changed.decode("ascii")
