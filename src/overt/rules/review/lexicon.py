"""The review's words, from `data/terms.txt`, and where they occur in a text."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "terms.txt"
KINDS = ("marking", "sensitive", "topic", "organisation", "crime")
KEY = 3
"""Characters by which terms are looked up: the first of their squeezed form."""
LONG = 8
"""Letters from which a term is also found when something else stands between or beside its letters."""
DENSE_FROM = 0x2E80
"""Code point from which scripts are written without blanks between words (CJK, kana, hangul; Thai besides)."""


@dataclass(frozen=True, slots=True)
class Term:
    """One term: its kind, language (ISO 639-1), text as written, and its folded forms."""

    kind: str
    language: str
    text: str
    folded: str
    squeezed: str

    @property
    def dense(self) -> bool:
        """Whether the script has no blanks between words."""
        return ord(self.squeezed[0]) >= DENSE_FROM or "\u0e00" <= self.squeezed[0] <= "\u0e7f"


def fold(text: str) -> str:
    """`text` without case, composition and signs: words with one blank between them."""
    plain = unicodedata.normalize("NFKC", text).casefold() if not text.isascii() else text.lower()
    return " ".join(re.findall(r"[^\W_]+(?:[\u0300-\u036f\u0900-\u097f\u0980-\u09ff\u0e31-\u0e4e]+[^\W_]*)*", plain))


def find(text: str, kinds: tuple[str, ...] = KINDS) -> tuple[Term, ...]:
    """The terms in `text`, longest first, each once. Whole words, or anywhere for long terms and dense scripts."""
    folded = fold(text)
    if len(folded) < 2:
        return ()
    return tuple(term for term in _find(folded) if term.kind in kinds)


@lru_cache(maxsize=1 << 16)
def _find(folded: str) -> tuple[Term, ...]:
    squeezed = folded.replace(" ", "")
    padded = f" {folded} "
    found = {term for term in _candidates(squeezed) if _is_there(term, padded, squeezed)}
    return tuple(sorted(found, key=lambda term: (-len(term.squeezed), term.kind, term.language, term.folded)))


def _is_there(term: Term, padded: str, squeezed: str) -> bool:
    if f" {term.folded} " in padded:
        return True
    if term.squeezed not in squeezed:
        return False
    return term.dense or (len(term.squeezed) >= LONG and term.kind == "marking")


def _candidates(squeezed: str) -> Iterator[Term]:
    index = _index()
    for at in range(len(squeezed)):
        for length in (1, 2, KEY):
            yield from index.get(squeezed[at : at + length], ())


@lru_cache(maxsize=1)
def _index() -> dict[str, tuple[Term, ...]]:
    found: dict[str, list[Term]] = defaultdict(list)
    for term in terms():
        found[term.squeezed[:KEY]].append(term)
    return {key: tuple(value) for key, value in found.items()}


@lru_cache(maxsize=1)
def terms() -> tuple[Term, ...]:
    """Every term of the data file."""
    return tuple(_read(DATA.read_text("utf-8")))


def _read(text: str) -> Iterator[Term]:
    kind = language = ""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            kind, language = line[1:-1].split()
        else:
            folded = fold(line)
            yield Term(kind, language, line, folded, folded.replace(" ", ""))
