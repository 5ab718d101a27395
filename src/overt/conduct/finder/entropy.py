"""Bytes that could be anything: as disordered as chance, in no form that the finder knows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

BLOCK_BYTES = 4_096
SAMPLED_EVERY = 4
"""Of a whole block every fourth byte is counted, for four: so the sum stays that of all bytes."""
MIN_BYTES = 64
TOLERANCE_BITS = 0.45
"""Below what random bytes of the same number have: compressed and encrypted bytes are within it, text is not."""
_RANDOM_BITS = ((64, 5.87), (128, 6.60), (256, 7.17), (512, 7.59), (1024, 7.81), (2048, 7.91), (4096, 7.955))
"""Shannon entropy of so many random bytes."""


def bits_per_byte(counts: Sequence[int]) -> float:
    """Shannon entropy of bytes that occur `counts` times, 0 to 8."""
    total = sum(counts)
    if not total:
        return 0.0
    return max(0.0, -sum(n / total * math.log2(n / total) for n in counts if n))


def is_random(counts: Sequence[int], size: int) -> bool:
    """Whether `size` bytes (at least 64) that occur `counts` times are as disordered as chance."""
    return bits_per_byte(counts) >= _random(size) - TOLERANCE_BITS


def _random(size: int) -> float:
    for (few, low), (many, high) in pairwise(_RANDOM_BITS):
        if size <= many:
            return low + (high - low) * (size - few) / (many - few)
    return _RANDOM_BITS[-1][1]


class Disorder:
    """Counts of bytes that could be anything. Mutable: it grows."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, data: bytes, stretches: Iterable[tuple[int, int]]) -> None:
        """Look at these stretches (begin, end) of `data`."""
        for low, high in stretches:
            for at in range(low, high, BLOCK_BYTES):
                block = data[at : min(at + BLOCK_BYTES, high)]
                every = SAMPLED_EVERY if len(block) == BLOCK_BYTES else 1
                counts = Counter(block[::every])
                if len(block) >= MIN_BYTES and is_random(tuple(counts.values()), len(block) // every):
                    for value, count in counts.items():
                        self._counts[value] += count * every

    def counts(self) -> tuple[int, ...]:
        """How often each of the 256 bytes occurred."""
        return tuple(self._counts[value] for value in range(256))
