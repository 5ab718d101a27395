"""Seeded damage: the same seed and bytes give the same hostile file on every machine."""

from __future__ import annotations

import random
from collections.abc import Callable

Change = Callable[[random.Random, bytearray], None]


def mutate(data: bytes, seed: int) -> bytes:
    """`data` after one to eight changes drawn from `seed`."""
    chance = random.Random(seed)
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        if changed:
            chance.choice(CHANGES)(chance, changed)
    return bytes(changed)


def _place(chance: random.Random, data: bytearray) -> int:
    """Any position; half of the time one of the first 512 or the last 512 bytes, where headers are."""
    edge = chance.choice((0, 0, 1, 2))
    if edge == 1:
        return chance.randrange(min(512, len(data)))
    return len(data) - 1 - chance.randrange(min(512, len(data))) if edge == 2 else chance.randrange(len(data))


def _flip_bit(chance: random.Random, data: bytearray) -> None:
    data[_place(chance, data)] ^= 1 << chance.randrange(8)


def _set_byte(chance: random.Random, data: bytearray) -> None:
    data[_place(chance, data)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))


def _set_number(chance: random.Random, data: bytearray) -> None:
    at, width = _place(chance, data), chance.choice((2, 4, 8))
    value = chance.choice((0, 1, (1 << width * 8) - 1, 1 << width * 8 - 1, chance.getrandbits(width * 8)))
    data[at : at + width] = value.to_bytes(width, chance.choice(("little", "big")))


def _cut_end(chance: random.Random, data: bytearray) -> None:
    del data[_place(chance, data) :]


def _remove(chance: random.Random, data: bytearray) -> None:
    at = _place(chance, data)
    del data[at : at + chance.randrange(1, 64)]


def _repeat(chance: random.Random, data: bytearray) -> None:
    at = _place(chance, data)
    data[at:at] = data[at : at + chance.randrange(1, 256)] * chance.choice((1, 2, 50))


def _clear(chance: random.Random, data: bytearray) -> None:
    at = _place(chance, data)
    size = min(chance.randrange(1, 256), len(data) - at)
    data[at : at + size] = bytes(size)


def _insert(chance: random.Random, data: bytearray) -> None:
    at = _place(chance, data)
    data[at:at] = chance.randbytes(chance.randrange(1, 32))


CHANGES: tuple[Change, ...] = (
    _flip_bit,
    _flip_bit,
    _set_byte,
    _set_byte,
    _set_number,
    _set_number,
    _cut_end,
    _remove,
    _repeat,
    _clear,
    _insert,
)
