"""Independent Python log libraries read and verify what this one makes, and it what they make.

`tlog-scales` implements tiles, checkpoints and cosignatures; `metamorphic-log` (Rust) verifies notes, checkpoints and
proofs; `pymerkle` is a general Merkle tree with proofs, RFC 6962's hashes and another shape of proof.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.exceptions import InvalidSignature

from overt.core.errors import PeerLied
from overt.tlog import note, signing
from overt.tlog.checkpoint import parse_text
from overt.tlog.keys import MemorySigner, SignatureType, parse_key
from overt.tlog.merkle import TreeHead, leaf_hash, prove_consistency, verify_consistency, verify_inclusion
from overt.tlog.reader import LogReader
from overt.tlog.tiles import CHECKPOINT_PATH
from tests.conftest import require
from tests.tlog.reference import LOG as LOG_KEY
from tests.tlog.reference import MemoryLog, sha256, signed, signer
from tests.tlog.test_tiles import SIZES

LOG = MemoryLog(*SIZES)
WITNESSES = [signer("w1.example"), signer("w2.example", SignatureType.ML_DSA_44_COSIGNATURE)]
ASCII_LOG = signer("log.example/ascii", SignatureType.ED25519)


def peer(name: str) -> ModuleType:
    """A module of the dev group."""
    try:
        return importlib.import_module(name)
    except ImportError:
        require(False, name.partition(".")[0])
        raise


def on_disk(log: MemoryLog, folder: Path) -> Path:
    for path, data in log.tiles.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    (folder / CHECKPOINT_PATH).write_bytes(signed(log.head, *WITNESSES, log=ASCII_LOG).encode())
    return folder


def test_tlog_scales_reads_our_log(tmp_path: Path) -> None:
    """Its checkpoint with all three kinds of signature, its root from our tiles, each entry with its proof."""
    backend, scales, keys = (
        peer("tlog_scales.backend"),
        peer("tlog_scales.reader"),
        peer("tlog_scales.signing"),
    )
    reader = scales.TilesReader(backend.LocalBackend(on_disk(LOG, tmp_path)))
    read = reader.get_checkpoint()
    for one in (ASCII_LOG, *WITNESSES):
        read.verify(keys.Vkey.from_string(one.key.encode()))
    assert (read.size, reader.calculate_root_hash()) == (LOG.head.size, LOG.head.root)
    ours = LogReader(LOG.head, LOG.fetch)
    for index in (0, 255, 256, 699):
        assert reader.get_entry(index) == LOG.entries[index]
        proof = reader.get_inclusion_proof(index, LOG.head.size)
        assert tuple(proof.node_hashes) == ours.inclusion_proof(index)
        proof.check(leaf_hash(LOG.entries[index]), LOG.head.root)
    for old in LOG.heads:
        proof = reader.get_consistency_proof(old.size, LOG.head.size)
        assert tuple(proof.node_hashes) == ours.consistency_proof(old.size)
        proof.check(old.root, LOG.head.root)


def test_tlog_scales_refuses_a_changed_cosignature(tmp_path: Path) -> None:
    backend, scales, keys = (
        peer("tlog_scales.backend"),
        peer("tlog_scales.reader"),
        peer("tlog_scales.signing"),
    )
    path = on_disk(LOG, tmp_path) / CHECKPOINT_PATH
    text = path.read_text().replace(f"\n{LOG.head.size}\n", f"\n{LOG.head.size - 1}\n")
    path.write_text(text)
    read = scales.TilesReader(backend.LocalBackend(tmp_path)).get_checkpoint()
    for one in (ASCII_LOG, *WITNESSES):
        with pytest.raises(InvalidSignature):
            read.verify(keys.Vkey.from_string(one.key.encode()))


def test_we_read_tlog_scales_log(tmp_path: Path) -> None:
    """A log that it wrote in several commits: its keys, checkpoint, tiles and entries are the same as ours."""
    writing, keys = peer("tlog_scales.writer"), peer("tlog_scales.signing")
    plain = keys.PlainEd25519Signer("scales.example", sha256(b"a seed"))
    quantum = keys.MLDSA44CosignatureSigner("w.example", sha256(b"another"))
    writer = writing.TilesWriter.create(tmp_path / "log", "scales.example")
    for begin, end in ((0, 3), (3, 300), (300, 700)):
        for entry in LOG.entries[begin:end]:
            writer.add_leaf(entry)
        writer.commit([plain, quantum], gc=False)
    theirs = note.parse((tmp_path / "log" / CHECKPOINT_PATH).read_bytes())
    log_key, witness_key = parse_key(plain.vkey.serialize()), parse_key(quantum.vkey.serialize())
    assert signing.open_checkpoint(theirs, [log_key]).head == LOG.head
    assert [one.key for one in signing.verify(theirs, [log_key, witness_key])] == [log_key, witness_key]
    reader = LogReader(LOG.head, lambda path: (tmp_path / "log" / path).read_bytes())
    assert list(reader.entries(0)) == LOG.entries
    reader.extends(LOG.heads[0])


def test_same_keys_of_same_seeds() -> None:
    keys = peer("tlog_scales.signing")
    for kind, theirs in (
        (SignatureType.ED25519, keys.PlainEd25519Signer),
        (SignatureType.ML_DSA_44_COSIGNATURE, keys.MLDSA44CosignatureSigner),
    ):
        seed = sha256(kind.name.encode())
        assert (
            MemorySigner("a.example", kind, seed).key.encode() == theirs("a.example", seed).vkey.serialize()
        )


def test_metamorphic_log_verifies_our_notes() -> None:
    metamorphic = peer("metamorphic_log")
    text = signed(LOG.head).encode().decode()
    head = metamorphic.checkpoint_verify(text, [LOG_KEY.key.encode()])
    assert (head.origin, head.size, bytes(head.root)) == (LOG_KEY.key.name, LOG.head.size, LOG.head.root)
    assert metamorphic.verify_signed_note(text, [LOG_KEY.key.encode()]) == 1
    parsed = metamorphic.checkpoint_parse(signed(LOG.head).text)
    assert parsed.size == parse_text(signed(LOG.head).text).head.size
    for wrong in (text.replace("\n700\n", "\n701\n"), text.replace("— ", "- ")):
        with pytest.raises(metamorphic.VerifyError):
            metamorphic.checkpoint_verify(wrong, [LOG_KEY.key.encode()])


def test_metamorphic_log_verifies_our_proofs() -> None:
    metamorphic = peer("metamorphic_log")
    reader = LogReader(LOG.head, LOG.fetch)
    vkeys = [LOG_KEY.key.encode()]
    newest = signed(LOG.head).encode().decode()
    for index in (0, 1, 255, 256, 512, 699):
        leaf, proof = leaf_hash(LOG.entries[index]), list(reader.inclusion_proof(index))
        metamorphic.verify_inclusion(index, LOG.head.size, leaf, proof, LOG.head.root)
        metamorphic.checkpoint_verify_inclusion(newest, vkeys, index, leaf, proof)
        with pytest.raises(metamorphic.VerifyError):
            metamorphic.verify_inclusion(index, LOG.head.size, sha256(leaf), proof, LOG.head.root)
    for old in LOG.heads:
        proof = list(reader.consistency_proof(old.size))
        metamorphic.verify_consistency(old.size, LOG.head.size, proof, old.root, LOG.head.root)
        metamorphic.checkpoint_verify_consistency(signed(old).encode().decode(), newest, vkeys, proof)
        with pytest.raises(metamorphic.VerifyError):
            metamorphic.verify_consistency(old.size, LOG.head.size, proof, sha256(old.root), LOG.head.root)


def test_pymerkle_has_the_same_roots() -> None:
    merkle = peer("pymerkle")
    tree = merkle.InmemoryTree(algorithm="sha256")
    for entry in LOG.entries:
        tree.append_entry(entry)
    for head in LOG.heads:
        assert tree.get_root(head.size) == head.root


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 300])
def test_pymerkle_proofs_are_ours(size: int) -> None:
    """Its paths begin with the leaf, and its consistency paths with a common subtree: the rest is the RFC's proof."""
    merkle = peer("pymerkle")
    tree = merkle.InmemoryTree(algorithm="sha256")
    for entry in LOG.entries[:size]:
        tree.append_entry(entry)
    head = TreeHead(size, tree.get_root())
    reader = LogReader(LOG.head, LOG.fetch)
    assert reader.root_at(size) == head.root
    for index in range(1, size + 1, 1 + size // 9):
        path = tuple(tree.prove_inclusion(index).path)
        assert path[0] == leaf_hash(LOG.entries[index - 1])
        verify_inclusion(path[0], index - 1, head, path[1:])
        with pytest.raises(PeerLied):
            verify_inclusion(sha256(path[0]), index - 1, head, path[1:])
    for old in range(1, size, 1 + size // 9):
        merkle.verify_consistency(reader.root_at(old), head.root, tree.prove_consistency(old))
        verify_consistency(TreeHead(old, tree.get_root(old)), head, prove_consistency(old, size, reader.node))
