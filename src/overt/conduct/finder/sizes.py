"""Sizes of planted files in what left.

A number proves nothing: any of six digits is somewhere by chance. So as many other numbers like each planted size are
drawn, which no planted file has. What knows nothing of the planted files holds the ones as rarely as the others; where
more planted sizes are than chance explains (Fisher's exact test, one-sided), they left.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import comb
from typing import NamedTuple

import msgspec

from overt.conduct.evidence.records import Canary, Side
from overt.conduct.finder.automaton import Automaton
from overt.conduct.finder.runs import RunOf

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
HEX = re.compile(rb"(?<![0-9a-z.])(?:0x)?0*+([1-9a-f][0-9a-f]{3,4})(?![0-9a-z])")
"""In small letters."""
BINARY = re.compile(rb"\0(?=([\0-\x0f][\0-\xff]{2}))")
"""Three bytes after a zero: big-endian, of 4 bytes, or of 8 whose others are zero; at any place."""
VARINT_MORE = 0x80
"""Set in all bytes of a varint but its last."""


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
        sought = self.others | self.planted.keys()
        self._readers = {
            name: notation.reader({notation.write(number): number for number in sought})
            for name, notation in NOTATIONS.items()
        }

    def seen(self, data: bytes) -> Iterator[tuple[str, int, int]]:
        """(notation, number, offset) of every sought number in the beginning of `data`, each once."""
        begin = data[:SEARCHED_BYTES]
        for name, read in self._readers.items() if self.planted else ():
            for number, offset in read(begin).items():
                yield name, number, offset


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


Sought = Mapping[bytes, int]
"""Numbers by how they are written."""
Read = Callable[[bytes], dict[int, int]]
"""From data to the offset of each that is there."""


class Notation(NamedTuple):
    """One way to write a number."""

    write: Callable[[int], bytes]
    reader: Callable[[Sought], Read]


def _written(pattern: re.Pattern[bytes], letters: str, least: int) -> Callable[[Sought], Read]:
    """What the pattern's one group holds, where there are so many of these letters in a row. Nearly always that is no
    sought number: so first all is looked at at once."""
    may_be = RunOf(letters.encode(), least)

    def reader(sought: Sought) -> Read:
        def read(data: bytes) -> dict[int, int]:
            found: dict[int, int] = {}
            if may_be(data) and (here := sought.keys() & set(pattern.findall(data))):
                for match in pattern.finditer(data):
                    if match[1] in here:
                        found.setdefault(sought[match[1]], match.start(1))
            return found

        return read

    return reader


def _hexadecimal(sought: Sought) -> Read:
    read = _written(HEX, string.hexdigits, len(f"{MIN_SIZE:x}"))(sought)
    return lambda data: read(data.lower())


def _big_endian(sought: Sought) -> Read:
    return lambda data: {sought[number]: data.find(b"\0" + number) for number in _in_binary(data, sought)}


def _little_endian(sought: Sought) -> Read:
    """Backwards it is big-endian."""
    return lambda data: {
        sought[number]: data.find(number[::-1] + b"\0") for number in _in_binary(data[::-1], sought)
    }


def _in_binary(data: bytes, sought: Sought) -> set[bytes]:
    return sought.keys() & set(BINARY.findall(data))


def _varints(sought: Sought) -> Read:
    """Only where none begins before: in bytes of chance, one of four begins a varint."""
    automaton, numbers = Automaton(tuple(sought)), tuple(sought.values())

    def read(data: bytes) -> dict[int, int]:
        found: dict[int, int] = {}
        for pattern, start in automaton.matches(data) if not data.isascii() else ():
            if not start or data[start - 1] < VARINT_MORE:
                found.setdefault(numbers[pattern], start)
        return found

    return read


def _varint(number: int) -> bytes:
    """Of two or three bytes (LEB128, as Protocol Buffers have it)."""
    low = bytes([number & 0x7F | VARINT_MORE])
    return low + (bytes([number >> 7]) if number >> 7 < VARINT_MORE else _varint(number >> 7))


NOTATIONS: Mapping[str, Notation] = {
    "decimal": Notation(lambda number: b"%d" % number, _written(DECIMAL, string.digits, len(str(MIN_SIZE)))),
    "hexadecimal": Notation(lambda number: b"%x" % number, _hexadecimal),
    "little-endian": Notation(lambda number: number.to_bytes(3, "big"), _little_endian),
    "big-endian": Notation(lambda number: number.to_bytes(3, "big"), _big_endian),
    "varint": Notation(_varint, _varints),
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
