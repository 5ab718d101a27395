"""Seeded mutations of well-formed files: what a fuzzer feeds to parsers. Pure; the same seed gives the same bytes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

BLOCK_BYTES = 64
MAX_INSERTED_BYTES = 4096
MAX_STACKED = 8
"""Mutations applied to one input, at most."""
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63, -1)
_DIGITS = re.compile(rb"[0-9A-Fa-f]{1,16}")


@dataclass(frozen=True, slots=True)
class Sample:
    """A well-formed file to start from."""

    name: str
    data: bytes
    busy: tuple[int, ...] = field(repr=False)
    """Offsets of the blocks that are not one byte repeated: disk images are mostly empty."""


def sample(name: str, data: bytes) -> Sample:
    """`data` prepared for mutation."""
    blocks = range(0, len(data), BLOCK_BYTES)
    busy = [at for at in blocks if len(set(data[at : at + BLOCK_BYTES])) > 1]
    return Sample(name, data, tuple(busy or [0]))


def mutated(samples: Sequence[Sample], weights: Sequence[float], seed: str) -> tuple[Sample, bytes]:
    """One mutated input and the sample it was made from, both determined by `seed`."""
    draw = random.Random(seed)
    chosen = draw.choices(samples, weights)[0]
    data = bytearray(chosen.data)
    if draw.random() < 0.05:
        _splice(data, draw.choice(samples).data, draw)
    for _ in range(min(MAX_STACKED, 1 + int(draw.expovariate(0.7)))):
        if data:
            draw.choice(MUTATIONS)(data, _place(chosen, len(data), draw), draw)
    return chosen, bytes(data)


def _place(chosen: Sample, length: int, draw: random.Random) -> int:
    """An offset below `length`: often in the first bytes, mostly where the sample has content."""
    kind = draw.random()
    if kind < 0.2:
        return draw.randrange(min(length, 512))
    if kind < 0.9:
        return min(draw.choice(chosen.busy) + draw.randrange(BLOCK_BYTES), length - 1)
    return draw.randrange(length)


def _splice(data: bytearray, other: bytes, draw: random.Random) -> None:
    """The head of one file and the tail of another."""
    if other:
        data[draw.randrange(len(data) + 1) :] = other[draw.randrange(len(other)) :]


def _flip_bit(data: bytearray, at: int, draw: random.Random) -> None:
    data[at] ^= 1 << draw.randrange(8)


def _flip_many(data: bytearray, at: int, draw: random.Random) -> None:
    for index in range(at, min(len(data), at + BLOCK_BYTES)):
        if draw.random() < 0.2:
            data[index] ^= 1 << draw.randrange(8)


def _set_byte(data: bytearray, at: int, draw: random.Random) -> None:
    data[at] = draw.choice((0, 0xFF, 0x7F, 0x80, 0x20, 0x2F, draw.randrange(256)))


def _truncate(data: bytearray, at: int, draw: random.Random) -> None:
    del data[at:]


def _insert(data: bytearray, at: int, draw: random.Random) -> None:
    size = draw.choice((1, 2, 4, draw.randrange(1, MAX_INSERTED_BYTES)))
    data[at:at] = draw.randbytes(size) if draw.random() < 0.5 else bytes([draw.randrange(256)]) * size


def _delete(data: bytearray, at: int, draw: random.Random) -> None:
    del data[at : at + draw.choice((1, 2, 4, 16, draw.randrange(1, MAX_INSERTED_BYTES)))]


def _duplicate(data: bytearray, at: int, draw: random.Random) -> None:
    size = draw.choice((4, 16, 64, 512))
    data[at:at] = data[at : at + size] * draw.choice((1, 1, 2, 50))


def _swap(data: bytearray, at: int, draw: random.Random) -> None:
    """Two blocks of equal size change places."""
    size = draw.choice((2, 4, 16, 64, 512))
    other = draw.randrange(len(data))
    first, second = min(at, other), max(at, other)
    if first + size <= second and second + size <= len(data):
        block = data[first : first + size]
        data[first : first + size] = data[second : second + size]
        data[second : second + size] = block


def _extreme(data: bytearray, at: int, draw: random.Random) -> None:
    """What may be a length field becomes an extreme, or a little more or less than it was."""
    width, order = draw.choice((1, 2, 4, 8)), draw.choice(("little", "big"))
    if draw.random() < 0.7:
        value = draw.choice(EXTREMES)
    else:
        value = int.from_bytes(data[at : at + width], order) + draw.choice((-1, 1, 2, 0x100))
    data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, order)


def _extreme_text(data: bytearray, at: int, draw: random.Random) -> None:
    """The same for a number in text, of the same length or not."""
    found = _DIGITS.search(data, at, at + 4096)
    if found:
        width = len(found[0])
        data[found.start() : found.end()] = draw.choice(
            (b"0" * width, b"9" * width, b"7" * width, b"99999999999999999999", b"-1", b"")
        )


MUTATIONS: tuple[Callable[[bytearray, int, random.Random], None], ...] = (
    _flip_bit,
    _flip_bit,
    _flip_many,
    _set_byte,
    _set_byte,
    _truncate,
    _insert,
    _delete,
    _duplicate,
    _swap,
    _extreme,
    _extreme,
    _extreme,
    _extreme_text,
)
