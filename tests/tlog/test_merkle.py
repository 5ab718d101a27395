"""Hashes and proofs against the RFC's recursive definitions, and against every small lie."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import Malformed, PeerLied
from overt.tlog.merkle import (
    EMPTY_ROOT,
    EMPTY_TREE,
    TreeHead,
    leaf_hash,
    perfect_hash,
    prove_consistency,
    prove_inclusion,
    range_hash,
    verify_consistency,
    verify_inclusion,
)
from tests.tlog import reference

SMALL = 40
LEAVES = reference.entries(400)


def node(level: int, index: int) -> bytes:
    part = LEAVES[index << level : (index + 1) << level]
    assert len(part) == 1 << level
    return perfect_hash([leaf_hash(leaf) for leaf in part])


def head(size: int) -> TreeHead:
    return TreeHead(size, reference.mth(LEAVES[:size]))


@pytest.mark.parametrize("size", range(SMALL))
def test_every_small_tree(size: int) -> None:
    """Roots, and all proofs of all trees up to 40 leaves: as defined, and verified."""
    tree = head(size)
    assert range_hash(0, size, node) == tree.root
    for index in range(size):
        proof = prove_inclusion(index, size, node)
        assert list(proof) == reference.path(index, LEAVES[:size])
        verify_inclusion(leaf_hash(LEAVES[index]), index, tree, proof)
    for old_size in range(size + 1):
        proof = prove_consistency(old_size, size, node)
        assert list(proof) == reference.proof(old_size, LEAVES[:size])
        verify_consistency(head(old_size), tree, proof)


@pytest.mark.parametrize("size", range(1, 18))
def test_inclusion_proofs_fit_one_leaf_of_one_tree(size: int) -> None:
    for index in range(size):
        proof = prove_inclusion(index, size, node)
        for other_size in range(20):
            for other in range(20):
                if (other, other_size) != (index, size):
                    with pytest.raises(PeerLied):
                        verify_inclusion(leaf_hash(LEAVES[index]), other, head(other_size), proof)


@pytest.mark.parametrize("size", range(1, 14))
def test_consistency_proofs_fit_one_pair_of_trees(size: int) -> None:
    for old_size in range(1, size):
        proof = prove_consistency(old_size, size, node)
        for other_size in range(16):
            for other in range(1, 16):
                if (other, other_size) != (old_size, size):
                    with pytest.raises(PeerLied):
                        verify_consistency(head(other), head(other_size), proof)


sizes = st.integers(1, len(LEAVES))


@given(st.data(), sizes)
@settings(max_examples=80, deadline=None)
def test_no_flipped_bit_in_an_inclusion_proof(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, tree, leaf = prove_inclusion(index, size, node), head(size), leaf_hash(LEAVES[index])
    verify_inclusion(leaf, index, tree, proof)
    parts = [leaf, tree.root, *proof]
    place = data.draw(st.integers(0, len(parts) - 1))
    parts[place] = flipped(parts[place], data.draw(st.integers(0, 255)))
    with pytest.raises(PeerLied):
        verify_inclusion(parts[0], index, TreeHead(size, parts[1]), tuple(parts[2:]))


@given(st.data(), sizes)
@settings(max_examples=80, deadline=None)
def test_no_flipped_bit_in_a_consistency_proof(data: st.DataObject, size: int) -> None:
    old_size = data.draw(st.integers(1, size))
    proof = prove_consistency(old_size, size, node)
    verify_consistency(head(old_size), head(size), proof)
    parts = [head(old_size).root, head(size).root, *proof]
    place = data.draw(st.integers(0, len(parts) - 1))
    parts[place] = flipped(parts[place], data.draw(st.integers(0, 255)))
    with pytest.raises(PeerLied):
        verify_consistency(TreeHead(old_size, parts[0]), TreeHead(size, parts[1]), tuple(parts[2:]))


@given(st.data(), sizes)
@settings(max_examples=60, deadline=None)
def test_no_longer_or_shorter_proof(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = prove_inclusion(index, size, node)
    for wrong in (proof[1:], proof[:-1], (*proof, EMPTY_ROOT), (EMPTY_ROOT, *proof)):
        if wrong != proof:
            with pytest.raises(PeerLied):
                verify_inclusion(leaf_hash(LEAVES[index]), index, head(size), wrong)
    old_size = data.draw(st.integers(0, size))
    proof = prove_consistency(old_size, size, node)
    for wrong in (proof[1:], proof[:-1], (*proof, EMPTY_ROOT), (EMPTY_ROOT, *proof)):
        if wrong != proof:
            with pytest.raises(PeerLied):
                verify_consistency(head(old_size), head(size), wrong)


def test_hashes_of_other_lengths_are_malformed() -> None:
    """An empty root and an empty leaf must never meet in a comparison."""
    for wrong in (b"", b"\0" * 31, b"\0" * 33):
        with pytest.raises(Malformed):
            TreeHead(1, wrong)
        with pytest.raises(Malformed):
            verify_inclusion(wrong, 0, head(1), ())
        with pytest.raises(Malformed):
            verify_inclusion(leaf_hash(LEAVES[0]), 0, head(2), (wrong,))
        with pytest.raises(Malformed):
            verify_consistency(head(1), head(2), (wrong,))


def test_too_many_hashes_are_malformed() -> None:
    with pytest.raises(Malformed):
        verify_consistency(head(1), head(2), (EMPTY_ROOT,) * 64)


@pytest.mark.parametrize("size", [-1, 1 << 63, 1 << 64])
def test_impossible_sizes_are_malformed(size: int) -> None:
    with pytest.raises(Malformed):
        TreeHead(size, EMPTY_ROOT)


def test_the_empty_tree_is_consistent_with_all() -> None:
    verify_consistency(EMPTY_TREE, EMPTY_TREE, ())
    verify_consistency(EMPTY_TREE, head(5), ())
    with pytest.raises(PeerLied):
        verify_consistency(EMPTY_TREE, head(5), (EMPTY_ROOT,))
    with pytest.raises(PeerLied):
        verify_consistency(TreeHead(0, leaf_hash(b"")), head(5), ())
    with pytest.raises(PeerLied):
        verify_consistency(EMPTY_TREE, TreeHead(0, leaf_hash(b"")), ())
    with pytest.raises(PeerLied):
        verify_consistency(TreeHead(0, leaf_hash(b"")), TreeHead(0, leaf_hash(b"")), ())


def test_a_log_never_shrinks_or_forks() -> None:
    with pytest.raises(PeerLied, match="shrank from 5 to 4"):
        verify_consistency(head(5), head(4), ())
    with pytest.raises(PeerLied):
        verify_consistency(head(5), TreeHead(5, EMPTY_ROOT), ())
    verify_consistency(head(5), head(5), ())


@pytest.mark.parametrize("old_size", [1, 2, 3, 5, 6])
def test_growth_is_not_shown_by_nothing(old_size: int) -> None:
    with pytest.raises(PeerLied):
        verify_consistency(head(old_size), head(7), ())


def test_nothing_to_prove_is_a_programming_error() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 5)):
        with pytest.raises(ValueError):
            prove_inclusion(index, size, node)
    for old, size in ((6, 5), (-1, 5)):
        with pytest.raises(ValueError):
            prove_consistency(old, size, node)


def flipped(data: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(data))
