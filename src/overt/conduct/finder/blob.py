"""What is examined: some bytes, how they came about, and the parts of them that may be below a mask. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from overt.conduct.finder.decoders.base import Piece, Trust
from overt.conduct.finder.decoders.registry import TURNED
from overt.conduct.finder.extents import between
from overt.conduct.finder.reckoning import Reading

MIN_BYTES = 16
"""Of a part that is looked into."""


@dataclass(slots=True)
class Blob:
    """Some bytes, and how they came about. Mutable: what of it is known grows."""

    reading: Reading
    route: tuple[str, ...]
    at: int
    """Where it begins in the root."""
    trust: Trust
    exact: bool
    """Whether each of its bytes is one of the root's, in the same order."""
    parent: Blob | None = None
    span: tuple[int, int] = (0, 0)
    """Where it is in its parent."""
    part: bool = False
    """Whether the decoder checked it by its own format."""
    apart: bool = False
    """Whether it is a part of its parent as it is, which is looked into here and not there."""
    checked: list[tuple[int, int]] = field(default_factory=list)
    """What of it holds such parts."""

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return self.reading.data

    @property
    def explained(self) -> list[tuple[int, int]]:
        """What of it lies in canaries."""
        return self.reading.explained

    @property
    def worth(self) -> tuple[bool, bool]:
        """How much is tried on it, by which the same bytes are compared that came about in several ways."""
        return self.trust is not Trust.GUESS, self.reading.worded

    def explain(self, stretches: list[tuple[int, int]]) -> None:
        """Note what of it lies in canaries, here and in what it was decoded from."""
        self.reading.explained += stretches
        if self.parent and stretches:
            low, high = self.span
            inside = [(low + begin, low + end) for begin, end in stretches]
            self.parent.explain(inside if high - low == len(self.data) else [self.span])


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a blob that may be below a mask."""

    blob: Blob
    begin: int
    end: int
    written: bool
    """Whether it is base64: only an alphabet of one's own is then one."""
    near: Sequence[tuple[int, int]] | None = None
    """Where known text is looked for, if not in all of it."""

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return self.blob.data[self.begin : self.end]

    @property
    def looked_at(self) -> bytes:
        """All of it, or what is news in a concatenation."""
        return self.data if self.near is None else b"".join(self.blob.data[a:b] for a, b in self.near)


def made(blob: Blob, name: str, piece: Piece, low: int) -> Blob:
    """What `piece`, of what begins at `low` of `blob`, is by this decoder."""
    begin, end = low + piece.start, low + piece.end
    return Blob(
        Reading(piece.data, worded=name not in TURNED),
        (*blob.route, name),
        blob.at + begin if blob.exact else blob.at,
        piece.trust if piece.trust.value < blob.trust.value else blob.trust,
        blob.exact and end - begin == len(piece.data),
        blob,
        (begin, end),
        piece.trust is Trust.SOUND,
        apart=is_looked_at_apart(blob, piece),
    )


def worth_a_look(data: bytes, known: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is long enough beside what is known, and not one byte again and again."""
    return [
        (low, high)
        for low, high in between(known, len(data))
        if high - low >= MIN_BYTES and data.count(data[low : low + 1], low, high) < high - low
    ]


def is_looked_at_apart(blob: Blob, piece: Piece) -> bool:
    """Whether it is a part of the blob as it is, which is admitted whatever it holds."""
    sure = Trust.SOUND is piece.trust and blob.trust is not Trust.GUESS
    return sure and 0 < len(piece.data) < len(blob.data) and blob.data[piece.start : piece.end] == piece.data


def digest(data: bytes) -> bytes:
    """By which bytes are known that were seen before."""
    return hashlib.blake2b(data, digest_size=12).digest()
