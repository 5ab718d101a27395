"""The witness's decision: each check of the specification, its status code, and what is stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import Malformed, PeerLied, Unproven
from overt.tlog import note, witness
from overt.tlog.checkpoint import Checkpoint, parse_text
from overt.tlog.keys import SignatureType
from overt.tlog.merkle import EMPTY_ROOT, EMPTY_TREE, TreeHead, leaf_hash
from overt.tlog.note import Note, Signature
from overt.tlog.reader import LogReader
from overt.tlog.signing import cosigned_message, sign, verify
from overt.tlog.witness import AddCheckpoint, Cosigned, Refused, Status
from tests.tlog.reference import LOG, NOW, ORIGIN, MemoryLog, signed, signer

W1 = signer("w1.example")
W2 = signer("w1.example", SignatureType.ML_DSA_44_COSIGNATURE)
SIZES = (0, 1, 2, 5, 8, 300)
TREE = MemoryLog(*SIZES)
HEADS = dict(zip(SIZES, TREE.heads))


def ask(old: int, new: int, proof: Sequence[bytes] | None = None, note_: Note | None = None) -> AddCheckpoint:
    """An honest request, but for what is given."""
    if proof is None:
        proof = LogReader(HEADS[new], TREE.fetch).consistency_proof(old) if old <= new else ()
    return AddCheckpoint(old, tuple(proof), note_ or signed(HEADS[new]))


def decided(request: AddCheckpoint, known: TreeHead | None) -> Cosigned | Refused:
    """The decision, through the whole of it: the request as bytes."""
    return witness.respond(request.encode(), {ORIGIN: [LOG.key]}, lambda origin: known, [W1, W2], NOW)


def refused(request: AddCheckpoint, known: TreeHead | None) -> Refused:
    answer = decided(request, known)
    assert isinstance(answer, Refused)
    return answer


@pytest.mark.parametrize(("old", "new"), [(old, new) for old in SIZES for new in SIZES if old <= new])
def test_consistent_growth_is_cosigned(old: int, new: int) -> None:
    answer = decided(ask(old, new), HEADS[old])
    assert isinstance(answer, Cosigned)
    assert (answer.status, answer.old, answer.new) == (200, HEADS[old], HEADS[new])
    found = witness.collect(signed(HEADS[new]), answer.body, [W1.key, W2.key])
    assert [(one.key, one.timestamp_s) for one in found] == [(W1.key, NOW), (W2.key, NOW)]


def test_the_first_checkpoint_needs_no_proof() -> None:
    answer = decided(ask(0, 5, ()), None)
    assert isinstance(answer, Cosigned) and answer.old is None and answer.new == HEADS[5]


def test_monitors_are_served_what_was_verified() -> None:
    """The log's verified line and the new ones; other lines that were sent along are left out."""
    request = ask(0, 5, (), signed(HEADS[5]).signed_also((Signature("stranger", b"1234", b"5"),)))
    answer = decided(request, None)
    assert isinstance(answer, Cosigned)
    served = note.parse(answer.note.encode())
    assert [line.name for line in served.signatures] == [ORIGIN, "w1.example", "w1.example"]
    assert len(verify(served, [LOG.key, W1.key, W2.key])) == 3


def test_unknown_log() -> None:
    other = signer("other.example", SignatureType.ED25519)
    answer = refused(ask(0, 5, (), signed(HEADS[5], log=other)), None)
    assert answer.status == Status.NOT_FOUND


def test_no_signature_of_the_log() -> None:
    text = signed(HEADS[5]).text
    stranger = signer("stranger", SignatureType.ED25519)
    assert refused(ask(0, 5, (), Note(text, (sign(text, stranger),))), None).status == Status.FORBIDDEN


def test_false_signature_of_the_log() -> None:
    """Also next to a true one: such a note is malformed."""
    good = signed(HEADS[5])
    false = dataclasses.replace(good.signatures[0], blob=bytes(64))
    assert refused(ask(0, 5, (), Note(good.text, (false,))), None).status == Status.FORBIDDEN
    assert refused(ask(0, 5, (), good.signed_also((false,))), None).status == Status.FORBIDDEN


def test_old_size_above_the_new_one() -> None:
    assert refused(ask(8, 5), HEADS[8]).status == Status.BAD_REQUEST


@pytest.mark.parametrize(("old", "known"), [(0, 5), (1, 5), (5, 2), (5, None), (8, 5), (5, 300)])
def test_conflicts_state_the_known_size(old: int, known: int | None) -> None:
    answer = refused(ask(old, 8), None if known is None else HEADS[known])
    assert answer.status == Status.CONFLICT
    assert answer.body == f"{known or 0}\n".encode()
    assert answer.content_type == "text/x.tlog.size"
    assert witness.parse_conflict(answer.body) == (known or 0)


def test_an_empty_tree_has_the_empty_root() -> None:
    wrong = TreeHead(0, leaf_hash(b""))
    assert refused(ask(0, 0, (), signed(wrong)), None).status == Status.UNPROCESSABLE
    assert isinstance(decided(ask(0, 0, (), signed(EMPTY_TREE)), None), Cosigned)


def test_no_proof_from_nothing() -> None:
    assert refused(ask(0, 5, (EMPTY_ROOT,)), None).status == Status.UNPROCESSABLE


def test_same_size_other_root() -> None:
    fork = TreeHead(5, leaf_hash(b"fork"))
    assert refused(ask(5, 5, (), signed(fork)), HEADS[5]).status == Status.UNPROCESSABLE
    assert refused(ask(5, 5, (EMPTY_ROOT,)), HEADS[5]).status == Status.UNPROCESSABLE


def test_false_proofs() -> None:
    honest = ask(5, 8)
    for proof in ((), honest.proof[1:], (*honest.proof, EMPTY_ROOT), honest.proof[::-1]):
        assert refused(ask(5, 8, proof), HEADS[5]).status == Status.UNPROCESSABLE
    fork = TreeHead(8, leaf_hash(b"fork"))
    assert refused(ask(5, 8, honest.proof, signed(fork)), HEADS[5]).status == Status.UNPROCESSABLE
    assert refused(honest, TreeHead(5, leaf_hash(b"what it knew"))).status == Status.UNPROCESSABLE


def test_checks_in_the_specifications_order() -> None:
    """Unknown log before signature before sizes before conflict before proof."""
    good = signed(HEADS[5])
    false = Note(good.text, (dataclasses.replace(good.signatures[0], blob=bytes(64)),))
    assert refused(ask(8, 5, (), false), HEADS[1]).status == Status.FORBIDDEN
    assert refused(ask(8, 5, (EMPTY_ROOT,)), HEADS[1]).status == Status.BAD_REQUEST
    assert refused(ask(2, 5, (EMPTY_ROOT,)), HEADS[1]).status == Status.CONFLICT


GOOD = ask(5, 8).encode()
WRONG = {
    "empty": b"",
    "no old line": GOOD.split(b"\n", 1)[1],
    "OLD": GOOD.replace(b"old 5", b"OLD 5"),
    "leading zero": GOOD.replace(b"old 5", b"old 05"),
    "plus": GOOD.replace(b"old 5", b"old +5"),
    "underscore": GOOD.replace(b"old 5", b"old 1_0"),
    "two spaces": GOOD.replace(b"old 5", b"old  5"),
    "other digits": GOOD.replace(b"old 5", "old ٥".encode()),
    "short hash": GOOD.replace(b"old 5\n", b"old 5\nAAAA\n"),
    "empty hash": GOOD.replace(b"old 5\n", b"old 5\n\n"),
    "64 hashes": GOOD.replace(
        b"old 5\n", b"old 5\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64
    ),
    "no checkpoint": GOOD.split(b"\n\n")[0] + b"\n\n",
    "no checkpoint's size": GOOD.replace(b"\n8\n", b"\n08\n"),
    "carriage returns": GOOD.replace(b"\n", b"\r\n"),
    "trailing": GOOD + b"\n",
    "too long": GOOD + b"x" * witness.MAX_REQUEST_BYTES,
}


@pytest.mark.parametrize("what", WRONG)
def test_malformed_requests(what: str) -> None:
    assert WRONG[what] != GOOD
    with pytest.raises(Malformed):
        witness.parse_request(WRONG[what])
    answer = witness.respond(WRONG[what], {ORIGIN: [LOG.key]}, lambda origin: HEADS[5], [W1], NOW)
    assert isinstance(answer, Refused) and answer.status == Status.BAD_REQUEST


def test_strangers_do_not_reach_the_store() -> None:
    def known(origin: str) -> TreeHead | None:
        raise AssertionError(origin)

    request = ask(0, 5, (), signed(HEADS[5], log=signer("other.example", SignatureType.ED25519)))
    assert isinstance(witness.respond(request.encode(), {ORIGIN: [LOG.key]}, known, [W1], NOW), Refused)


@given(st.lists(st.tuples(st.sampled_from(SIZES), st.sampled_from(SIZES), st.booleans()), max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_witness_never_cosigns_two_histories(steps: list[tuple[int, int, bool]]) -> None:
    """Whatever is asked in whatever order, from a log or its fork, all that was cosigned is one growing history."""
    fork = MemoryLog(1)
    for size in SIZES[2:]:
        fork.grow([b"fork"] * (size - fork.head.size))
    known: TreeHead | None = None
    history = []
    for old, new, forked in steps:
        tree = fork if forked else TREE
        head = next(head for head in [*tree.heads, EMPTY_TREE] if head.size == new)
        proof = LogReader(head, tree.fetch).consistency_proof(old) if old <= new else ()
        answer = decided(AddCheckpoint(old, proof, signed(head)), known)
        if isinstance(answer, Cosigned):
            assert answer.old == known
            known = answer.new
            history.append(known)
    sizes = [head.size for head in history]
    assert sizes == sorted(sizes)
    trees = [{head.root for head in tree.heads} | {EMPTY_ROOT} for tree in (TREE, fork)]
    assert any({head.root for head in history} <= roots for roots in trees)


def test_origins_may_have_blanks() -> None:
    """A log's origin need not be a key's name: what is trusted for it is the witness's configuration."""
    text = Checkpoint("a log + blanks", HEADS[5]).text
    request = AddCheckpoint(0, (), Note(text, (sign(text, LOG),)))
    answer = witness.respond(request.encode(), {"a log + blanks": [LOG.key]}, lambda origin: None, [W1], NOW)
    assert isinstance(answer, Cosigned)


def test_collecting() -> None:
    asked, answer = signed(HEADS[5]), decided(ask(0, 5, ()), None)
    stranger = "— stranger AAAAAAA=\n".encode()
    assert len(witness.collect(asked, answer.body + stranger, [W1.key])) == 1
    with pytest.raises(Unproven):
        witness.collect(asked, stranger, [W1.key])
    with pytest.raises(PeerLied):
        witness.collect(signed(HEADS[8]), answer.body, [W1.key])
    for wrong in (b"", b"\n", answer.body[:-1], answer.body + b"\n", b"\xff\n", b"x" * 2_000_000):
        with pytest.raises(Malformed):
            witness.collect(asked, wrong, [W1.key])


def test_a_cosignature_without_a_time_is_not_collected() -> None:
    """The specification forbids it here, whoever made it."""
    asked = signed(HEADS[5])
    bare = W2.sign(cosigned_message(W2.key, parse_text(asked.text), 0))
    line = Signature(W2.key.name, W2.key.key_id, bytes(8) + bare)
    assert verify(asked.signed_also((line,)), [W2.key])[0].timestamp_s == 0
    with pytest.raises(Malformed, match="without a time"):
        witness.collect(asked, line.encode().encode(), [W2.key])


@pytest.mark.parametrize("body", [b"", b"5", b"5\r\n", b"05\n", b"+5\n", b"5\n\n", b" 5\n", "٥\n".encode()])
def test_malformed_conflicts(body: bytes) -> None:
    with pytest.raises(Malformed):
        witness.parse_conflict(body)


def test_the_specifications_numbers() -> None:
    assert [int(status) for status in Status] == [200, 400, 403, 404, 409, 422]


def test_where_monitors_ask() -> None:
    digest = "5fd2dc0beb4ce54da5050cf6d5c75248b023abad441c3cecde3976fbe9da4fe4"
    assert witness.monitoring_path("example.com/behind-the-sofa") == f"{digest}/checkpoint"
