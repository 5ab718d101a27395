"""Appending to a log: which tiles and bundles to write, and the tree head that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from overt.tlog.merkle import TreeHead, leaf_hash, perfect_hash, range_hash
from overt.tlog.reader import LogReader
from overt.tlog.text import number
from overt.tlog.tiles import (
    ENTRIES,
    FULL_WIDTH,
    HEIGHT,
    Fetch,
    Tile,
    encode_entries,
    encode_hashes,
)


@dataclass(frozen=True)
class Appended:
    """What an append asks for: make every one of `tiles` durable, and only then sign and publish `head`."""

    head: TreeHead
    tiles: dict[str, bytes]
    """Path below the log's prefix → bytes, in any order. The same append after a crash makes the same; before another
    one takes its place, remove what was written of it: full tiles must never be seen with two contents."""


def append(head: TreeHead, entries: Sequence[bytes], fetch: Fetch) -> Appended:
    """Append `entries` to the log whose last tree head is `head`, reading only its right edge: O(log n) tiles.

    The tiles read are authenticated first: a damaged store is noticed here, not signed. Raises `PeerLied` or
    `Malformed` when they are not those of `head`, `Malformed` for an entry over 65,535 bytes, and what `fetch` raises.
    """
    size = number(head.size + len(entries), "tree size")
    reader = LogReader(head, fetch)
    tiles: dict[Tile, bytes] = {}
    last = head.size // FULL_WIDTH
    kept = reader.bundle(last) if head.size % FULL_WIDTH else ()
    for tile, part in _filled(ENTRIES, last, (*kept, *entries) if entries else ()):
        tiles[tile] = encode_entries(part)
    grown = _grow(reader, [leaf_hash(entry) for entry in entries])
    for tile, part in grown.items():
        tiles[tile] = encode_hashes(part)
    return Appended(_head_of(size, reader, grown), {tile.path: data for tile, data in tiles.items()})


def _grow(reader: LogReader, hashes: list[bytes]) -> dict[Tile, list[bytes]]:
    """The tiles that change when the leaf hashes `hashes` are appended; level by level, until none fills."""
    grown: dict[Tile, list[bytes]] = {}
    level = 0
    while hashes:
        count = reader.head.size >> HEIGHT * level
        last = count // FULL_WIDTH
        kept = reader.hashes(level, last) if count % FULL_WIDTH else ()
        added = _filled(level, last, (*kept, *hashes))
        grown.update(added)
        hashes = [perfect_hash(part) for tile, part in added if tile.full]
        level += 1
    return grown


def _filled(level: int, first: int, values: Sequence[bytes]) -> list[tuple[Tile, list[bytes]]]:
    """`values` spread over the tiles from `first` on."""
    parts = [list(values[place : place + FULL_WIDTH]) for place in range(0, len(values), FULL_WIDTH)]
    return [(Tile(level, first + number, len(part)), part) for number, part in enumerate(parts)]


def _head_of(size: int, reader: LogReader, grown: dict[Tile, list[bytes]]) -> TreeHead:
    """The head of the grown tree: its new tiles, and the old ones where nothing changed."""
    new = {(tile.level, tile.index): hashes for tile, hashes in grown.items()}

    def node(level: int, index: int) -> bytes:
        tile_level, inside = divmod(level, HEIGHT)
        first, width = index << inside, 1 << inside
        hashes = new.get((tile_level, first // FULL_WIDTH))
        if hashes is None:
            return reader.node(level, index)
        return perfect_hash(hashes[first % FULL_WIDTH :][:width])

    return TreeHead(size, range_hash(0, size, node))
