"""The review's words, from `data/terms.txt`, and where they occur in a text."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "terms.txt"
KINDS = ("marking", "sensitive", "topic", "organisation", "crime")
KEY = 3
"""Characters by which terms are looked up: the first of their squeezed form."""
LONG = 8
"""Letters from which a term is also found when something else stands between or beside its letters."""
GAP = "\ufffd"
"""Stands for a character that is not known."""
MAX_GAPPED = 80
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
    return " ".join(
        re.findall(r"[^\W_]+(?:[\u0300-\u036f\u0900-\u097f\u0980-\u09ff\u0e31-\u0e4e]+[^\W_]*)*", plain)
    )


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
    if len(squeezed) >= LONG and not found and squeezed in _markings():
        found = {term for term in terms() if _is_part(squeezed, term)}
    return tuple(sorted(found, key=lambda term: (-len(term.squeezed), term.kind, term.language, term.folded)))


def _is_there(term: Term, padded: str, squeezed: str) -> bool:
    if f" {term.folded} " in padded:
        return True
    if term.squeezed not in squeezed:
        return False
    if term.kind == "marking" and term.squeezed == squeezed:
        return True
    ends_in_letter = term.folded[-2:-1] == " "  # "protected b" is not in "protected by"
    return term.dense or (len(term.squeezed) >= LONG and term.kind == "marking" and not ends_in_letter)


@lru_cache(maxsize=1)
def _markings() -> str:
    """All markings one after another, to tell quickly that a text is part of none."""
    return "\n".join(term.squeezed for term in terms() if term.kind == "marking")


def _is_part(squeezed: str, term: Term) -> bool:
    """Whether a text is most of a marking, cut off somewhere."""
    return term.kind == "marking" and squeezed in term.squeezed and len(squeezed) >= 0.6 * len(term.squeezed)


def find_gapped(text: str) -> Term | None:
    """The first marking that fits `text` where `GAP` stands for any one character; at least `LONG` letters long, and
    two thirds of them known."""
    squeezed = "".join(char for char in text.casefold() if char == GAP or char.isalnum())
    known = sum(char != GAP for char in squeezed)
    if known < 5 or len(squeezed) > MAX_GAPPED or GAP not in squeezed:
        return None
    shortened = re.compile("".join(".?" if char == GAP else re.escape(char) for char in squeezed))
    for term in terms():
        if term.kind != "marking" or len(term.squeezed) < LONG or 3 * known < 2 * len(term.squeezed):
            continue
        if shortened.fullmatch(term.squeezed) or _fits(squeezed, term.squeezed):
            return term
    return None


def find_among(choices: Sequence[str]) -> Term | None:
    """The first marking of at least five letters that can be spelled by one letter of each of `choices` in a row."""
    for term in terms():
        length = len(term.squeezed)
        if term.kind != "marking" or length < 5:
            continue
        for start in range(len(choices) - length + 1):
            if all(char in choices[start + at] for at, char in enumerate(term.squeezed)):
                return term
    return None


def _fits(squeezed: str, term: str) -> bool:
    for start in range(len(squeezed) - len(term) + 1):
        part = squeezed[start : start + len(term)]
        same = sum(a == b for a, b in zip(part, term, strict=True))
        if same + part.count(GAP) == len(term) and 3 * same >= 2 * len(term):
            return True
    return False


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
