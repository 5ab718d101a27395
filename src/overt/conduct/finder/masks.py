"""A repeating key, added or XORed to each byte, undone by what is known of the text below it.

Where a key of k bytes repeats, the difference (or the XOR) of each byte and the one k places on is the same with and
without the key. So canaries and the beginnings of file formats are sought in that form, once for each length of key,
and tell the key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from overt.conduct.evidence.records import Canary
from overt.conduct.finder.automaton import Automaton
from overt.conduct.finder.decoders.base import Piece, Trust
from overt.conduct.finder.decoders.packed import PROBE_BYTES, begins
from overt.conduct.finder.needles import Bodies

KEY_BYTES = (*range(1, 17), 20, 24, 32)
"""Lengths of keys that are tried; a key of 5 bytes is also one of 10."""
ADDED_KEY_BYTES = (1, 4)
"""Of keys that are added, which are rare; one of 4 bytes is also found where it is of 2."""
WINDOW_BYTES = 16
"""Compared of a canary's bytes, for each window of them."""
SPACING_BYTES = 512
MIN_TOKEN_BYTES = 6
"""Compared of a token, at least."""
MIN_BEGINNING_BYTES = 3
MIN_DISTINCT = 6
BLOCK_BYTES = 1 << 18
BEFORE_BYTES, AFTER_BYTES = 1 << 20, 4 << 20
"""Undone around a place where a key was found."""
PACKED = (
    b"\x1f\x8b\x08\x00",
    b"\x1f\x8b\x08\x08",
    b"\xfd7zXZ\x00\x00\x04",
    b"BZh91AY&SY",
    b"\x28\xb5\x2f\xfd",
)
"""Beginnings that are believed if what follows can be unpacked: some are short."""
BEGINNINGS = (
    b"PK\x03\x04\x14\x00\x00\x00\x08\x00",
    b"PK\x03\x04\x14\x00\x02\x00\x08\x00",
    b"PK\x03\x04\x14\x00\x08\x00\x08\x00",
    b"PK\x03\x04\x14\x00\x00\x08\x08\x00",
    b"PK\x03\x04\x14\x00\x00\x00\x00\x00",
    b"PK\x03\x04\x0a\x00\x00\x00\x00\x00",
    b"7z\xbc\xaf\x27\x1c\x00\x04",
    *PACKED,
    b"%PDF-1.",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    b"SQLite format 3\x00",
    b"-----BEGIN ",
    b'<?xml version="1.0" encoding=',
    b'{"content":"',
)
"""Of formats that the text below a key may be in."""
TEXT = frozenset(b"\t\n\r" + bytes(range(0x20, 0x7F)))
BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n")
MIN_MASKED_BYTES, MAX_KEYS = 32, 12


def _xor(first: int, second: int, size: int) -> int:
    return first ^ second


def _minus(first: int, second: int, size: int) -> int:
    """Byte by byte, modulo 256 (Lamport 1975: the highest bits apart, so that nothing is borrowed from a neighbour)."""
    high, low = _each(0x80, size), _each(0x7F, size)
    return (first | high) - (second & low) ^ high ^ ((first ^ second) & high)


@dataclass(frozen=True, slots=True)
class Mask:
    """One way to hide bytes below a key: the distance of what is sent from what was meant, undone by itself."""

    name: str
    lead: bytes
    """What known windows begin with, once compared: one in 256 of chance, one in a hundred of random letters; seldom
    anything else."""
    _apart: Callable[[int, int, int], int]

    def apart(self, first: bytes, second: bytes) -> bytes:
        """`first` without `second`, which is as long, byte by byte."""
        size = len(first)
        numbers = int.from_bytes(first, "little"), int.from_bytes(second, "little")
        return self._apart(*numbers, size).to_bytes(size, "little")

    def against_later(self, data: bytes, distance: int) -> bytes:
        """What no key of `distance` bytes changes."""
        number = int.from_bytes(data, "little")
        apart = self._apart(number >> 8 * distance, number, len(data))
        return apart.to_bytes(len(data), "little")[:-distance]

    def undone(self, data: bytes, key: bytes) -> bytes:
        """`data` without `key`, repeated from its beginning."""
        return self.apart(data, (key * (len(data) // len(key) + 1))[: len(data)])


XOR, ADD = Mask("xor", b"\x5b", _xor), Mask("add", b"\x3b", _minus)
LENGTHS = (*((XOR, length) for length in KEY_BYTES), *((ADD, length) for length in ADDED_KEY_BYTES))


class Masks:
    """The known texts of one run, for each mask and length of key."""

    def __init__(self, canaries: Sequence[Canary], bodies: Bodies) -> None:
        self._known = [
            _Known(mask, length, (_short(length, canaries, bodies), _windows(mask, length, bodies)))
            for mask, length in LENGTHS
        ]

    def places(self, data: bytes) -> Iterator[int]:
        """Where known text may begin below a repeating key."""
        for known in self._known:
            for start, _ in known.places(data):
                yield start

    def pieces(self, data: bytes) -> Iterator[tuple[str, Piece]]:
        """What `data` holds below repeating keys, wherever one is found, and what was undone."""
        done: dict[tuple[str, bytes], int] = {}
        for known in self._known:
            mask, length = known.mask, known.length
            for start, text in known.places(data):
                key = _key(mask, data, start, text, length)
                if not any(key) or done.get((mask.name, key), 0) > start:
                    continue
                undo = _beginning if text in BEGINNINGS else _around
                if piece := undo(mask, data, start, key, text):
                    done[mask.name, key] = piece.end
                    yield f"{mask.name}, key of {length} bytes" if length > 1 else mask.name, piece


def _around(mask: Mask, data: bytes, start: int, key: bytes, text: bytes) -> Piece:
    begin = max(0, start - BEFORE_BYTES) // len(key) * len(key)
    undone = mask.undone(data[begin : start + AFTER_BYTES], key)
    return Piece(begin, begin + len(undone), undone, Trust.GUESS)


def _beginning(mask: Mask, data: bytes, start: int, key: bytes, text: bytes) -> Piece | None:
    turned = start % len(key)
    key = key[turned:] + key[:turned]
    if text in PACKED and not begins(mask.undone(data[start : start + PROBE_BYTES], key)):
        return None
    undone = mask.undone(data[start : start + AFTER_BYTES], key)
    return Piece(start, start + len(undone), undone, Trust.GUESS)


class _Known:
    """Texts compared at one distance."""

    def __init__(self, mask: Mask, length: int, kinds: Iterable[Iterable[bytes]]) -> None:
        """`kinds`: short ones, and those with a lead, each kind sought in its own fastest way."""
        self.mask, self.length = mask, length
        self._sought: list[tuple[Automaton, tuple[bytes, ...]]] = []
        self.reach_bytes = length
        """Of the longest text."""
        for texts in kinds:
            compared: dict[bytes, bytes] = {}
            for text in texts:
                compared.setdefault(mask.against_later(text, length), text)
            self._sought.append((Automaton(tuple(compared)), tuple(compared.values())))
            self.reach_bytes = max(self.reach_bytes, *(len(key) + length for key in compared), 0)

    def places(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(offset, text) where one of the texts is below a key of this length, or below none."""
        for at in range(0, len(data), BLOCK_BYTES):
            block = self.mask.against_later(data[at : at + BLOCK_BYTES + self.reach_bytes], self.length)
            for automaton, texts in self._sought:
                for pattern, start in automaton.matches(block):
                    if start < BLOCK_BYTES:
                        yield at + start, texts[pattern]


def masked_texts(data: bytes) -> Iterator[tuple[str, Piece]]:
    """`data` below every key of one byte that makes all of it text."""
    values = set(data)
    if len(data) < MIN_MASKED_BYTES or not MIN_DISTINCT <= len(values) <= len(TEXT) or values <= TEXT:
        return
    for mask in (XOR, ADD):
        keys = [key for key in range(1, 256) if values <= _BELOW[mask.name, key]]
        held = bytes(values)
        keys.sort(key=lambda key: not BASE64.issuperset(mask.undone(held, bytes([key]))))
        for key in keys[:MAX_KEYS]:
            yield mask.name, Piece(0, len(data), mask.undone(data, bytes([key])), Trust.GUESS)


def _key(mask: Mask, data: bytes, start: int, text: bytes, length: int) -> bytes:
    """The key as it begins at offset 0 of `data`."""
    shared = min(len(text), len(data) - start)
    apart = mask.apart(data[start : start + shared], text[:shared])
    key = bytearray(length)
    for at, byte in enumerate(apart):
        key[(start + at) % length] = byte
    return bytes(key)


def _short(length: int, canaries: Sequence[Canary], bodies: Bodies) -> Iterator[bytes]:
    """Beginnings, tokens, and the anchors of canaries of which no more is known."""
    yield from (text for text in BEGINNINGS if len(text) >= length + MIN_BEGINNING_BYTES)
    for canary in canaries:
        for token in (canary.token.encode(), canary.token.encode("utf-16-le")[:-1]):
            if len(token) >= length + MIN_TOKEN_BYTES:
                yield token
        if canary.number not in bodies and WINDOW_BYTES - length >= MIN_TOKEN_BYTES:
            yield from (bytes.fromhex(anchor) for anchor in canary.anchors[::4])


def _windows(mask: Mask, length: int, bodies: Bodies) -> Iterator[bytes]:
    """Of each canary's bytes, all of which begin alike once compared: so few places have to be looked at."""
    for body in (parts[0] for parts in bodies.values()):
        compared = mask.against_later(body, length)
        for begin in range(0, len(compared) - WINDOW_BYTES, SPACING_BYTES):
            at = compared.find(mask.lead, begin, begin + SPACING_BYTES)
            if at >= 0 and len(set(compared[at : at + WINDOW_BYTES])) >= MIN_DISTINCT:
                yield body[at : at + WINDOW_BYTES + length]


def _each(byte: int, size: int) -> int:
    """`size` times this byte."""
    return int.from_bytes(bytes([byte]) * size, "little")


_BELOW = {
    (mask.name, key): frozenset(
        byte for byte, below in enumerate(mask.undone(bytes(range(256)), bytes([key]))) if below in TEXT
    )
    for mask in (XOR, ADD)
    for key in range(1, 256)
}
"""By mask and key of one byte: what becomes text."""
