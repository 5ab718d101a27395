"""Files that any home has and nobody calls secret, each with a token: notes, a table, a picture, settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from overt.conduct.canary.formats import jpeg, text
from overt.conduct.canary.formats.base import Content
from overt.conduct.canary.noise import Noise
from overt.conduct.canary.texts import SENTENCES

NOTES_BYTES, PICTURE_BYTES = 600, 8_000
"""Incompressible bytes, about."""


class Ordinary(NamedTuple):
    """One file."""

    path: str
    """Below a home; `{own}` is replaced by random letters, so that the name is nobody else's."""
    format: str
    build: Callable[[str, Noise], bytes]
    """From a token."""


def notes(language: str, token: str, noise: Noise) -> bytes:
    """A few sentences and a short register."""
    return text.build(Content(token, "Notes", language, SENTENCES[language], NOTES_BYTES), noise)


def table(token: str, noise: Noise) -> bytes:
    """Comma-separated values."""
    return f"plant,height,label\nfern,40,{token}\nivy,210,{noise.letters(24)}\n".encode()


def picture(token: str, noise: Noise) -> bytes:
    """A picture with a comment."""
    return jpeg.picture(noise, PICTURE_BYTES, (token,))


def settings(token: str, noise: Noise) -> bytes:
    """What a shell reads at log-in."""
    return f"umask 022\n# {token}\n".encode()


FILES = (
    *(
        Ordinary(f"Documents/notes-{language}-{{own}}.txt", "text", partial(notes, language))
        for language in sorted(SENTENCES)
    ),
    Ordinary(".profile", "text", settings),
    Ordinary("Documents/plants-{own}.csv", "text", table),
    Ordinary("Pictures/garden-{own}.jpg", "jpeg", picture),
)
