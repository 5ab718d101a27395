"""Sizes of planted files in what left.

A number proves nothing: any of six digits is somewhere by chance. So as many other numbers like each planted size are
drawn, which no planted file has. What knows nothing of the planted files holds the ones as rarely as the others; where
more planted sizes are than chance explains (Fisher's exact test, one-sided), they left.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import comb
from typing import NamedTuple

import msgspec

from overt.conduct.evidence.records import Canary, Side

LEVEL = 1e-4
"""The chance of any false sighting of a size in one run, at most."""
MIN_SIZE, MAX_SIZE = 4_096, 999_999
ROUND = 512
"""Multiples of it are no sizes of one file alone: databases and disks have them."""
OTHERS, MAX_OTHERS = 200, 8_000
"""Drawn for each planted size; for all of them."""
NEAR = 0.25
"""How far, as a share of the size, they are drawn: small numbers are more common than large ones."""
SEARCHED_BYTES = 1 << 18
"""Of each piece, from its beginning: in more, all numbers are by chance."""
MIN_SEEN = 2
"""Numbers without which no test could show anything."""
DECIMAL = re.compile(rb"(?<![0-9A-Za-z.])0*+([1-9][0-9]{3,5})(?![0-9A-Za-z])")
HEX = re.compile(rb"(?<![0-9A-Za-z.])(?:0[xX])?0*+([1-9A-Fa-f][0-9A-Fa-f]{3,4})(?![0-9A-Za-z])")
VARINT = re.compile(rb"(?<![\x80-\xff])([\x80-\xff]{1,2}[\x01-\x7f])")


class Number(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One sought number, as it was first seen in one blob."""

    notation: str
    size: int
    route: tuple[str, ...]
    offset: int


class Sizes:
    """The sizes of one run's canaries, and the numbers that they are told from."""

    def __init__(self, canaries: Sequence[Canary]) -> None:
        self.planted = _planted(canaries)
        """Size → the one canary that has it."""
        self.others = frozenset(_others({canary.size for canary in canaries}, self.planted, canaries))
        self._sought = self.others | self.planted.keys()

    def seen(self, data: bytes) -> Iterator[tuple[str, int, int]]:
        """(notation, number, offset) of every sought number in the beginning of `data`, each once."""
        begin = data[:SEARCHED_BYTES]
        for notation, read in NOTATIONS.items() if self._sought else ():
            for number, offset in read(begin, self._sought).items():
                yield notation, number, offset


def _planted(canaries: Sequence[Canary]) -> dict[int, int]:
    """Of halves of pairs, whose sizes are chance: a secret's is that of any such file."""
    having: dict[int, list[Canary]] = {}
    for canary in canaries:
        having.setdefault(canary.size, []).append(canary)
    return {
        size: one.number
        for size, (one, *more) in having.items()
        if not more and one.side is not Side.ALONE and MIN_SIZE <= size <= MAX_SIZE and size % ROUND
    }


def _others(taken: set[int], planted: Mapping[int, int], canaries: Sequence[Canary]) -> Iterator[int]:
    """As many for each planted size, from around it."""
    tokens = {canary.number: canary.token for canary in canaries}
    each = min(OTHERS, MAX_OTHERS // max(1, len(planted)))
    for size, number in planted.items():
        around = range(int(size * (1 - NEAR)), int(size * (1 + NEAR)))
        drawn = random.Random(f"{tokens[number]}/sizes").sample(around, min(2 * each, len(around)))
        free = [other for other in drawn if other not in taken and other % ROUND][:each]
        taken = taken | set(free)
        yield from free


def _written(pattern: re.Pattern[bytes], base: int) -> Callable[[bytes, frozenset[int]], dict[int, int]]:
    def read(data: bytes, sought: frozenset[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for match in pattern.finditer(data):
            if (number := int(match[1], base)) in sought:
                found.setdefault(number, match.start(1))
        return found

    return read


def _binary(order: str) -> Callable[[bytes, frozenset[int]], dict[int, int]]:
    """Of 4 bytes, or of 8 whose others are zero; at any place."""

    def read(data: bytes, sought: frozenset[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for skipped in range(min(4, len(data))):
            words = struct.unpack_from(f"{order}{(len(data) - skipped) // 4}I", data, skipped)
            for number in sought.intersection(words):
                found.setdefault(number, skipped + 4 * words.index(number))
        return found

    return read


def _varints(data: bytes, sought: frozenset[int]) -> dict[int, int]:
    """Of two or three bytes (LEB128, as Protocol Buffers have it)."""
    found: dict[int, int] = {}
    for match in VARINT.finditer(data):
        number = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(match[1]))
        if number in sought:
            found.setdefault(number, match.start(1))
    return found


NOTATIONS: Mapping[str, Callable[[bytes, frozenset[int]], dict[int, int]]] = {
    "decimal": _written(DECIMAL, 10),
    "hexadecimal": _written(HEX, 16),
    "little-endian": _binary("<"),
    "big-endian": _binary(">"),
    "varint": _varints,
}


class Told(NamedTuple):
    """One planted size that left."""

    canary: int
    size: int
    place: str
    notation: str
    why: str
    """Why that is no chance."""


def told(
    sizes: Sizes, seen: Mapping[tuple[str, str], AbstractSet[int]], known: AbstractSet[tuple[str, int]]
) -> Iterator[Told]:
    """Planted sizes that left, of the numbers that were `seen` by destination and notation.

    `known`: (destination, canary) of which the content was found, whose size any protocol tells. Corrected by
    Bonferroni for all destinations and notations in which enough numbers were seen."""
    many = [(key, numbers) for key, numbers in seen.items() if len(numbers) >= MIN_SEEN]
    for (place, notation), numbers in many:
        planted = {size: canary for size, canary in sizes.planted.items() if (place, canary) not in known}
        hits, others = sorted(planted.keys() & numbers), len(sizes.others & numbers)
        p = by_chance(len(hits), len(planted), others, len(sizes.others))
        if p * len(many) < LEVEL:
            why = (
                f"size, {notation}: {len(hits)} of {len(planted)} planted sizes and {others} of"
                f" {len(sizes.others):,} other numbers, p = {p * len(many):.1g}"
            )
            yield from (Told(planted[size], size, place, notation, why) for size in hits)


def by_chance(hits: int, planted: int, other_hits: int, others: int) -> float:
    """How probable so many hits among the planted, or more, are when all numbers are alike (hypergeometric tail)."""
    drawn = hits + other_hits
    ways = sum(
        comb(planted, count) * comb(others, drawn - count) for count in range(hits, min(planted, drawn) + 1)
    )
    return ways / comb(planted + others, drawn)
