"""What a canary of any format is made from, and what makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from overt.conduct.canary.noise import Noise


@dataclass(frozen=True, slots=True)
class Content:
    """What one canary says. The halves of a pair differ in `marking` (equal length) and `token` alone."""

    token: str
    marking: str
    language: str
    sentences: tuple[str, ...]
    noise_bytes: int
    """About how many incompressible bytes it carries: its size class."""


Build = Callable[[Content, Noise], bytes]
"""A whole file. Pure: the same content and noise give the same bytes, wherever zlib and its like are the same."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format."""

    name: str
    extension: str
    """With its leading dot."""
    build: Build


EPOCH = (2026, 3, 17, 9, 30, 0)
"""The date in every container: year, month, day, hour, minute, second."""


def plain_ascii(text: str) -> str:
    """`text` for formats that know no other letters: accents dropped, character for character."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


_ASCII = str.maketrans("äöüßéèêàùûçîïôáíóúñąćęłńśźżìòÄÖÜÉŁŚ", "aousee" + "eauuciioaiounacelnszzioAOUELS")
