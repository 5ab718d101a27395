"""AutoIt 3 programs: the script and the files that it installs, after the interpreter (EA05 and EA06).

The layout has no public specification. Each entry has two names, sizes and its bytes, every field xored with a
generator that is seeded from fixed numbers: MT19937 for EA05, a lagged rotating generator for EA06. The script
of EA06 is stored as tokens; it is yielded as it is stored.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from overt.core.errors import Damaged
from overt.core.model import Reason
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.stored import text

MAGIC = bytes.fromhex("a3484bbe986c4aa9994c530a86d6487d") + b"AU3!EA0"
MAX_NAME = 4096
MAX_ENTRIES = 10_000
STEP_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Variant:
    """The numbers of one version: seeds, and what lengths and sizes are xored with."""

    tag: int
    name: tuple[int, int]
    path: tuple[int, int]
    sizes: int
    data: int
    wide: bool


EA05 = Variant(0x16FA, (0x29BC, 0xA25E), (0x29AC, 0xF25E), 0x45AA, 0x22AF, False)
EA06 = Variant(0x18EE, (0xADBC, 0xB33F), (0xF820, 0xF479), 0x87BC, 0x2477, True)


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """The script and each installed file. Raises `Damaged` when an entry's sizes make no sense."""
    variant = EA05 if data[23:24] == b"5" else EA06
    offset = 24 + 16
    data_seed = variant.data + (0 if variant.wide else sum(data[24:40]))
    for _ in range(MAX_ENTRIES):
        if room.spent or _decoded(data[offset : offset + 4], variant.tag, variant) != b"FILE":
            return
        name, offset = _string(data, offset + 4, variant.name, variant)
        path, offset = _string(data, offset, variant.path, variant)
        if len(data) < offset + 13 + 16:
            raise Damaged(f"an entry ends early at byte {offset}")
        packed, stored, size = struct.unpack_from("<BII", data, offset)
        stored, size = stored ^ variant.sizes, size ^ variant.sizes
        offset += 13 + 16
        if offset + stored > len(data):
            room.gap(Reason.DAMAGED, "the end is missing", path or name)
        body = _decoded(data[offset : offset + stored], data_seed, variant)
        offset += stored
        label = path.rsplit("\\", 1)[-1] or name
        yield Child(label, room.gather(_expanded(body) if packed else (body,), label))


def _string(data: bytes, offset: int, numbers: tuple[int, int], variant: Variant) -> tuple[str, int]:
    length = int.from_bytes(data[offset : offset + 4], "little") ^ numbers[0]
    if length > MAX_NAME:
        raise Damaged(f"a name of {length} characters at byte {offset}")
    size = 2 * length if variant.wide else length
    raw = _decoded(data[offset + 4 : offset + 4 + size], numbers[1] + length, variant)
    return raw.decode("utf-16-le", "replace") if variant.wide else text(raw), offset + 4 + size


def _decoded(data: bytes, seed: int, variant: Variant) -> bytes:
    stream = keystream(seed, len(data), variant)
    number = int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")
    return number.to_bytes(len(data), "little")


def keystream(seed: int, count: int, variant: Variant) -> bytes:
    """The `count` bytes that a field is xored with."""
    return _lagged(seed, count) if variant.wide else _twister(seed, count)


def _twister(seed: int, count: int) -> bytes:
    """Bits 1 to 8 of each output of MT19937 (Matsumoto and Nishimura, 1998), seeded with one number."""
    state = [seed & 0xFFFF_FFFF]
    for index in range(1, 624):
        last = state[-1]
        state.append((0x6C07_8965 * (last ^ last >> 30) + index) & 0xFFFF_FFFF)
    out = bytearray()
    while len(out) < count:
        for index in range(624):
            mixed = state[index] & 0x8000_0000 | state[(index + 1) % 624] & 0x7FFF_FFFF
            state[index] = state[(index + 397) % 624] ^ mixed >> 1 ^ (0x9908_B0DF if mixed & 1 else 0)
        for value in state:
            value ^= value >> 11
            value ^= value << 7 & 0x9D2C_5680
            value ^= value << 15 & 0xEFC6_0000
            out.append((value ^ value >> 18) >> 1 & 0xFF)
    return bytes(out[:count])


def _lagged(seed: int, count: int) -> bytes:
    """The top byte of every second sum of two rotated terms, 17 terms in all, ten apart."""
    terms = []
    for _ in range(17):
        seed = (1 - seed * 0x53A9_B4FB) & 0xFFFF_FFFF
        terms.append(seed)
    first, second = 0, 10
    out = bytearray()
    for turn in range(9 + 2 * count):
        one, two = terms[first], terms[second]
        value = ((one << 9 | one >> 23) + (two << 13 | two >> 19)) & 0xFFFF_FFFF
        terms[first] = value
        first, second = (first - 1) % 17, (second - 1) % 17
        if turn >= 9 and turn & 1 == 0:
            out.append(value >> 24)
    return bytes(out)


class _Bits:
    """Bits of a byte string, highest first."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.held = 0
        self.count = 0

    def take(self, count: int) -> int:
        while self.count < count:
            piece = self.data[self.at : self.at + 256]
            if not piece:
                raise Damaged("the stream ends early")
            self.at += len(piece)
            self.held = self.held << 8 * len(piece) | int.from_bytes(piece, "big")
            self.count += 8 * len(piece)
        self.count -= count
        value = self.held >> self.count
        self.held &= (1 << self.count) - 1
        return value


def _expanded(body: bytes) -> Iterator[bytes]:
    """LZSS with a window of 32 KiB and copies of at least three bytes; the signature says which bit is a literal."""
    signature, size = body[:4], int.from_bytes(body[4:8], "big")
    if signature not in (b"EA05", b"EA06", b"JB01"):
        raise Damaged("no compressed stream")
    literal = 1 if signature == b"EA06" else 0
    bits, out, total = _Bits(body[8:]), bytearray(), 0
    try:
        while total < size:
            if bits.take(1) == literal:
                out.append(bits.take(8))
                total += 1
            else:
                back, length = bits.take(15), min(_length(bits), size - total)
                if not 0 < back <= len(out):
                    raise Damaged("a copy from before the start")
                for _ in range(length):
                    out.append(out[-back])
                total += length
            if len(out) >= 2 * STEP_BYTES:
                yield bytes(out[:STEP_BYTES])
                del out[:STEP_BYTES]
    except Damaged:
        yield bytes(out)
        raise
    yield bytes(out)


def _length(bits: _Bits) -> int:
    length = 3
    for width in (2, 3, 5, 8):
        value = bits.take(width)
        length += value
        if value != (1 << width) - 1:
            return length
    while (value := bits.take(8)) == 0xFF:
        length += value
    return length + value


FORMATS = (
    Format("autoit", "AutoIt 3 scripts and the files they install", (Magic(0, MAGIC),), unpack=unpack),
)
