"""Writes NRV2B, NRV2D and NRV2E streams for the tests: literals, and copies from at most 100 bytes back."""

from __future__ import annotations


class NrvWriter:
    """Bits go into little-endian words that lie between the bytes where the reader takes them."""

    def __init__(self, variant: str) -> None:
        self.variant = variant
        self.out = bytearray()
        self.word_at = 0
        self.left = 0
        self.last = 1

    def bit(self, value: int) -> None:
        if not self.left:
            self.word_at, self.left = len(self.out), 32
            self.out += bytes(4)
        self.left -= 1
        word = int.from_bytes(self.out[self.word_at : self.word_at + 4], "little") | value << self.left
        self.out[self.word_at : self.word_at + 4] = word.to_bytes(4, "little")

    def bits(self, *values: int) -> None:
        for value in values:
            self.bit(value)

    def literals(self, content: bytes) -> NrvWriter:
        for value in content:
            self.bit(1)
            self.out.append(value)
        return self

    def copy(self, offset: int, length: int) -> NrvWriter:
        """Repeat `length` bytes from `offset` back."""
        high, rest = self._length(length - 1)
        short = offset == self.last
        self.bits(0, 0 if short else 1, 1)  # a copy; code 2 (the last offset) or 3 (below 256)
        if not short:
            self.out.append(offset - 1 if self.variant == "b" else (offset - 1) << 1 | 1 - high)
        if short or self.variant == "b":
            self.bit(high)
        self.bits(*rest)
        self.last = offset
        return self

    def _length(self, value: int) -> tuple[int, list[int]]:
        if self.variant == "e":
            if value <= 2:
                return 1, [value - 1]
            return 0, [1, value - 3] if value <= 4 else [0, *self._digits(value - 3)]
        return value >> 1 if value <= 3 else 0, [value & 1] if value <= 3 else [0, *self._digits(value - 2)]

    def _digits(self, value: int) -> list[int]:
        digits = [int(digit) for digit in f"{value:b}"[1:]]
        return [bit for index, digit in enumerate(digits) for bit in (digit, int(index == len(digits) - 1))]
