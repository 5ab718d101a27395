"""Randomness of one canary: everything in it that no other file in the world has, drawn from a seed and remembered."""

from __future__ import annotations

import random
import string

from overt.conduct.evidence.marks import TOKEN_PREFIX, TOKEN_RANDOM_CHARS

LETTERS = string.ascii_lowercase
TOKEN_CHARS = string.ascii_lowercase + string.digits


class Noise:
    """One canary's own generator. The same key gives the same values in the same order."""

    def __init__(self, key: str) -> None:
        """`key` is hashed (SHA-512) into the generator's state."""
        self._random = random.Random(key)
        self.pieces: list[bytes] = []
        """Every stretch of incompressible bytes that was drawn, or made of such: where anchors are taken from."""

    def token(self) -> str:
        """`ovt` and 24 lower-case letters and digits: survives case folding, URLs and JSON."""
        return TOKEN_PREFIX + "".join(self._random.choices(TOKEN_CHARS, k=TOKEN_RANDOM_CHARS))

    def word(self, words: tuple[str, ...]) -> str:
        """One of `words`."""
        return self._random.choice(words)

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1."""
        return self._random.randrange(limit)

    def raw(self, size: int) -> bytes:
        """`size` random bytes, which are not remembered."""
        return self._random.randbytes(size)

    def incompressible(self, size: int) -> bytes:
        """`size` random bytes."""
        return self.remember(self._random.randbytes(size))

    def letters(self, size: int, alphabet: str = TOKEN_CHARS) -> str:
        """`size` random characters."""
        text = "".join(self._random.choices(alphabet, k=size))
        self.remember(text.encode("ascii"))
        return text

    def remember(self, piece: bytes) -> bytes:
        """Note that `piece` (compressed noise, …) is this canary's alone, and hand it back."""
        self.pieces.append(piece)
        return piece
