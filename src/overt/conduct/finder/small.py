"""Small pieces of all that is examined at once, looked at together: in nearly all of them is nothing. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from overt.conduct.finder.blob import Blob, digest
from overt.conduct.finder.decoders.base import Piece, Trust
from overt.conduct.finder.decoders.registry import TEXT, TURNED
from overt.conduct.finder.needles import Needle, Needles
from overt.conduct.finder.plausible import plausible

SMALL_BYTES = 4_096
LOOKED_AT = 1_000
"""Pieces in one look."""
Matches = Callable[[bytes], Iterator[tuple[int, bytes, tuple[Needle, ...]]]]


class Small(NamedTuple):
    """A piece of what begins at `low` of a blob, and its decoder's name."""

    blob: Blob
    name: str
    piece: Piece
    low: int

    @property
    def sure(self) -> bool:
        """Whether it is admitted whatever it holds."""
        return Trust.GUESS not in (self.blob.trust, self.piece.trust)

    @property
    def key(self) -> tuple[bool, bytes]:
        """By which such a piece is known that was looked at before."""
        return self.name in TURNED, digest(self.piece.data)


def telling(small: Sequence[Small], needles: Needles, max_piece_bytes: int) -> Iterator[bool]:
    """Whether each of them is sure, begins like text or a file, or has a needle in it. `max_piece_bytes`: of what is
    decoded for that."""
    for begin in range(0, len(small), LOOKED_AT):
        some = small[begin : begin + LOOKED_AT]
        guesses = [one for one in some if not one.sure]
        meant = {id(one): [*_meant(one, max_piece_bytes)] for one in guesses}
        holding = _holding(guesses, meant.values(), needles)
        for one in some:
            yield one.sure or id(one) in holding or any(map(plausible, meant[id(one)]))


def _holding(small: Sequence[Small], meant: Iterable[Sequence[bytes]], needles: Needles) -> set[int]:
    """Those that have needles in them; whose tokens are in mixed case they are as they are, turned or not."""
    return {
        id(small[number])
        for texts, matches in (
            ([b"\0".join(said) for said in meant], needles.matches),
            ([one.piece.data for one in small], needles.folded),
        )
        for number in _numbers(texts, matches)
    }


def _numbers(texts: Sequence[bytes], matches: Matches) -> Iterator[int]:
    """Which of them something is in."""
    ends = [*accumulate(len(text) + 1 for text in texts)]
    for start, _, _ in matches(b"\0".join(texts)):
        yield bisect_right(ends, start)


def _meant(small: Small, max_piece_bytes: int) -> Iterator[bytes]:
    """What a piece says; one that is turned, what is written in it."""
    if small.name not in TURNED:
        yield small.piece.data
        return
    for decoder in TEXT:
        if decoder.name not in TURNED:
            for inner in decoder.decode(small.piece.data, max_piece_bytes):
                yield inner.data
