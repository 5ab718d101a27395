"""How much of a canary lies around a match: compared with its own bytes, in both directions."""

from __future__ import annotations

from overt.conduct.finder.needles import Bodies

STEP_BYTES = 512
AROUND_BYTES = 512
"""Before the first and after the last of several matches that can't be extended: the distance of such needles."""
MAX_PLACES = 4
"""Of one needle in one body."""


class Places:
    """Where each needle is in the bodies of its canary."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._found: dict[tuple[int, bytes], tuple[tuple[int, int], ...]] = {}

    def of(self, canary: int, needle: bytes) -> tuple[tuple[int, int], ...]:
        """(body, offset) of `needle`."""
        key = (canary, needle)
        if key not in self._found:
            bodies = enumerate(self._bodies.get(canary, ()))
            self._found[key] = tuple((number, at) for number, body in bodies for at in _all(body, needle))
        return self._found[key]

    def body(self, canary: int, number: int) -> bytes:
        """One body's bytes."""
        return self._bodies[canary][number]


class Extents:
    """The stretches of one canary that were found in one blob. Mutable: it grows by matches."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], list[tuple[int, int]]] = {}
        """By body, and the distance of the blob's bytes from the body's: stretches of the body, in order."""
        self._spelled: dict[int, int] = {}
        """What matched in another spelling: where, and how many bytes."""

    def add_spelled(self, at: int, size: int) -> None:
        """Note a match that can't be extended."""
        self._spelled[at] = size

    def add(self, places: Places, canary: int, needle: bytes, blob: bytes, at: int) -> None:
        """Extend the match of `needle` at offset `at` of `blob`."""
        self._spelled[at] = len(needle)
        for number, offset in places.of(canary, needle):
            stretches = self._found.setdefault((number, at - offset), [])
            if not any(low <= offset < high for low, high in stretches):
                stretches.append(_extended(blob, at, places.body(canary, number), offset))

    def length(self) -> int:
        """Bytes of the canary that are shown, at least."""
        by_body: dict[int, list[tuple[int, int]]] = {}
        for (number, _), stretches in self._found.items():
            by_body.setdefault(number, []).extend(stretches)
        extended = max((united(found)[1] for found in by_body.values()), default=0)
        return extended or united([(at, at + size) for at, size in self._spelled.items()])[1]

    def in_blob(self) -> list[tuple[int, int]]:
        """(begin, end) of what is explained of the blob."""
        if self._found:
            return [
                (low + shift, high + shift)
                for (_, shift), found in self._found.items()
                for low, high in found
            ]
        first, last = min(self._spelled), max(at + size for at, size in self._spelled.items())
        return (
            [(max(0, first - AROUND_BYTES), last + AROUND_BYTES)]
            if len(self._spelled) > 1
            else [(first, last)]
        )


def united(stretches: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], int]:
    """Stretches (begin, end) merged and in order, and their bytes."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(stretches):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged, sum(high - low for low, high in merged)


def between(stretches: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """What `stretches` leave of `size` bytes."""
    inside = [(max(0, low), min(high, size)) for low, high in stretches if low < size and high > 0]
    merged, _ = united(inside)
    edges = [0, *(edge for pair in merged for edge in pair), size]
    return [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high]


def _extended(blob: bytes, at: int, body: bytes, offset: int) -> tuple[int, int]:
    """The stretch of `body` around `offset` that lies around `at` in `blob`."""
    low = high = 0
    limit = min(len(blob) - at, len(body) - offset)
    while (
        high < limit
        and blob[at + high : at + high + STEP_BYTES] == body[offset + high : offset + high + STEP_BYTES]
    ):
        high += STEP_BYTES
    high = min(high, limit)
    while high < limit and blob[at + high] == body[offset + high]:
        high += 1
    limit = min(at, offset)
    while low < limit and blob[at - low - 1] == body[offset - low - 1]:
        low += 1
    return offset - low, offset + high


def _all(body: bytes, needle: bytes) -> list[int]:
    found: list[int] = []
    at = body.find(needle)
    while at >= 0 and len(found) < MAX_PLACES:
        found.append(at)
        at = body.find(needle, at + 1)
    return found
