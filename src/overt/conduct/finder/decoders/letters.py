"""Bytes written in letters: base64, base32, base85, hexadecimal, lists of decimal or octal numbers, bits."""

from __future__ import annotations

import binascii
import re
import string
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from overt.conduct.finder.decoders.base import Decode, Decoder, Piece, Trust
from overt.conduct.finder.runs import RunOf

BREAK = rb"(?:\r?\n[ \t]*+|\\r\\n|\\n)"
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}+(?:" + BREAK + rb"[A-Za-z0-9+/_-]++)*+={0,2}+")


def _alone(*alphabets: bytes) -> bytes:
    """Runs in one of the alphabets that are not part of a longer run in base64's."""
    runs = b"|".join(letter + rb"{24,}+(?:" + BREAK + letter + rb"++)*+" for letter in alphabets)
    return rb"(?<![A-Za-z0-9+/])(?:" + runs + rb")(?![A-Za-z0-9+/])"


BASE32 = re.compile(_alone(rb"[A-Z2-7]", rb"[a-z2-7]"))
BASE32HEX = re.compile(_alone(rb"[A-V0-9]", rb"[a-v0-9]"))
BASE85 = re.compile(rb"[!-u]{40,}+")
Z85 = re.compile(rb"[0-9A-Za-z.\-:+=^!/*?&<>()\[\]{}@%$#_`;|~]{40,}+")
HEX = re.compile(
    rb"(?<![0-9A-Za-wyz+/])(?:(?:[0-9A-Fa-f]{2}[ :,-]){12,}+[0-9A-Fa-f]{0,2}|[0-9A-Fa-f]{24,}+)(?![0-9A-Za-z+/])"
)
OCTALS = re.compile(rb"[0-7]{3}(?:[\s,;]*+[0-7]{3}){23,}+")
BITS = re.compile(rb"(?:[01][\s,]?){64,}+")
DECIMALS = re.compile(rb"-?\d{1,3}(?:\s*+[,;\s]\s*+-?\d{1,3}){15,}+")
MIN_CHARS = 24
MIN_DISTINCT = 6
"""Different characters in a run: fewer are a ruler or a table of zeros."""
MIXED_CHARS = 64
MIN_POOR_CHARS, HEX_LETTERS = 256, 16
MIN_TURNED_CHARS = 40
MAX_TURNED_CHARS = 1 << 18
"""Of one run that are read backwards, or in rot13: enough to see what it is."""
MIN_SIGNS = 3
"""That are neither letters nor digits, in base85: a third of it is such."""
MAX_85_CHARS = 1 << 20
"""Of base85 in one region: text often has its form."""
_LETTERS_AND_DIGITS = (string.ascii_letters + string.digits).encode()
_HEX_DIGITS = string.hexdigits.encode()
_NOT64 = bytes(range(256)).translate(None, _LETTERS_AND_DIGITS + b"+/-_")
_NOT_LETTERS = bytes(range(256)).translate(None, _LETTERS_AND_DIGITS)
_STANDARD = bytes.maketrans(b"-_", b"+/")
_LOWER_CASE = bytes(range(256)).lower()


def _base64(data: bytes, limit: int) -> Iterator[Piece]:
    for run in BASE64.finditer(data):
        text = _without_breaks(run[0]).translate(_STANDARD, _NOT64)
        if len(text) < MIN_CHARS or HEX.fullmatch(text) or _is_poor(text):
            continue
        trust = Trust.LIKELY if _mixed(text) else Trust.GUESS
        for skipped in range(4):
            part = text[skipped : skipped + limit // 3 * 4]
            decoded = binascii.a2b_base64(part[: len(part) // 4 * 4] + _last(part))
            yield Piece(run.start(), run.end(), decoded, Trust.GUESS if skipped else trust)


def _without_breaks(text: bytes) -> bytes:
    """Without those that are written as escapes."""
    return text.replace(b"\\r", b"").replace(b"\\n", b"") if b"\\" in text else text


def _is_poor(text: bytes) -> bool:
    """Whether so many letters are so few different ones that they are hexadecimal or the like, and no larger base."""
    few = len(text) >= MIN_POOR_CHARS and len(set(text[:MIN_POOR_CHARS])) <= HEX_LETTERS
    return few and len(set(text)) <= HEX_LETTERS


def _is_hex(text: bytes) -> bool:
    """Whether that can be nothing else: so many letters of a larger alphabet are never only these by chance."""
    return not text.translate(None, _HEX_DIGITS)


def _mixed(text: bytes) -> bool:
    """Whether capitals, small letters and digits are all there, as in base64 of anything but very little."""
    head = text[:MIXED_CHARS]
    return len(head) == MIXED_CHARS and not head.islower() and not head.isupper() and not head.isalpha()


def _last(text: bytes) -> bytes:
    """The last two or three characters, padded."""
    rest = text[len(text) // 4 * 4 :]
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


def _base32(data: bytes, limit: int) -> Iterator[Piece]:
    yield from _by_fives(BASE32, _TO_HEX, data, limit)


def _base32hex(data: bytes, limit: int) -> Iterator[Piece]:
    yield from _by_fives(BASE32HEX, None, data, limit)


def _by_fives(runs: re.Pattern[bytes], table: bytes | None, data: bytes, limit: int) -> Iterator[Piece]:
    """Python reads numbers of base 32 in linear time, in base32hex's alphabet."""
    for run in runs.finditer(data):
        text = _without_breaks(run[0]).translate(_LOWER_CASE, _NOT_LETTERS)
        if table:
            text = text.translate(table)
        if len(set(text)) < MIN_DISTINCT or _is_poor(text) or _is_hex(text):
            continue
        for skipped in range(8):
            part = text[skipped : skipped + limit // 5 * 8]
            bits = 5 * len(part)
            decoded = (int(part, 32) >> bits % 8).to_bytes(bits // 8, "big")
            yield Piece(run.start(), run.end(), decoded, Trust.GUESS)


_TO_HEX = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz234567", b"0123456789abcdefghijklmnopqrstuv")


class _Base85(NamedTuple):
    """One of its alphabets."""

    may_be: RunOf
    runs: re.Pattern[bytes]
    values: bytes
    """Of each byte; `NO_DIGIT` for what is none."""


NO_DIGIT = 85
ASCII85 = bytes(range(b"!"[0], b"v"[0]))
RFC1924 = f"{string.digits}{string.ascii_uppercase}{string.ascii_lowercase}!#$%&()*+-;<=>?@^_`{{|}}~".encode()


def _values(digits: bytes) -> bytes:
    return bytes(digits.index(byte) if byte in digits else NO_DIGIT for byte in range(256))


BASES_OF_85 = (
    _Base85(RunOf(ASCII85, 40), BASE85, _values(ASCII85)),
    _Base85(RunOf(RFC1924 + b".:/[]", 40), Z85, _values(RFC1924)),
)


def _base85(data: bytes, limit: int) -> Iterator[Piece]:
    if not _has_signs(data):
        return
    left = MAX_85_CHARS
    for base in BASES_OF_85:
        for run in base.runs.finditer(data) if base.may_be(data) else ():
            if not _has_signs(run[0]):
                continue
            for skipped in range(5):
                part = run[0][skipped : skipped + min(limit, left)]
                left -= len(part)
                decoded = _from_base85(part.translate(base.values))
                if decoded is None:
                    break
                yield Piece(run.start(), run.start() + skipped + len(part), decoded, Trust.GUESS)


def _has_signs(text: bytes) -> bool:
    """Whether enough of it are neither letters nor digits: in less is no base85."""
    return len({*text.translate(None, _LETTERS_AND_DIGITS)}) >= MIN_SIGNS


def _from_base85(values: bytes) -> bytes | None:
    """Each five digits are 32 bits, and what is missing of the last five are the highest digits; None if any are more.
    All at once: each in eight bytes of one number."""
    if NO_DIGIT in values:
        return None
    size = len(values) * 4 // 5
    values += bytes([84]) * (-len(values) % 5)
    lanes = bytearray(8 * (len(values) // 5))
    number = 0
    for place in range(5):
        lanes[::8] = values[place::5]
        number = number * 85 + int.from_bytes(lanes, "little")
    lanes[:] = number.to_bytes(len(lanes), "little")
    if any(lanes[4::8]):
        return None
    decoded = bytearray(len(lanes) // 2)
    for place in range(4):
        decoded[place::4] = lanes[3 - place :: 8]
    return bytes(decoded[:size])


def _hex(data: bytes, limit: int) -> Iterator[Piece]:
    for run in HEX.finditer(data):
        text = run[0].translate(None, _NOT_LETTERS)
        if text.isdigit() and len(set(text)) < MIN_DISTINCT:
            continue
        for skipped in range(2):
            part = text[skipped : skipped + 2 * limit]
            decoded = binascii.unhexlify(part[: len(part) // 2 * 2])
            trust = Trust.GUESS if skipped or len(text) < 2 * MIXED_CHARS else Trust.LIKELY
            yield Piece(run.start(), run.end(), decoded, trust)


def _decimals(data: bytes, limit: int) -> Iterator[Piece]:
    for run in DECIMALS.finditer(data):
        numbers = [int(number) for number in re.findall(rb"-?\d++", run[0])][:limit]
        if all(-128 <= number <= 255 for number in numbers):
            yield Piece(run.start(), run.end(), bytes(number & 0xFF for number in numbers), Trust.LIKELY)


def _octals(data: bytes, limit: int) -> Iterator[Piece]:
    for run in OCTALS.finditer(data):
        numbers = re.findall(rb"[0-7]{3}", run[0])[:limit]
        yield Piece(run.start(), run.end(), bytes(int(number, 8) & 0xFF for number in numbers), Trust.GUESS)


def _bits(data: bytes, limit: int) -> Iterator[Piece]:
    """Python reads numbers of base 2 in linear time."""
    for run in BITS.finditer(data):
        text = run[0].translate(None, _NOT_LETTERS)[: 8 * limit]
        for skipped in range(8):
            part = text[skipped:]
            count = len(part) // 8
            yield Piece(run.start(), run.end(), int(part[: 8 * count], 2).to_bytes(count, "big"), Trust.GUESS)


def _backwards(data: bytes, limit: int) -> Iterator[Piece]:
    for run in BASE64.finditer(data):
        if len(run[0]) >= MIN_TURNED_CHARS:
            part = run[0][-min(limit, MAX_TURNED_CHARS) :]
            yield Piece(run.end() - len(part), run.end(), part[::-1], Trust.GUESS)


def _rot13(data: bytes, limit: int) -> Iterator[Piece]:
    for run in BASE64.finditer(data):
        if len(run[0]) >= MIN_TURNED_CHARS and not _is_hex(run[0]):
            part = run[0][: min(limit, MAX_TURNED_CHARS)]
            yield Piece(run.start(), run.start() + len(part), part.translate(ROT13), Trust.GUESS)


_UPPER, _LOWER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz"
ROT13 = bytes.maketrans(_UPPER + _LOWER, _UPPER[13:] + _UPPER[:13] + _LOWER[13:] + _LOWER[:13])


def _where(may_be: Sequence[RunOf], decode: Decode) -> Decode:
    """`decode` of what has a run of its letters: whether there is one is told in a tenth of the time."""

    def decode_some(data: bytes, limit: int) -> Iterator[Piece]:
        return decode(data, limit) if any(runs(data) for runs in may_be) else iter(())

    return decode_some


_SMALL, _CAPITALS, _DIGITS, _BLANKS = (
    letters.encode()
    for letters in (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.whitespace)
)
MAY_BE_64 = (RunOf(_SMALL + _CAPITALS + _DIGITS + b"+/_-", 16),)
MAY_BE_32 = (RunOf(_SMALL + _DIGITS, 24), RunOf(_CAPITALS + _DIGITS, 24))

TURNED = (
    Decoder("rot13", _where(MAY_BE_64, _rot13)),
    Decoder("reversed", _where(MAY_BE_64, _backwards)),
)
"""Of what is encoded once more: the rest has needles of its own."""
DECODERS = (
    Decoder("base64", _where(MAY_BE_64, _base64)),
    Decoder("hex", _where([RunOf(_DIGITS + b"ABCDEFabcdef :,-", 24)], _hex)),
    Decoder("base32", _where(MAY_BE_32, _base32)),
    Decoder("base32hex", _where(MAY_BE_32, _base32hex)),
    Decoder("decimal list", _where([RunOf(_DIGITS + _BLANKS + b"-,;", 31)], _decimals)),
    Decoder("octal list", _where([RunOf(b"01234567,;" + _BLANKS, 72)], _octals)),
    Decoder("bits", _where([RunOf(b"01," + _BLANKS, 64)], _bits)),
    Decoder("base85", _base85),
    *TURNED,
)
"""Of text."""
