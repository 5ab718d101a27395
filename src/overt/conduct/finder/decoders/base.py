"""What a decoder is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Trust(Enum):
    """How likely a piece is what it was taken for."""

    SOUND = 3
    """Checked by its own format: what it was made from needs no other explanation."""
    LIKELY = 2
    """It has the form of it: worth a search for what is inside."""
    GUESS = 1
    """One of several readings: dropped unless it makes sense."""


class Piece(NamedTuple):
    """Part of some bytes, decoded."""

    start: int
    """Where it began in them, in bytes."""
    end: int
    data: bytes
    trust: Trust = Trust.LIKELY


Decode = Callable[[bytes, int], Iterator[Piece]]
"""From bytes and the most bytes of one piece to its pieces. Raises nothing."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """One encoding: how it is called in a route, and what undoes it."""

    name: str
    decode: Decode
