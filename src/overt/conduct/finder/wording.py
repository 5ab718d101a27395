"""Whether letters are those of words: more probable as writing than as letters drawn by chance."""

from __future__ import annotations

import math
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from overt.conduct.finder.pairs import CYRILLIC, GREEK, LATIN

SLACK_BITS = 8.0
"""That a single word may be less probable than chance: abbreviations, names."""
KNOWN_TOKENS = 1 << 16
MAX_WORD_BYTES = 128
"""Without a blank, a stroke or a bracket: what is longer is no word."""
MIN_LETTERS_SHARE = 0.5
"""Of a word's characters but digits: the rest are hyphens and the like."""
MAX_TURNS = 3
"""From letters to digits and back within one word: more are an identifier, or hexadecimal."""
MIN_HUMP_LETTERS = 3
"""On average, of a word with capitals inside: in less of them, the capitals tell something by themselves."""
MAX_SHORT_HUMPS = 2
_TURN = re.compile(r"[0-9][A-Za-z]|(?<=[A-Za-z])[0-9]")
_DIGITS = re.compile(r"[0-9]+")
_HUMP = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
_FOLDED = str.maketrans("łøđıςŁØĐ", "lodiσLOD", "")
_EDGE = "^"


def _surprises(alphabet: str, digits: str) -> dict[tuple[str, str], float]:
    """Of each pair, less what chance would have: below zero where the pair is likely."""
    signs = _EDGE + alphabet
    chance = math.log2(len(signs))
    pairs = ((first, second) for first in signs for second in signs)
    return {pair: int(digit, 16) - chance for pair, digit in zip(pairs, digits, strict=True)}


_PAIRS = tuple(_surprises(*table) for table in (LATIN, CYRILLIC, GREEK))
_BY_LETTER = {first: table for table in _PAIRS for first, _ in table if first != _EDGE}


class Weighed(NamedTuple):
    """A token: what of it no words explain, and how its letters compare with chance."""

    left: bytes
    """Its digits, or all of it."""
    letters: int
    surprise: float
    """Bits more than letters of chance have, over all its pairs."""


def weighed(token: bytes) -> Weighed:
    """One token of a text, without blanks."""
    if len(token) <= MAX_WORD_BYTES:
        return _weighed(token)
    return Weighed(b"" if _is_ruler(token) else token, 0, 0.0)


def _is_ruler(token: bytes) -> bool:
    """One sign, repeated."""
    return token.count(token[0]) == len(token) and not token.isdigit()


@lru_cache(KNOWN_TOKENS)
def _weighed(token: bytes) -> Weighed:
    if _is_ruler(token):
        return Weighed(b"", 0, 0.0)
    try:
        text = token.decode()
    except UnicodeDecodeError:
        text = token.decode("latin-1")
    if len(_TURN.findall(text)) > MAX_TURNS:
        return Weighed(token, 0, 0.0)
    digits = "".join(_DIGITS.findall(text))
    words = _HUMP.findall(_folded(_DIGITS.sub(" ", text)))
    letters = sum(map(len, words))
    if len(words) > MAX_SHORT_HUMPS and letters < MIN_HUMP_LETTERS * len(words):
        return Weighed(token, 0, 0.0)
    if not letters:
        symbols = len(text) - len(digits)
        return Weighed(token if symbols > len(digits) + 2 else digits.encode(), 0, 0.0)
    surprise = sum(map(_surprise, words))
    wordy = surprise <= SLACK_BITS and letters >= MIN_LETTERS_SHARE * (len(text) - len(digits))
    return Weighed(digits.encode() if wordy else token, letters, surprise)


def _folded(text: str) -> str:
    """Without accents."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text.translate(_FOLDED).replace("ß", "ss"))
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


def _surprise(word: str) -> float:
    lower = word.lower()
    pairs = _BY_LETTER.get(lower[0])
    if pairs is None:
        return SLACK_BITS * len(word)  # of this writing nothing is known
    worst = 4.0
    return sum(pairs.get(pair, worst) for pair in zip(_EDGE + lower, lower + _EDGE, strict=True))
