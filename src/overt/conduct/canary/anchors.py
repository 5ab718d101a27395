"""Anchors: short stretches of a canary that no other has, dense enough that a slice of the file holds some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from overt.conduct.canary.planned import Planned

ANCHOR_BYTES = 16
SPACING_BYTES = 128
"""From one anchor of a stretch to the next: a slice of 144 incompressible bytes holds one."""
MIN_DISTINCT = 8
"""Different byte values in an anchor: fewer are a pattern that others may have."""


def anchored(planned: Sequence[Planned]) -> tuple[Planned, ...]:
    """The same files with their anchors. Those that occur in any other file are dropped."""
    owners: dict[bytes, int] = {}
    for index, item in enumerate(planned):
        for anchor in _candidates(item):
            owners.setdefault(anchor, index)
    shared = {anchor for index, item in enumerate(planned) for anchor in _foreign(item, index, owners)}
    found: dict[int, list[bytes]] = {}
    for anchor, index in owners.items():
        if anchor not in shared:
            found.setdefault(index, []).append(anchor)
    return tuple(replace(item, anchors=tuple(found.get(index, ()))) for index, item in enumerate(planned))


def _candidates(item: Planned) -> list[bytes]:
    if item.number is None:
        return []
    windows = (
        piece[at : at + ANCHOR_BYTES]
        for piece in item.pieces
        for at in range(0, len(piece) - ANCHOR_BYTES + 1, SPACING_BYTES)
    )
    return [window for window in windows if len(set(window)) >= MIN_DISTINCT]


def _foreign(item: Planned, index: int, owners: dict[bytes, int]) -> set[bytes]:
    """Anchors of others that occur in `item`."""
    found = set()
    for data in (item.data, *item.pieces):
        for at in range(len(data) - ANCHOR_BYTES + 1):
            window = data[at : at + ANCHOR_BYTES]
            if owners.get(window, index) != index:
                found.add(window)
    return found
