"""Counts the letter pairs by which the finder knows words, and writes src/overt/conduct/finder/pairs.py.

python -m scripts.letter_pairs      on a Debian with the translations of its programs (/usr/share/locale)

Other translations than those it was made from give slightly other numbers: run it only to change the method.
"""

from __future__ import annotations

import gettext
import math
import re
import sys
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "src/overt/conduct/finder/pairs.py"
LOCALES = Path("/usr/share/locale")
EDGE = "^"
FOLDED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe", "ς": "σ"})
LATIN = "abcdefghijklmnopqrstuvwxyz"
CYRILLIC = "абвгдежзиклмнопрстуфхцчшщъыьэюяієґјљњђћџ"
GREEK = "αβγδεζηθικλμνξοπρστυφχψω"
TRANSLATED = "de fr es it pl cs nl pt sv da fi ro hu sk hr sl tr nb ca".split()
ENGLISH_WEIGHT, CODE_WEIGHT = 4, 2
RAREST = 1e-5
"""Added to each probability: what was never seen is not impossible."""
COLUMNS = 88


def main() -> int:
    """Count and write."""
    latin = [(messages("de", original=True), ENGLISH_WEIGHT), (code(), CODE_WEIGHT)]
    latin += [(messages(language), 1) for language in TRANSLATED]
    tables = {
        "LATIN": (LATIN, latin),
        "CYRILLIC": (CYRILLIC, [(messages(language), 1) for language in "ru uk bg sr be".split()]),
        "GREEK": (GREEK, [(messages("el"), 1)]),
    }
    parts = [_header()]
    parts += [_written(name, letters, table(texts, letters)) for name, (letters, texts) in tables.items()]
    PAGE.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return 0


def messages(language: str, original: bool = False) -> str:
    """What Debian's programs say in a language, or the English that it is translated from."""
    return "\n".join(_messages(language, original))


def _messages(language: str, original: bool) -> Iterator[str]:
    for path in sorted(LOCALES.glob(f"{language}/LC_MESSAGES/*.mo")):
        try:
            with path.open("rb") as stream:
                catalog = gettext.GNUTranslations(stream)._catalog  # type: ignore[attr-defined]
        except (UnicodeDecodeError, IndexError, ValueError):
            continue  # a few old ones are malformed
        for key, value in catalog.items():
            yield (key[0] if isinstance(key, tuple) else key) if original else value


def code() -> str:
    """Overt's own."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py")))


def table(texts: list[tuple[str, int]], letters: str) -> str:
    """Bits of surprise of each letter after each, 0 to 15, row by row; the edge of a word comes first."""
    share: Counter[tuple[str, str]] = Counter()
    for text, weight in texts:
        pairs: Counter[tuple[str, str]] = Counter()
        for word in re.findall(f"[{letters}]+", folded(text)):
            pairs.update(zip(EDGE + word, word + EDGE, strict=True))
        total = max(pairs.total(), 1)
        for pair, count in pairs.items():
            share[pair] += weight * count / total  # type: ignore[assignment]
    symbols = EDGE + letters
    return "".join(_row(share, first, symbols) for first in symbols)


def _row(share: Counter[tuple[str, str]], first: str, symbols: str) -> str:
    total = sum(share[first, second] for second in symbols) or 1
    surprises = (-math.log2(share[first, second] / total + RAREST) for second in symbols)
    return "".join(f"{min(15, max(0, round(bits))):x}" for bits in surprises)


def folded(text: str) -> str:
    """In lower case, without accents."""
    apart = unicodedata.normalize("NFKD", text.lower().translate(FOLDED))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _header() -> str:
    """What is above the tables now."""
    return PAGE.read_text(encoding="utf-8").partition("\nLATIN = ")[0]


def _written(name: str, letters: str, digits: str) -> str:
    lines = "\n".join(f'        "{line}"' for line in textwrap.wrap(digits, COLUMNS))
    return f'{name} = (\n    "{letters}",\n    (\n{lines}\n    ),\n)'


if __name__ == "__main__":
    sys.exit(main())
