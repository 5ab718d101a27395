"""Bytes written in another order of their bits, in EBCDIC, or as differences: few readings, tried on all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

from overt.conduct.finder.decoders.base import Piece, Trust
from overt.conduct.finder.plausible import HEAD_BYTES, plausible
from overt.conduct.finder.runs import is_text

TEXT_SHARE = 0.95
MAX_BYTES = 4 << 20
"""Undone of one stretch."""


def _table(undo: Callable[[int], int]) -> Callable[[bytes], bytes]:
    table = bytes(undo(byte) for byte in range(256))
    return lambda data: data.translate(table)


def _ebcdic(codec: str) -> Callable[[bytes], bytes]:
    table = bytes(range(256)).decode(codec).encode("latin-1", "replace")
    return lambda data: data.translate(table)


def _summed(data: bytes) -> bytes:
    return bytes(byte & 0xFF for byte in accumulate(data))


READINGS: dict[str, Callable[[bytes], bytes]] = {
    "nibbles": _table(lambda byte: byte >> 4 | byte << 4 & 0xF0),
    "bits backwards": _table(lambda byte: int(f"{byte:08b}"[::-1], 2)),
    "EBCDIC": _ebcdic("cp500"),
    "EBCDIC, US": _ebcdic("cp037"),
    "differences": _summed,
}


def rewritten(data: bytes) -> Iterator[tuple[str, Piece]]:
    """What `data` would be in each of these, where that begins like text or a file and `data` is no text."""
    head = data[:HEAD_BYTES]
    if is_text(head, TEXT_SHARE):
        return
    for name, undo in READINGS.items():
        if plausible(undo(head)):
            begin = data[:MAX_BYTES]
            yield name, Piece(0, len(begin), undo(begin), Trust.GUESS)
