"""A zip file whose one entry is the zip file itself.

The DEFLATE stream is a program of two instructions that prints itself between a head and a tail (the idea is
R. Cox's, "Zip Files All The Way Down", 2010): "literal n" is a stored block's header, "repeat n" copies the last
n bytes. Instructions are 5 bytes each, so that they can be counted in units of 5; the last one need not be.
"""

from __future__ import annotations

import struct
import zlib

UNIT = 5
HEAD_BYTES = 12 * UNIT
"""Repeating the head and one instruction takes 65 bytes, one of the two repeats that fit into 5 bytes."""
NAME_BYTES = HEAD_BYTES - 30
NOTHING = b"\0\0\0\xff\xff"


def zip_quine() -> bytes:
    """The file; its checksum is right."""
    for attempt in range(100):
        name = b"%02d" % attempt + b"a" * (NAME_BYTES - 6) + b".zip"
        crc = _fixed_point(name)
        if crc is not None:
            return _file(name, crc)
    raise AssertionError("no name has a checksum that fits")


def _file(name: bytes, crc: int) -> bytes:
    packed = len(_program(bytes(HEAD_BYTES), bytes(46 + NAME_BYTES + 22)))
    size = HEAD_BYTES + packed + 46 + NAME_BYTES + 22
    fields = struct.pack("<HHHIIIIHH", 20, 0, 8, 0, crc, packed, size, NAME_BYTES, 0)
    head = b"PK\3\4" + fields + name
    tail = b"PK\1\2" + struct.pack("<H", 20) + fields + bytes(14) + name
    tail += struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, 46 + NAME_BYTES, HEAD_BYTES + packed, 0)
    return head + _program(head, tail) + tail


def _program(head: bytes, tail: bytes) -> bytes:
    """DEFLATE that prints `head`, itself and `tail`; each line prints what the lines before it still owe."""
    again = _repeat_head()
    four = _literal(4 * UNIT)
    one = _literal(UNIT)
    head_too = _literal(HEAD_BYTES + UNIT)
    last = _repeat_last(len(tail))
    rest = _literal(len(last) + len(tail))
    return b"".join(
        (
            head_too + head + head_too,
            again,
            one + again,
            one + one,
            four + again + one + one + four,
            REPEAT_FOUR,
            four + REPEAT_FOUR + four + REPEAT_FOUR + four,
            REPEAT_FOUR,
            four + REPEAT_FOUR + NOTHING + NOTHING + rest,
            REPEAT_FOUR + NOTHING + NOTHING + rest,
            last + tail,
            last,
        )
    )


def _literal(size: int) -> bytes:
    return b"\0" + struct.pack("<HH", size, size ^ 0xFFFF)


class _Bits:
    """Bits in DEFLATE's order (RFC 1951 3.1.1): numbers from their lowest bit, Huffman codes from the highest."""

    def __init__(self) -> None:
        self.bits = ""

    def number(self, value: int, width: int) -> _Bits:
        self.bits += format(value, f"0{width}b")[::-1] if width else ""
        return self

    def code(self, value: int, width: int) -> _Bits:
        self.bits += format(value, f"0{width}b")
        return self

    def block(self, *, final: bool = False) -> _Bits:
        return self.number(int(final), 1).number(1, 2)

    def end(self) -> _Bits:
        return self.code(0, 7)

    def octets(self) -> bytes:
        padded = self.bits + "0" * (-len(self.bits) % 8)
        return bytes(int(padded[at : at + 8][::-1], 2) for at in range(0, len(padded), 8))


def _repeat_four() -> bytes:
    """Twice 10 bytes from 20 back, in 40 bits (length code 264, distance code 8 with 3 more bits)."""
    bits = _Bits().block()
    for _ in range(2):
        bits.code(264 - 256, 7).code(8, 5).number(20 - 17, 3)
    return bits.end().octets()


REPEAT_FOUR = _repeat_four()


def _repeat_head() -> bytes:
    """65 bytes from 65 back (codes 276 and 12), and an empty block to fill 40 bits."""
    bits = _Bits().block().code(276 - 256, 7).number(65 - 59, 3).code(12, 5).number(65 - 65, 5)
    return bits.end().block().end().octets()


def _repeat_last(tail_bytes: int) -> bytes:
    """Itself (4 bytes) and the tail: 99 to 114 bytes (codes 279 and 13), in the final block."""
    size = 4 + tail_bytes
    bits = _Bits().block(final=True).code(279 - 256, 7).number(size - 99, 4).code(13, 5).number(size - 97, 5)
    return bits.end().octets()


def _fixed_point(name: bytes) -> int | None:
    """The checksum that the file has when it says so: it depends on its own bits linearly (Gauss over GF(2))."""
    constant = zlib.crc32(_file(name, 0))
    rows = []
    for bit in range(32):
        column = zlib.crc32(_file(name, 1 << bit)) ^ constant ^ 1 << bit
        rows.append((column, 1 << bit))
    basis: dict[int, tuple[int, int]] = {}
    for vector, chosen in rows:
        vector, chosen = _reduce(vector, chosen, basis)
        if vector:
            basis[vector.bit_length()] = (vector, chosen)
    rest, crc = _reduce(constant, 0, basis)
    return None if rest else crc


def _reduce(vector: int, chosen: int, basis: dict[int, tuple[int, int]]) -> tuple[int, int]:
    while vector and vector.bit_length() in basis:
        other, others = basis[vector.bit_length()]
        vector, chosen = vector ^ other, chosen ^ others
    return vector, chosen
