"""The proof file: what a client downloads and checks offline."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import Malformed, PeerLied, Unproven
from overt.tlog import proof
from overt.tlog.merkle import leaf_hash
from overt.tlog.policy import Log, Policy, Witness
from overt.tlog.quorum import Group
from overt.tlog.reader import LogReader
from tests.tlog.reference import LOG, NOW, MemoryLog, entries, signed, signer

WITNESSES = [signer(f"w{number}.example") for number in range(4)]
POLICY = Policy(
    (Log(LOG.key),),
    tuple(Witness(f"w{number}", one.key) for number, one in enumerate(WITNESSES)),
    (Group("three", 3, ("w0", "w1", "w2", "w3")),),
    "three",
)


def proof_of(index: int, log: MemoryLog, extra: bytes = b"") -> proof.LogProof:
    hashes = LogReader(log.head, log.fetch).inclusion_proof(index)
    return proof.LogProof(index, hashes, signed(log.head, *WITNESSES[:3]), extra)


@given(st.integers(1, 300), st.data())
@settings(max_examples=20, deadline=None)
def test_proofs_prove(size: int, data: st.DataObject) -> None:
    log = MemoryLog(size)
    index = data.draw(st.integers(0, size - 1))
    made = proof_of(index, log, data.draw(st.binary(max_size=50)))
    read = proof.parse(made.encode())
    assert read == made
    accepted = proof.verify(read, leaf_hash(entries(size)[index]), POLICY)
    assert accepted.checkpoint.head == log.head and len(accepted.cosigned_s) == 3


LOG_13 = MemoryLog(13)
GOOD = proof_of(12, LOG_13, b"a release")
TEXT = GOOD.encode()


def test_another_entry_or_place_is_a_lie() -> None:
    leaf = leaf_hash(entries(13)[12])
    proof.verify(GOOD, leaf, POLICY)
    with pytest.raises(PeerLied):
        proof.verify(GOOD, leaf_hash(b"another"), POLICY)
    for index in (0, 11, 13, 1 << 40):
        with pytest.raises(PeerLied):
            proof.verify(dataclasses.replace(GOOD, index=index), leaf, POLICY)


def test_unsigned_unwitnessed_and_stale_proofs() -> None:
    leaf = leaf_hash(entries(13)[12])
    proof.verify(GOOD, leaf, POLICY, after_s=NOW, before_s=NOW)
    with pytest.raises(Unproven):
        proof.verify(GOOD, leaf, POLICY, after_s=NOW + 1)
    with pytest.raises(Unproven):
        proof.verify(dataclasses.replace(GOOD, checkpoint=signed(LOG_13.head, *WITNESSES[:2])), leaf, POLICY)
    with pytest.raises(Unproven):
        proof.verify(GOOD, leaf, dataclasses.replace(POLICY, logs=()))


WRONG = {
    "empty": b"",
    "another version": TEXT.replace(b"@v1", b"@v2"),
    "no header": TEXT.split(b"\n", 1)[1],
    "empty extra": TEXT.replace(b"extra YSByZWxlYXNl", b"extra "),
    "extra without a space": TEXT.replace(b"extra YSByZWxlYXNl", b"extraYSByZWxlYXNl"),
    "two extras": TEXT.replace(b"extra YSByZWxlYXNl\n", b"extra YSByZWxlYXNl\n" * 2),
    "extra last": TEXT.replace(b"extra YSByZWxlYXNl\nindex 12\n", b"index 12\nextra YSByZWxlYXNl\n"),
    "no index": TEXT.replace(b"index 12\n", b""),
    "leading zero": TEXT.replace(b"index 12", b"index 012"),
    "plus": TEXT.replace(b"index 12", b"index +12"),
    "no number": TEXT.replace(b"index 12", b"index "),
    "two spaces": TEXT.replace(b"index 12", b"index  12"),
    "huge number": TEXT.replace(b"index 12", b"index 9223372036854775808"),
    "short hash": TEXT.replace(b"index 12\n", b"index 12\nAAAA\n"),
    "blank line": TEXT.replace(b"index 12\n", b"index 12\n\n"),
    "64 hashes": TEXT.replace(
        b"index 12\n", b"index 12\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64
    ),
    "no checkpoint": TEXT.split(b"\n\n")[0] + b"\n\n",
    "unsigned checkpoint": b"\n\n".join(TEXT.split(b"\n\n")[:2]) + b"\n",
    "a note that is no checkpoint": TEXT.replace(b"\n13\n", b"\nthirteen\n"),
    "carriage returns": TEXT.replace(b"\n", b"\r\n"),
    "not ASCII": TEXT.replace(b"index 12", "index １２".encode()),
    "trailing blank": TEXT + b"\n",
    "leading blank": b"\n" + TEXT,
    "too long": TEXT + b"x" * proof.MAX_PROOF_BYTES,
}


@pytest.mark.parametrize("what", WRONG)
def test_malformed_proofs(what: str) -> None:
    assert WRONG[what] != TEXT
    with pytest.raises(Malformed):
        proof.parse(WRONG[what])


def test_a_proof_is_small() -> None:
    """About 1 kB with three witnesses, without the release in `extra`."""
    assert len(proof_of(12, LOG_13).encode()) < 1_000
