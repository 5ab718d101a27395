"""NRV2B, NRV2D and NRV2E: the compression of the UCL library, which UPX uses, with bits in 32-bit words.

Pure Python, so callers bound the output. Literals are one bit and a byte; copies have an offset coded in pairs of
bits, with the last offset in short, and a length; an offset of all ones ends the stream.
"""

from __future__ import annotations

from collections.abc import Callable

from overt.core.errors import Damaged

END = 0xFFFF_FFFF
FAR = {"b": 0xD00, "d": 0x500, "e": 0x500}
"""Copies from further back than this are one byte longer."""


def decompress(data: bytes, variant: str, size: int) -> bytes:
    """At most `size` bytes of the stream in `data`; `variant` is `b`, `d` or `e`. Raises `Damaged`."""
    out = bytearray()
    source = _Source(data)
    bit, far, last = source.bit, FAR[variant], 1
    length_of = {"b": _length_bd, "d": _length_bd, "e": _length_e}[variant]
    offset_of = _offset_b if variant == "b" else _offset_de
    try:
        while len(out) < size:
            while bit():
                out.append(source.byte())
            code = offset_of(bit)
            low = -1
            if code == 2:
                offset = last
                if variant != "b":
                    low = bit()
            else:
                offset = (code - 3) << 8 | source.byte()
                if offset & END == END or code > END:
                    break
                if variant != "b":
                    low, offset = ~offset & 1, offset >> 1
                offset += 1
                last = offset
            length = length_of(bit, bit() if low < 0 else low) + (offset > far) + 1
            _copy(out, offset, min(length, size - len(out)))
    except IndexError as error:
        if len(out) >= size:
            return bytes(out[:size])
        raise Damaged("the stream ends early") from error
    return bytes(out[:size])


class _Source:
    """Bytes and bits of the stream: 32 bits are taken, highest first, from a little-endian word when needed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.held = 1
        """Bits not yet used below a leading one."""
        self.left = 0

    def byte(self) -> int:
        value = self.data[self.at]
        self.at += 1
        return value

    def bit(self) -> int:
        if not self.left:
            if self.at + 4 > len(self.data):
                raise IndexError
            self.held = int.from_bytes(self.data[self.at : self.at + 4], "little")
            self.at += 4
            self.left = 32
        self.left -= 1
        return self.held >> self.left & 1


Bit = Callable[[], int]


def _offset_b(bit: Bit) -> int:
    code = 1
    while True:
        code = code << 1 | bit()
        if bit() or code > END << 8:
            return code


def _offset_de(bit: Bit) -> int:
    code = 1
    while True:
        code = code << 1 | bit()
        if bit() or code > END << 8:
            return code
        code = (code - 1) << 1 | bit()


def _long(bit: Bit) -> int:
    length = 1
    while True:
        length = length << 1 | bit()
        if bit() or length > END:
            return length


def _length_bd(bit: Bit, high: int) -> int:
    return (high << 1 | bit()) or _long(bit) + 2


def _length_e(bit: Bit, high: int) -> int:
    if high:
        return 1 + bit()
    return 3 + bit() if bit() else _long(bit) + 3


def _copy(out: bytearray, offset: int, length: int) -> None:
    if offset > len(out):
        raise Damaged("a copy from before the start")
    start = len(out) - offset
    if length <= offset:
        out += out[start : start + length]
    else:
        piece = bytes(out[start:])
        out += (piece * (length // offset + 1))[:length]
