"""Merkle trees of RFC 6962 §2.1 (the same as RFC 9162 §2.1): hashes, and proofs made and verified.

Making a proof needs the hashes of perfect subtrees: a `NodeSource` gives them, so that a tree of millions of leaves is
never held. Verifying needs nothing but its arguments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from overt.core.errors import PeerLied
from overt.tlog.text import checked_hash, checked_proof, number

NodeSource = Callable[[int, int], bytes]
"""(level, index) → the hash of the perfect subtree over leaves [index · 2^level, (index + 1) · 2^level)."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""RFC 6962 §2.1: the hash of the empty tree."""


@dataclass(frozen=True)
class TreeHead:
    """How many leaves a tree has, and its root hash. Raises `Malformed` for an impossible size or hash."""

    size: int
    root: bytes

    def __post_init__(self) -> None:
        number(self.size, "tree size")
        checked_hash(self.root, "root hash")


EMPTY_TREE = TreeHead(0, EMPTY_ROOT)


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962 §2.1: SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 §2.1: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def perfect_hash(hashes: Sequence[bytes]) -> bytes:
    """The root over `hashes`, whose count is a power of two."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[place], row[place + 1]) for place in range(0, len(row), 2)]
    return row[0]


def range_hash(begin: int, end: int, node: NodeSource) -> bytes:
    """MTH(D[begin:end]) of RFC 6962 §2.1, where `begin` is a multiple of the smallest power of two ≥ end - begin."""
    parts = [node(level, index) for level, index in _perfect_parts(begin, end)]
    if not parts:
        return EMPTY_ROOT
    result = parts.pop()
    while parts:
        result = node_hash(parts.pop(), result)
    return result


def prove_inclusion(index: int, size: int, node: NodeSource) -> tuple[bytes, ...]:
    """PATH(index, D[size]) of RFC 6962 §2.1.1, from the leaf's sibling up. Raises `ValueError` for no such leaf."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    begin, end, ranges = 0, size, []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    return tuple(range_hash(*part, node) for part in reversed(ranges))


def prove_consistency(old_size: int, size: int, node: NodeSource) -> tuple[bytes, ...]:
    """PROOF(old_size, D[size]) of RFC 6962 §2.1.2; empty when either is nothing to prove (0, or the same size).

    Raises `ValueError` when the old tree is the larger one.
    """
    if not 0 <= old_size <= size:
        raise ValueError(f"a tree of {size} leaves never had {old_size}")
    if old_size == 0:
        return ()
    begin, end, ranges = 0, size, []
    while old_size != end:
        middle = begin + _split(end - begin)
        if old_size <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    if begin:
        ranges.append((begin, end))
    return tuple(range_hash(*part, node) for part in reversed(ranges))


def verify_inclusion(leaf: bytes, index: int, head: TreeHead, proof: tuple[bytes, ...]) -> None:
    """Check that `leaf` (a leaf hash) is leaf `index` of the tree `head` (RFC 9162 §2.1.3.2).

    Raises `PeerLied` when it is not, `Malformed` for hashes that are none.
    """
    checked_hash(leaf, "leaf hash")
    checked_proof(proof, "inclusion proof")
    if not 0 <= index < head.size or len(proof) != _inclusion_length(index, head.size):
        raise PeerLied(f"inclusion proof of {len(proof)} hashes is not one for leaf {index} of {head.size}")
    at, last, result = index, head.size - 1, leaf
    for sibling in proof:
        if at & 1 or at == last:
            result = node_hash(sibling, result)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        at, last = at >> 1, last >> 1
    if last or result != head.root:
        raise PeerLied(
            f"inclusion proof of leaf {index} does not lead to the root of the tree of {head.size}"
        )


def verify_consistency(old: TreeHead, new: TreeHead, proof: tuple[bytes, ...]) -> None:
    """Check that the tree `new` only appends to `old` (RFC 9162 §2.1.4.2, and the empty tree as tlog-witness has it).

    Raises `PeerLied` when that is not shown: the log shrank, rewrote history, or sent the proof of something else.
    """
    checked_proof(proof, "consistency proof")
    if old.size > new.size:
        raise PeerLied(f"the log shrank from {old.size} to {new.size} entries")
    for head in (old, new):
        if head.size == 0 and head.root != EMPTY_ROOT:
            raise PeerLied("an empty tree has another root hash than the empty tree's")
    if old.size in (0, new.size):
        if proof or (old.size and old.root != new.root):
            raise PeerLied(f"trees of {old.size} and {new.size} entries are not consistent without a proof")
        return
    if _replayed(old, new, proof) != (old.root, new.root):
        raise PeerLied(f"consistency proof from {old.size} to {new.size} entries does not lead to both roots")


def _replayed(old: TreeHead, new: TreeHead, proof: tuple[bytes, ...]) -> tuple[bytes, bytes] | None:
    """Both roots as the proof has them; `None` when it has another length than such a proof has."""
    path = proof if old.size & (old.size - 1) else (old.root, *proof)
    at, last = old.size - 1, new.size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not path:
        return None
    first = second = path[0]
    for value in path[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            first, second = node_hash(value, first), node_hash(value, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, value)
        at, last = at >> 1, last >> 1
    return None if last else (first, second)


def _split(count: int) -> int:
    """The largest power of two smaller than `count` (RFC 6962 §2.1: k)."""
    return 1 << (count - 1).bit_length() - 1


def _perfect_parts(begin: int, end: int) -> list[tuple[int, int]]:
    """The perfect subtrees, left to right, that [begin, end) consists of: (level, index)."""
    parts = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        parts.append((level, begin >> level))
        begin += 1 << level
    return parts


def _inclusion_length(index: int, size: int) -> int:
    """How many hashes PATH(index, D[size]) has: where the path is inside, all levels; on the right edge, the ones."""
    inner = (index ^ (size - 1)).bit_length()
    return inner + (index >> inner).bit_count()
