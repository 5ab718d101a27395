"""A log read through its tiles: every tile is authenticated against the tree's root before anything uses it.

The hash of a full tile is in its parent; the hashes of the partial tiles, on the right edge, make up the root. So a
reader that starts from a trusted tree head asks for O(log n) tiles, and whoever serves them can tell it nothing false.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from overt.core.errors import PeerLied
from overt.tlog.merkle import (
    TreeHead,
    leaf_hash,
    perfect_hash,
    prove_consistency,
    prove_inclusion,
    range_hash,
    verify_consistency,
)
from overt.tlog.tiles import (
    ENTRIES,
    FULL_WIDTH,
    HEIGHT,
    Fetch,
    Tile,
    encode_entries,
    encode_hashes,
    parse_entries,
    parse_hashes,
    tile_at,
)

MAX_CACHED_TILES = 512
"""Tiles kept by one reader: 4 MiB. The path from the root to a leaf of a billion is four."""


class LogReader:
    """The log at one tree head. Not for use by several threads at once."""

    def __init__(self, head: TreeHead, fetch: Fetch) -> None:
        """Read the right edge through `fetch` and check that it makes up `head.root`.

        Raises `PeerLied` when it does not, `Malformed` for tiles that are none, and what `fetch` raises.
        """
        self.head = head
        self._fetch = fetch
        self._tiles: OrderedDict[tuple[int, int], tuple[bytes, ...]] = OrderedDict()
        self._edge: dict[tuple[int, int], tuple[bytes, ...]] = {}
        self._read_edge()

    def _read_edge(self) -> None:
        """Partial tiles are authentic once they make up the root: all of their hashes are in it."""
        for level in range((self.head.size.bit_length() + HEIGHT - 1) // HEIGHT):
            if self.head.size >> HEIGHT * level & FULL_WIDTH - 1:
                tile = tile_at(level, self.head.size >> HEIGHT * (level + 1), self.head.size)
                self._edge[level, tile.index] = parse_hashes(self._resource(tile), tile)
        if range_hash(0, self.head.size, self.node) != self.head.root:
            raise PeerLied(
                f"the tiles served for the tree of {self.head.size} entries do not have its root hash"
            )

    def node(self, level: int, index: int) -> bytes:
        """The hash of the perfect subtree over leaves [index · 2^level, (index + 1) · 2^level): a `NodeSource`.

        Raises `PeerLied` or `Malformed` for a tile that is not the tree's, `ValueError` past its end.
        """
        tile_level, inside = divmod(level, HEIGHT)
        first = index << inside
        hashes = self.hashes(tile_level, first // FULL_WIDTH)
        place = first % FULL_WIDTH
        if place + (1 << inside) > len(hashes):
            raise ValueError(
                f"a tree of {self.head.size} leaves has no perfect subtree {index} at level {level}"
            )
        return perfect_hash(hashes[place : place + (1 << inside)])

    def hashes(self, level: int, index: int) -> tuple[bytes, ...]:
        """The hashes of one tile as this tree has it, authenticated; raises as `node` does."""
        known = self._edge.get((level, index)) or self._tiles.get((level, index))
        if known:
            if (level, index) in self._tiles:
                self._tiles.move_to_end((level, index))
            return known
        tile = tile_at(level, index, self.head.size)
        hashes = parse_hashes(self._resource(tile), tile)
        parent_level, parent_index, place = tile.parent
        if perfect_hash(hashes) != self.hashes(parent_level, parent_index)[place]:
            raise PeerLied(f"{tile.path} is not the tile of the tree of {self.head.size} entries")
        self._tiles[level, index] = hashes
        if len(self._tiles) > MAX_CACHED_TILES:
            self._tiles.popitem(last=False)
        return hashes

    def inclusion_proof(self, index: int) -> tuple[bytes, ...]:
        """That leaf `index` is in this tree. Raises `ValueError` for no such leaf, and as `node` does."""
        return prove_inclusion(index, self.head.size, self.node)

    def consistency_proof(self, old_size: int) -> tuple[bytes, ...]:
        """That this tree appends to its first `old_size` leaves. Raises `ValueError` past its end, else as `node`."""
        return prove_consistency(old_size, self.head.size, self.node)

    def extends(self, old: TreeHead) -> None:
        """Check that this tree only appends to `old`. Raises `PeerLied` when it does not, and as `node` does."""
        proof = self.consistency_proof(old.size) if old.size <= self.head.size else ()
        verify_consistency(old, self.head, proof)

    def root_at(self, size: int) -> bytes:
        """The root hash that the first `size` leaves of this tree have. Raises `ValueError` past its end."""
        if not 0 <= size <= self.head.size:
            raise ValueError(f"a tree of {self.head.size} leaves never had {size}")
        return range_hash(0, size, self.node)

    def entry(self, index: int) -> bytes:
        """One entry, authenticated. Raises `ValueError` for no such leaf, else as `entries` does."""
        if not 0 <= index < self.head.size:
            raise ValueError(f"a tree of {self.head.size} leaves has no leaf {index}")
        return next(self.entries(index, index + 1))

    def entries(self, begin: int, end: int | None = None) -> Iterator[bytes]:
        """Entries [begin, end) in order, each authenticated; one bundle in memory at a time.

        Raises `PeerLied` for a bundle that is not the tree's, `Malformed`, and what `fetch` raises; `ValueError` for a
        negative `begin`.
        """
        if begin < 0:
            raise ValueError(f"no leaf {begin}")
        stop = self.head.size if end is None else min(end, self.head.size)
        while begin < stop:
            bundle = self.bundle(begin // FULL_WIDTH)
            first = begin // FULL_WIDTH * FULL_WIDTH
            yield from bundle[begin - first : stop - first]
            begin = first + FULL_WIDTH

    def bundle(self, index: int) -> tuple[bytes, ...]:
        """The entries of one bundle as this tree has it, authenticated; raises as `entries` does."""
        tile = tile_at(ENTRIES, index, self.head.size)
        entries = parse_entries(self._resource(tile), tile)
        if tuple(leaf_hash(entry) for entry in entries) != self.hashes(0, index):
            raise PeerLied(f"{tile.path} holds other entries than the tree of {self.head.size} entries")
        return entries

    def _resource(self, tile: Tile) -> bytes:
        """The tile's bytes; when a partial one is gone, its part of the full one ("Partial Tiles")."""
        try:
            return self._fetch(tile.path)
        except (LookupError, FileNotFoundError):
            if tile.full:
                raise
            return _part(self._fetch(Tile(tile.level, tile.index).path), tile)


def _part(data: bytes, tile: Tile) -> bytes:
    """The bytes of the partial `tile` out of those of the full one."""
    full = Tile(tile.level, tile.index)
    if tile.level == ENTRIES:
        return encode_entries(parse_entries(data, full)[: tile.width])
    return encode_hashes(parse_hashes(data, full)[: tile.width])
