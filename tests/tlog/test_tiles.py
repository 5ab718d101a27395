"""Tiles: their paths, the logs that appends make of them, and what a false one does."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import Malformed, PeerLied
from overt.tlog.merkle import EMPTY_TREE, TreeHead, leaf_hash, verify_consistency, verify_inclusion
from overt.tlog.reader import MAX_CACHED_TILES, LogReader
from overt.tlog.tiles import (
    ENTRIES,
    MAX_ENTRY_BYTES,
    Tile,
    encode_entries,
    parse_entries,
    parse_hashes,
    parse_path,
    tile_at,
    tiles_between,
)
from overt.tlog.writer import append
from tests.tlog import reference
from tests.tlog.reference import MemoryLog, UniformLog

SIZES = (1, 2, 3, 255, 256, 257, 511, 512, 513, 700)

tiles = st.builds(Tile, st.integers(ENTRIES, 63), st.integers(0, (1 << 63) - 1), st.integers(1, 256))


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    return MemoryLog(*SIZES)


@given(tiles)
def test_paths_round_trip(tile: Tile) -> None:
    assert parse_path(tile.path) == tile


WRONG_PATHS = """
tile/64/000 tile/00/000 tile/-1/000 tile/+1/000 tile/0/00 tile/0/0000 tile/0/1 tile/0/x000/001 tile/0/001/002
tile/0/x001 tile/0/X001/002 tile/0/000.p/0 tile/0/000.p/256 tile/0/000.p/01 tile/0/000.p/ tile/0/000.p tile/0/000/
/tile/0/000 tile//000 tile/entry/000 tile/entries/x1/000 tile/8/0/000 tile/0/٠٠٠ tile/0/../000 checkpoint
tile/0/x010/x000/x000/x000/x000/x000/000 tile/0/x009/x999/x999/x999/x999/x999/999
""".split()


@pytest.mark.parametrize("path", [*WRONG_PATHS, "", "tile/0/000\n", "tile/0/000.p/1\n", "tile/0/000 "])
def test_other_paths_are_malformed(path: str) -> None:
    with pytest.raises(Malformed):
        parse_path(path)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256))
@settings(max_examples=50, deadline=None)
def test_bundles_round_trip(entries: list[bytes]) -> None:
    data = encode_entries(entries)
    tile = Tile(ENTRIES, 0, len(entries))
    assert list(parse_entries(data, tile)) == entries
    for wrong in (data[:-1], data + b"\0", data + b"\0\0", b"\0\0" + data, b"\xff" + data):
        with pytest.raises(Malformed):
            parse_entries(wrong, tile)


def test_the_longest_entry() -> None:
    longest = bytes(MAX_ENTRY_BYTES)
    assert parse_entries(encode_entries([longest]), Tile(ENTRIES, 0, 1)) == (longest,)
    with pytest.raises(Malformed, match="65535"):
        append(EMPTY_TREE, [longest + b"\0"], {}.__getitem__)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None)
def test_any_appends_make_the_same_log(counts: list[int]) -> None:
    """However entries are batched, roots are the RFC's, tiles are those expected, and none ever changes."""
    log, total = MemoryLog(), reference.entries(sum(counts))
    for count in counts:
        before, size = dict(log.tiles), len(log.entries)
        log.grow(total[size : size + count])
        assert log.head == TreeHead(size + count, reference.mth(total[: size + count]))
        assert before.items() <= log.tiles.items()
        assert {tile.path for tile in tiles_between(size, size + count)} == log.tiles.keys() - before.keys()
    if log.head.size:
        assert list(LogReader(log.head, log.fetch).entries(0)) == total


def test_every_earlier_head_is_proven(log: MemoryLog) -> None:
    reader = LogReader(log.head, log.fetch)
    for old in log.heads:
        verify_consistency(old, log.head, reader.consistency_proof(old.size))
        reader.extends(old)
        assert reader.root_at(old.size) == old.root


def test_every_entry_is_proven_at_every_head(log: MemoryLog) -> None:
    for head in log.heads:
        reader = LogReader(head, log.fetch)
        for index in {0, 1, 2, head.size // 2, head.size - 1} & set(range(head.size)):
            proof = reader.inclusion_proof(index)
            assert list(proof) == reference.path(index, log.entries[: head.size])
            verify_inclusion(leaf_hash(log.entries[index]), index, head, proof)
            assert reader.entry(index) == log.entries[index]


def test_entries_by_range(log: MemoryLog) -> None:
    reader = LogReader(log.head, log.fetch)
    for begin, end in (
        (0, 0),
        (0, 1),
        (255, 257),
        (256, 256),
        (300, 600),
        (699, 700),
        (650, 9999),
        (700, 701),
    ):
        assert list(reader.entries(begin, end)) == log.entries[begin:end]
    for index in (-1, 700):
        with pytest.raises(ValueError):
            reader.entry(index)
    with pytest.raises(ValueError):
        list(reader.entries(-1))


def test_partial_tiles_may_be_gone_once_full(log: MemoryLog) -> None:
    """A log may delete a partial tile when the full one is there; a reader at an old head takes that."""
    kept = {
        path: data
        for path, data in log.tiles.items()
        if ".p/" not in path or "/002.p/188" in path or "/1/" in path
    }
    for size in (3, 255, 257, 511):
        head = TreeHead(size, reference.mth(log.entries[:size]))
        assert list(LogReader(head, kept.__getitem__).entries(0)) == log.entries[:size]
        added = append(head, log.entries[size:], kept.__getitem__)
        assert added.head == log.head and added.tiles.items() <= log.tiles.items()


def test_a_missing_tile_is_the_fetchers_error(log: MemoryLog) -> None:
    with pytest.raises(KeyError):
        LogReader(log.head, {}.__getitem__)


def test_files_may_be_missing_too(log: MemoryLog) -> None:
    def fetch(path: str) -> bytes:
        if ".p/" in path and path not in ("tile/0/002.p/188", "tile/1/000.p/2"):
            raise FileNotFoundError(path)
        return log.tiles[path]

    head = log.heads[SIZES.index(255)]
    assert LogReader(head, fetch).root_at(255) == head.root


@pytest.mark.parametrize("seed", range(40))
def test_no_changed_tile_is_believed(log: MemoryLog, seed: int) -> None:
    """Whatever byte of whatever tile is changed: whoever reads it notices, and everything else is still right."""
    chance = random.Random(seed)
    current = {tile.path for tile in tiles_between(0, log.head.size)}
    path = chance.choice(sorted(current))
    data = bytearray(log.tiles[path])
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    tiles = log.tiles | {path: bytes(data)}
    with pytest.raises((PeerLied, Malformed)):
        reader = LogReader(log.head, tiles.__getitem__)
        assert list(reader.entries(0)) == log.entries
        for index in range(0, log.head.size, 20):
            reader.inclusion_proof(index)


@pytest.mark.parametrize("cut", [b"", b"\0" * 31, None])
def test_no_cut_or_stretched_tile_is_believed(log: MemoryLog, cut: bytes | None) -> None:
    for path in ("tile/0/002.p/188", "tile/0/000", "tile/1/000.p/2", "tile/entries/002.p/188"):
        data = log.tiles[path] + b"\0" * 32 if cut is None else cut
        with pytest.raises(Malformed):
            list(LogReader(log.head, (log.tiles | {path: data}).__getitem__).entries(0))


def test_swapped_tiles_are_noticed(log: MemoryLog) -> None:
    """Full tiles of a tree whose size has many bits set: Go before x/mod 0.40 believed them (CVE-2026-56865)."""
    swapped = log.tiles | {"tile/0/000": log.tiles["tile/0/001"], "tile/0/001": log.tiles["tile/0/000"]}
    reader = LogReader(log.head, swapped.__getitem__)
    with pytest.raises(PeerLied, match="tile/0/000"):
        reader.inclusion_proof(0)


def test_appending_to_a_damaged_store_is_refused(log: MemoryLog) -> None:
    for path in ("tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/002.p/188"):
        data = bytearray(log.tiles[path])
        data[40] ^= 1
        with pytest.raises((PeerLied, Malformed)):
            append(log.head, [b"next"], (log.tiles | {path: bytes(data)}).__getitem__)


@given(st.randoms(use_true_random=False), st.sampled_from([1, 5, 256, 300, 65_537]))
@settings(max_examples=60, deadline=None)
def test_a_server_that_invents_everything(chance: random.Random, size: int) -> None:
    """Well-formed tiles of any content, or of none: nothing is believed, and nothing else goes wrong."""
    head = TreeHead(size, leaf_hash(b"root"))

    def fetch(path: str) -> bytes:
        tile = parse_path(path)
        length = 32 * tile.width if chance.random() < 0.9 else chance.randrange(100)
        return chance.randbytes(length)

    with pytest.raises((PeerLied, Malformed)):
        LogReader(head, fetch)
    with pytest.raises((PeerLied, Malformed)):
        append(head, [b"entry"], fetch)


@pytest.mark.parametrize("written", range(9))
def test_an_interrupted_append_is_done_again(log: MemoryLog, written: int) -> None:
    """Whatever part of it was written, the same append reads and makes the same."""
    before = MemoryLog(257)
    more = reference.entries(600)[257:]
    whole = append(before.head, more, before.fetch)
    assert len(whole.tiles) > 4
    part = dict(list(whole.tiles.items())[:written])
    assert append(before.head, more, (before.tiles | part).__getitem__) == whole


def test_another_history_is_not_extended(log: MemoryLog) -> None:
    other = MemoryLog(300)
    other.grow([b"another", *reference.entries(700)[301:]])
    assert other.head.size == log.head.size and other.head != log.head
    reader = LogReader(other.head, other.fetch)
    reader.extends(log.heads[SIZES.index(257)])
    with pytest.raises(PeerLied):
        reader.extends(log.heads[SIZES.index(511)])
    with pytest.raises(PeerLied):
        reader.extends(log.head)
    with pytest.raises(PeerLied, match="shrank"):
        LogReader(log.heads[0], log.fetch).extends(log.head)


@pytest.mark.parametrize("size", [5_000_000, 1 << 32, (1 << 40) - 1, (1 << 48) + 123_456_789])
def test_huge_logs_read_few_tiles(size: int) -> None:
    """An append and a proof read O(log n) tiles: at most three for each level of tiles."""
    log = UniformLog(size)
    levels = -(-size.bit_length() // 8)
    added = append(log.head, [log.entry] * 300, log.fetch)
    assert added.head.root == log.root(size + 300)
    assert len(log.read) <= levels + 1 and len(added.tiles) <= 2 * levels + 4
    for index in (0, 1, size // 3, size - 1):
        log.read.clear()
        proof = LogReader(log.head, log.fetch).inclusion_proof(index)
        verify_inclusion(log.perfect[0], index, log.head, proof)
        assert len(log.read) <= 3 * levels
    for old in (1, size // 3, size - 1):
        log.read.clear()
        LogReader(log.head, log.fetch).extends(TreeHead(old, log.root(old)))
        assert len(log.read) <= 3 * levels


def test_nothing_past_the_end(log: MemoryLog) -> None:
    reader = LogReader(log.head, log.fetch)
    for level, index in ((0, 700), (3, 87), (8, 2), (9, 1), (10, 0), (16, 0)):
        with pytest.raises(ValueError):
            reader.node(level, index)
    for size in (-1, 701):
        with pytest.raises(ValueError):
            reader.root_at(size)


def test_a_reader_keeps_a_bounded_number_of_tiles() -> None:
    log = UniformLog(256 * (MAX_CACHED_TILES + 20))
    reader = LogReader(log.head, log.fetch)
    for index in range(MAX_CACHED_TILES + 20):
        reader.hashes(0, index)
    log.read.clear()
    reader.hashes(0, MAX_CACHED_TILES)
    assert log.read == []
    reader.hashes(0, 0)
    assert log.read == ["tile/0/000"]


def test_tiles_that_are_none() -> None:
    for level, index, width in ((64, 0, 1), (-2, 0, 1), (0, -1, 1), (0, 1 << 63, 1), (0, 0, 0), (0, 0, 257)):
        with pytest.raises(Malformed):
            Tile(level, index, width)
    with pytest.raises(ValueError):
        tile_at(0, 1, 256)
    with pytest.raises(Malformed):
        parse_hashes(bytes(32), Tile(0, 0, 2))
