"""A tree as static resources: paths and widths of tiles, and bundles of entries (c2sp.org/tlog-tiles)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from overt.core.errors import Malformed
from overt.tlog.text import HASH_BYTES, MAX_NUMBER, checked_hash, number, shown

Fetch = Callable[[str], bytes]
"""A resource's path below the log's prefix → its bytes. Raises `LookupError` or `FileNotFoundError` for none there
(a dict's `__getitem__` will do); anything else it raises comes out of the function that was called."""

HEIGHT = 8
"""Levels of the tree that one tile spans."""

FULL_WIDTH = 1 << HEIGHT
"""Hashes in a full tile, entries in a full bundle."""

MAX_ENTRY_BYTES = 0xFFFF
"""What the uint16 length of an entry can say."""

MAX_BUNDLE_BYTES = FULL_WIDTH * (2 + MAX_ENTRY_BYTES)
"""The largest entry bundle; a tile has at most `FULL_WIDTH * HASH_BYTES`. Bounds for whoever fetches."""

MAX_LEVEL = 63
"""The largest tile level that a path may name ("Merkle Tree")."""

ENTRIES = -1
"""The level that stands for entry bundles."""

CHECKPOINT_PATH = "checkpoint"
"""Where the log's newest checkpoint is: its one mutable resource ("Checkpoints")."""

_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?", re.ASCII)


@dataclass(frozen=True, order=True)
class Tile:
    """One tile or, at level `ENTRIES`, one entry bundle: which one, and how many of its 256 places are filled."""

    level: int
    index: int
    width: int = FULL_WIDTH

    def __post_init__(self) -> None:
        number(self.level + 1, "tile level, plus one", MAX_LEVEL + 1)
        number(self.index, "tile index")
        number(self.width - 1, "tile width, less one", FULL_WIDTH - 1)

    @property
    def path(self) -> str:
        """The resource's path below the log's prefix ("Merkle Tree", "Log entries"): `tile/0/x001/x234/067.p/8`."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        suffix = "" if self.full else f".p/{self.width}"
        return f"tile/{level}/{_index_path(self.index)}{suffix}"

    @property
    def full(self) -> bool:
        """Whether all places are filled, so that the tile never changes again."""
        return self.width == FULL_WIDTH

    @property
    def parent(self) -> tuple[int, int, int]:
        """Level and index of the tile that holds this full tile's hash, and its place there."""
        return self.level + 1, self.index // FULL_WIDTH, self.index % FULL_WIDTH


def parse_path(path: str) -> Tile:
    """The tile that `path` names, in the one form that names it. Raises `Malformed`."""
    match = _PATH.fullmatch(path)
    if match:
        level = ENTRIES if match[1] == "entries" else int(match[1])
        index = int(match[2].replace("/", "").replace("x", ""))
        width = FULL_WIDTH if match[3] is None else int(match[3])
        if level <= MAX_LEVEL and index <= MAX_NUMBER and 0 < width <= FULL_WIDTH:
            tile = Tile(level, index, width)
            if tile.path == path:
                return tile
    raise Malformed(f"path of a tile: {shown(path)} is none, see c2sp.org/tlog-tiles")


def tile_at(level: int, index: int, size: int) -> Tile:
    """The tile as a tree of `size` leaves has it, full or partial. Raises `ValueError` when it has none there."""
    width = min(_count(level, size) - index * FULL_WIDTH, FULL_WIDTH)
    if width <= 0:
        raise ValueError(f"a tree of {size} leaves has no tile {index} at level {level}")
    return Tile(level, index, width)


def tiles_between(old_size: int, size: int) -> Iterator[Tile]:
    """The tiles and bundles that a tree of `size` leaves has and one of `old_size` has not, level by level."""
    for level in range(ENTRIES, MAX_LEVEL + 1):
        old_count, count = _count(level, old_size), _count(level, size)
        if not count:
            return
        if count != old_count:
            for index in range(old_count // FULL_WIDTH, -(-count // FULL_WIDTH)):
                yield tile_at(level, index, size)


def parse_hashes(data: bytes, tile: Tile) -> tuple[bytes, ...]:
    """The tile's hashes. Raises `Malformed` unless there are exactly as many as it is wide."""
    if len(data) != tile.width * HASH_BYTES:
        raise Malformed(f"{tile.path}: {len(data)} bytes, not {tile.width} hashes of {HASH_BYTES} bytes")
    return tuple(data[place : place + HASH_BYTES] for place in range(0, len(data), HASH_BYTES))


def encode_hashes(hashes: Sequence[bytes]) -> bytes:
    """A tile's bytes."""
    return b"".join(checked_hash(value, "hash of a tile") for value in hashes)


def parse_entries(data: bytes, tile: Tile) -> tuple[bytes, ...]:
    """The bundle's entries ("Log entries"). Raises `Malformed` unless there are exactly as many as it is wide."""
    entries: list[bytes] = []
    place = 0
    while place < len(data) and len(entries) < tile.width:
        begin = place + 2
        place = begin + int.from_bytes(data[place:begin], "big")
        entries.append(data[begin:place])
    if place != len(data) or len(entries) != tile.width:
        raise Malformed(f"{tile.path}: {len(data)} bytes are not a bundle of {tile.width} entries")
    return tuple(entries)


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """A bundle's bytes. Raises `Malformed` for an entry of more than 65,535 bytes."""
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise Malformed(
                f"log entry: {len(entry)} bytes are more than {MAX_ENTRY_BYTES}; log a hash of it instead"
            )
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _index_path(index: int) -> str:
    """`index` in three-digit elements, all but the last marked by an `x`."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def _count(level: int, size: int) -> int:
    """How many hashes (or entries) a tree of `size` leaves has at a tile level: floor(size / 256^level)."""
    return size >> HEIGHT * max(level, 0)
