"""Go's checksum database code and this library read, verify and prove each other's logs."""

from __future__ import annotations

import base64
import dataclasses

import pytest

from overt.core.errors import PeerLied
from overt.tlog import note, signing
from overt.tlog.checkpoint import parse_text
from overt.tlog.keys import MemorySigner, SignatureType
from overt.tlog.merkle import TreeHead, leaf_hash, prove_inclusion, verify_consistency, verify_inclusion
from overt.tlog.note import Note, Signature
from overt.tlog.reader import LogReader
from overt.tlog.tiles import ENTRIES, tiles_between
from tests.tlog.conftest import Answer, Go, b64
from tests.tlog.reference import MemoryLog, sha256, signed, signer
from tests.tlog.test_notes import WRONG_NOTES
from tests.tlog.test_tiles import SIZES

LOG = MemoryLog(*SIZES)
NAME = "go.example/log"
SEED = sha256(b"a seed that both know")
PLAIN = MemorySigner(NAME, SignatureType.ED25519, SEED)
SKEY = f"PRIVATE+KEY+{NAME}+{PLAIN.key.key_id.hex()}+{b64(bytes((1,)) + SEED)}"


def proof_request(op: str, head: TreeHead, **more: object) -> Answer:
    return {"Op": op, "Size": head.size, "Root": b64(head.root), **more}


def hashes(proof: object) -> list[str]:
    assert isinstance(proof, tuple)
    return [b64(value) for value in proof]


def decoded(answer: Answer) -> tuple[bytes, ...]:
    assert not answer["Error"], answer["Error"]
    return tuple(base64.b64decode(value) for value in answer["Proof"] or ())


def test_go_opens_our_notes(go: Go) -> None:
    witness = signer("w1.example")
    made = signed(LOG.head, witness)
    vkeys = [
        line.encode() for line in (signer(made.signatures[0].name, SignatureType.ED25519).key, witness.key)
    ]
    answer = go({"Op": "open", "Note": made.encode().decode(), "Vkeys": vkeys})[0]
    assert (answer["Error"], answer["Text"]) == ("", made.text)
    assert answer["Signers"] == [line.name for line in made.signatures]


def test_go_refuses_what_we_refuse(go: Go) -> None:
    """Notes that are malformed here are malformed there, and false signatures are false."""
    witness = signer("w1.example")
    vkeys = [
        signer(signed(LOG.head).signatures[0].name, SignatureType.ED25519).key.encode(),
        witness.key.encode(),
    ]
    wrong = {what: data for what, data in WRONG_NOTES.items() if _utf8(data)}
    answers = go(*({"Op": "open", "Note": data.decode(), "Vkeys": vkeys} for data in wrong.values()))
    agreed = {what for what, answer in zip(wrong, answers) if "malformed note" in answer["Error"]}
    # Go's base64 takes loose last bits, and this version of it has no bound on a note's length.
    assert wrong.keys() - agreed <= {"loose base64 bits", "too long"}
    good = signed(LOG.head, witness)
    for place, line in enumerate(good.signatures):
        false = dataclasses.replace(line, blob=line.blob[:-1] + bytes((line.blob[-1] ^ 1,)))
        lines = tuple(false if number == place else one for number, one in enumerate(good.signatures))
        answer = go({"Op": "open", "Note": Note(good.text, lines).encode().decode(), "Vkeys": vkeys})[0]
        assert "invalid signature" in answer["Error"]


def test_we_open_gos_notes(go: Go) -> None:
    text = f"{NAME}\n{LOG.head.size}\n{b64(LOG.head.root)}\n"
    answer = go({"Op": "sign", "Text": text, "Skeys": [SKEY]})[0]
    theirs = note.parse(answer["Note"].encode())
    assert signing.open_checkpoint(theirs, [PLAIN.key]).head == LOG.head
    assert theirs == Note(text, (signing.sign(text, PLAIN),)), "Ed25519 is deterministic"


def test_go_reads_our_checkpoints(go: Go) -> None:
    """Go's own tree heads have a fixed first line; the other two are a checkpoint's."""
    text = f"go.sum database tree\n{LOG.head.size}\n{b64(LOG.head.root)}\n"
    answer = go({"Op": "checkpoint", "Text": text})[0]
    assert (answer["Error"], answer["Text"], answer["Root"]) == ("", str(LOG.head.size), b64(LOG.head.root))
    assert parse_text(text).head == LOG.head


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 255, 256, 257, 700])
def test_go_verifies_our_inclusion_proofs(go: Go, size: int) -> None:
    head = TreeHead(size, LogReader(LOG.head, LOG.fetch).root_at(size))
    tree = LogReader(LOG.head, LOG.fetch)
    requests, false = [], []
    for index in sorted({0, 1, size // 2, size - 1} & set(range(size))):
        leaf = leaf_hash(LOG.entries[index])
        proof = prove_inclusion(index, size, tree.node)
        ask = proof_request("check-inclusion", head, Proof=hashes(proof), Index=index, Hash=b64(leaf))
        requests.append(ask)
        false.append(ask | {"Hash": b64(sha256(leaf))})
        false.append(ask | {"Proof": [*hashes(proof), b64(leaf)]})
    assert not any(answer["Error"] for answer in go(*requests))
    assert all(answer["Error"] for answer in go(*false))


def test_go_verifies_our_consistency_proofs(go: Go) -> None:
    requests, false = [], []
    for new in LOG.heads:
        for old in LOG.heads:
            if old.size <= new.size:
                proof = LogReader(new, LOG.fetch).consistency_proof(old.size)
                ask = proof_request(
                    "check-consistency", new, OldSize=old.size, OldRoot=b64(old.root), Proof=hashes(proof)
                )
                requests.append(ask)
                false.append(ask | {"OldRoot": b64(sha256(old.root))})
    assert not any(answer["Error"] for answer in go(*requests))
    assert all(answer["Error"] for answer in go(*false))


def test_go_proves_from_our_tiles_what_we_prove(go: Go) -> None:
    """Go's reader authenticates our tiles itself, and makes the same proofs of them."""
    tiles = {path: b64(data) for path, data in LOG.tiles.items()}
    reader = LogReader(LOG.head, LOG.fetch)
    indexes, olds = [0, 1, 255, 256, 511, 512, 698, 699], [1, 2, 255, 256, 257, 512, 699, 700]
    answers = go(
        *(proof_request("inclusion", LOG.head, Tiles=tiles, Index=index) for index in indexes),
        *(proof_request("consistency", LOG.head, Tiles=tiles, OldSize=old) for old in olds),
    )
    for index, answer in zip(indexes, answers):
        assert decoded(answer) == reader.inclusion_proof(index)
    for old, answer in zip(olds, answers[len(indexes) :]):
        assert decoded(answer) == reader.consistency_proof(old)
    for path in ("tile/0/002.p/188", "tile/1/000.p/2"):
        damaged = tiles | {path: b64(LOG.tiles[path][::-1])}
        assert go(proof_request("inclusion", LOG.head, Tiles=damaged, Index=300))[0]["Error"]


def test_we_read_gos_logs(go: Go) -> None:
    """The same entries make the same tiles; a log that Go built is read, proven and extended here."""
    answer = go({"Op": "build", "Entries": [b64(entry) for entry in LOG.entries], "Sizes": SIZES})[0]
    assert [base64.b64decode(root) for root in answer["Roots"]] == [head.root for head in LOG.heads]
    theirs = {path: base64.b64decode(data) for path, data in answer["Tiles"].items()}
    ours = {path: data for path, data in LOG.tiles.items() if not path.startswith("tile/entries/")}
    assert theirs.items() >= ours.items()
    reader = LogReader(LOG.head, theirs.__getitem__)
    for index in (0, 300, 699):
        verify_inclusion(leaf_hash(LOG.entries[index]), index, LOG.head, reader.inclusion_proof(index))
    for old in LOG.heads:
        verify_consistency(old, LOG.head, reader.consistency_proof(old.size))
    swapped = theirs | {"tile/0/001": theirs["tile/0/000"]}
    with pytest.raises(PeerLied):
        LogReader(LOG.head, swapped.__getitem__).inclusion_proof(300)


@pytest.mark.parametrize(
    ("old", "new"), [(0, 1), (0, 256), (255, 256), (256, 257), (0, 70_000), (65_536, 65_537), (5, 65_536)]
)
def test_go_names_the_same_new_tiles(go: Go, old: int, new: int) -> None:
    """Go also names the partial tiles of all widths on the way, and those of upper levels that did not change."""
    theirs = set(go({"Op": "paths", "OldSize": old, "Size": new})[0]["Paths"])
    ours = {tile.path for tile in tiles_between(old, new) if tile.level != ENTRIES}
    assert ours <= theirs
    assert {path for path in ours if ".p/" not in path} == {path for path in theirs if ".p/" not in path}


def test_key_names_and_ids_agree(go: Go) -> None:
    """A line that only shares a name or an ID with a known key is ignored on both sides."""
    good = Note("text\n", (signing.sign("text\n", PLAIN),))
    strange = good.signed_also(
        (Signature(NAME, b"\0\0\0\1", b"x"), Signature("other", PLAIN.key.key_id, b"x"))
    )
    answer = go({"Op": "open", "Note": strange.encode().decode(), "Vkeys": [PLAIN.key.encode()]})[0]
    assert (answer["Error"], answer["Signers"]) == ("", [NAME])
    assert len(signing.verify_any(strange, [PLAIN.key])) == 1


def _utf8(data: bytes) -> bool:
    try:
        return bool(data.decode())
    except UnicodeDecodeError:
        return False
