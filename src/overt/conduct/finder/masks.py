"""Exclusive-or with a repeating key, undone by what is known of the text below it.

Where a key of k bytes repeats, each byte XORed with the one k places on is the same with and without the key. So
canaries and the beginnings of file formats are sought in that form, once for each length of key, and tell the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from overt.conduct.evidence.records import Canary
from overt.conduct.finder.automaton import Automaton
from overt.conduct.finder.decoders.base import Piece, Trust
from overt.conduct.finder.decoders.packed import PROBE_BYTES, begins
from overt.conduct.finder.needles import Bodies

KEY_BYTES = (*range(1, 17), 20, 24, 32)
"""Lengths of keys that are tried; a key of 5 bytes is also one of 10."""
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


class Masks:
    """The known texts of one run, for each length of key."""

    def __init__(self, canaries: Sequence[Canary], bodies: Bodies) -> None:
        self._by_length = [_known(length, canaries, bodies) for length in KEY_BYTES]

    def pieces(self, data: bytes) -> Iterator[tuple[str, Piece]]:
        """What `data` holds below repeating keys, wherever one is found, and what was undone."""
        done: dict[bytes, int] = {}
        for length, known in zip(KEY_BYTES, self._by_length, strict=True):
            for start, text in known.places(data):
                key = _key(data, start, text, length)
                if not any(key) or done.get(key, 0) > start:
                    continue
                piece = (
                    _beginning(data, start, key, text) if text in BEGINNINGS else _around(data, start, key)
                )
                if piece:
                    done[key] = piece.end
                    yield f"xor, key of {length} bytes" if length > 1 else "xor", piece


def _around(data: bytes, start: int, key: bytes) -> Piece:
    begin = max(0, start - BEFORE_BYTES) // len(key) * len(key)
    undone = xored(data[begin : start + AFTER_BYTES], key)
    return Piece(begin, begin + len(undone), undone, Trust.GUESS)


def _beginning(data: bytes, start: int, key: bytes, text: bytes) -> Piece | None:
    turned = start % len(key)
    key = key[turned:] + key[:turned]
    if text in PACKED and not begins(xored(data[start : start + PROBE_BYTES], key)):
        return None
    undone = xored(data[start : start + AFTER_BYTES], key)
    return Piece(start, start + len(undone), undone, Trust.GUESS)


class _Known:
    """Texts compared at one distance."""

    def __init__(self, length: int, texts: Sequence[bytes]) -> None:
        self._length = length
        compared: dict[bytes, bytes] = {}
        for text in texts:
            compared.setdefault(_against_later(text, length), text)
        self._texts = tuple(compared.values())
        self._automaton = Automaton(tuple(compared))
        self._overlap = max((len(key) for key in compared), default=0) + length

    def places(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(offset, text) where one of the texts is below a key of this length, or below none."""
        for at in range(0, len(data), BLOCK_BYTES):
            block = data[at : at + BLOCK_BYTES + self._overlap]
            for pattern, start in self._automaton.matches(_against_later(block, self._length)):
                if start < BLOCK_BYTES:
                    yield at + start, self._texts[pattern]


def masked_texts(data: bytes) -> Iterator[tuple[str, Piece]]:
    """`data` below every key of one byte that makes all of it text."""
    values = set(data)
    if len(data) < MIN_MASKED_BYTES or not MIN_DISTINCT <= len(values) <= len(TEXT) or values <= TEXT:
        return
    keys = [key for key in range(1, 256) if all(value ^ key in TEXT for value in values)]
    keys.sort(key=lambda key: not all(value ^ key in BASE64 for value in values))
    for key in keys[:MAX_KEYS]:
        yield "xor", Piece(0, len(data), xored(data, bytes([key])), Trust.GUESS)


def xored(data: bytes, key: bytes) -> bytes:
    """`data` XOR `key`, repeated from the beginning of `data`."""
    repeated = (key * (len(data) // len(key) + 1))[: len(data)]
    return (int.from_bytes(data, "little") ^ int.from_bytes(repeated, "little")).to_bytes(len(data), "little")


def _against_later(data: bytes, distance: int) -> bytes:
    number = int.from_bytes(data, "little")
    return (number ^ number >> 8 * distance).to_bytes(len(data), "little")[:-distance]


def _key(data: bytes, start: int, text: bytes, length: int) -> bytes:
    """The key as it begins at offset 0 of `data`."""
    key = bytearray(length)
    for at in range(min(len(text), len(data) - start)):
        key[(start + at) % length] = data[start + at] ^ text[at]
    return bytes(key)


def _known(length: int, canaries: Sequence[Canary], bodies: Bodies) -> _Known:
    texts = [text for text in BEGINNINGS if len(text) >= length + MIN_BEGINNING_BYTES]
    for canary in canaries:
        for token in (canary.token.encode(), canary.token.encode("utf-16-le")[:-1]):
            if len(token) >= length + MIN_TOKEN_BYTES:
                texts.append(token)
        texts += _windows(bodies.get(canary.number, ()), length)
        if canary.number not in bodies and WINDOW_BYTES - length >= MIN_TOKEN_BYTES:
            texts += [bytes.fromhex(anchor) for anchor in canary.anchors[::4]]
    return _Known(length, texts)


def _windows(bodies: Sequence[bytes], length: int) -> Iterator[bytes]:
    size = WINDOW_BYTES + length
    for body in bodies[:1] or bodies:
        for at in range(0, max(len(body) - size + 1, 0), SPACING_BYTES):
            window = body[at : at + size]
            if len(set(_against_later(window, length))) >= MIN_DISTINCT:
                yield window
