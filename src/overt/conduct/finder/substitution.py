"""Each byte replaced by another, always the same: addition, bits turned, an alphabet of one's own.

Where a byte is the same as one some places on, so are their substitutes. So stretches of canaries, as they are and in
base64, are sought by that alone; what is known of them then tells the table, if there is one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

from overt.conduct.finder.automaton import Automaton
from overt.conduct.finder.decoders.base import Piece, Trust
from overt.conduct.finder.decoders.letters import ROT13
from overt.conduct.finder.needles import Bodies

DISTANCES = range(1, 9)
"""Places on that are looked at: one bit of a byte each."""
WINDOW_BYTES = 96
MIN_SAME = 5
"""Bytes of a window that are as a later one: fewer are too often chance."""
SPACING_BYTES = 4_096
LEAD = 1
"""What each window begins with: a byte like the next, and unlike the seven after: a place in 256 of chance."""
MIN_PROVEN_BYTES, MAX_PROVEN_BYTES = 192, 8_192
"""That must agree with one table before it is believed; that are looked at in either direction."""
BLOCK_BYTES = 1 << 18
BEFORE_BYTES, AFTER_BYTES = 1 << 20, 4 << 20
"""Undone around a place where a table was found."""


class Substitutions:
    """The known texts of one run."""

    def __init__(self, bodies: Bodies) -> None:
        known: dict[bytes, list[tuple[bytes, int]]] = {}
        for parts in bodies.values():
            for text in (parts[0], *_in_base64(parts[0])):
                for window, at in _windows(text):
                    known.setdefault(window, []).append((text, at))
        own = {window: places[0] for window, places in known.items() if len(places) == 1}
        self._automaton, self._places = Automaton(tuple(own)), tuple(own.values())

    def places(self, data: bytes) -> Iterator[int]:
        """Where known text may begin below a substitution."""
        for at, _ in self._windows(data):
            yield at

    def pieces(self, data: bytes) -> Iterator[tuple[str, Piece]]:
        """What `data` holds below substitutions, wherever one is found, and what was undone."""
        done = 0
        for at, pattern in self._windows(data):
            text, place = self._places[pattern]
            if at >= done and (table := _table(data, at, text, place)):
                low, done = max(0, at - BEFORE_BYTES), min(len(data), at + AFTER_BYTES)
                yield "substitution", Piece(low, done, data[low:done].translate(table), Trust.GUESS)

    def _windows(self, data: bytes) -> Iterator[tuple[int, int]]:
        """(offset, window) wherever known text may be."""
        for begin in range(0, len(data), BLOCK_BYTES):
            block = data[begin : begin + BLOCK_BYTES + WINDOW_BYTES + len(DISTANCES)]
            for pattern, start in self._automaton.matches(likeness(block)):
                if start < BLOCK_BYTES:
                    yield begin + start, pattern


def likeness(data: bytes) -> bytes:
    """For each byte, which of the next eight are the same: one bit for each."""
    size = len(data)
    number = int.from_bytes(data, "little")
    low, high = (int.from_bytes(bytes([byte]) * size, "little") for byte in (0x7F, 0x80))
    found = 0
    for bit, distance in enumerate(DISTANCES):
        apart = number ^ number >> 8 * distance
        unlike = ((apart & low) + low | apart) & high
        found |= (unlike ^ high) >> 7 - bit
    return found.to_bytes(size, "little")[: -len(DISTANCES)]


def _windows(text: bytes) -> Iterator[tuple[bytes, int]]:
    """The most telling of each stretch, and where it is."""
    alike = likeness(text)
    for begin in range(0, len(alike) - WINDOW_BYTES, SPACING_BYTES):
        starts = (
            at
            for at in range(begin, min(begin + SPACING_BYTES, len(alike) - WINDOW_BYTES))
            if alike[at] == LEAD
        )
        same, start = max(((_same(alike, at), -at) for at in starts), default=(0, 0))
        if same >= MIN_SAME:
            yield alike[-start : -start + WINDOW_BYTES], -start


def _same(alike: bytes, at: int) -> int:
    return WINDOW_BYTES - alike[at : at + WINDOW_BYTES].count(0)


def _in_base64(text: bytes) -> Iterator[bytes]:
    """At each alignment, without what depends on its neighbours."""
    for before in range(3):
        yield base64.b64encode(bytes(before) + text)[4:-4]


def _table(data: bytes, at: int, text: bytes, place: int) -> bytes | None:
    """What undoes the substitution of `text` around these places, if there is one that nothing else finds."""
    ahead = zip(data[at : at + MAX_PROVEN_BYTES], text[place : place + MAX_PROVEN_BYTES], strict=False)
    behind = zip(_before(data, at), _before(text, place), strict=False)
    meant: dict[int, int] = {}
    proven = _agreeing(ahead, meant) + _agreeing(behind, meant)
    if proven < MIN_PROVEN_BYTES or _is_known(meant):
        return None
    return bytes(meant.get(byte, byte) for byte in range(256))


def _before(data: bytes, at: int) -> bytes:
    return data[max(0, at - MAX_PROVEN_BYTES) : at][::-1]


def _agreeing(pairs: Iterable[tuple[int, int]], meant: dict[int, int]) -> int:
    """How many pairs (sent, meant) agree with each other and with `meant`, which grows by them."""
    sent = {byte: substitute for substitute, byte in meant.items()}
    count = 0
    for substitute, byte in pairs:
        if meant.setdefault(substitute, byte) != byte or sent.setdefault(byte, substitute) != substitute:
            break
        count += 1
    return count


def _is_known(meant: dict[int, int]) -> bool:
    """Whether nothing is replaced, or masks and decoders have a name for it."""
    return (
        len({sent ^ byte for sent, byte in meant.items()}) == 1
        or len({(sent - byte) % 256 for sent, byte in meant.items()}) == 1
        or all(ROT13[sent] == byte for sent, byte in meant.items())
    )
