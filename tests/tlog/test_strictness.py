"""Parsers of signed or fetched text, fuzzed: what they accept encodes to the same bytes, all else is `Malformed`."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import Malformed
from overt.tlog import checkpoint, keys, note, policy_file, proof, tiles, witness
from overt.tlog.keys import SignatureType
from overt.tlog.reader import LogReader
from overt.tlog.tiles import ENTRIES, Tile
from tests.tlog.reference import MemoryLog, entries, signed, signer
from tests.tlog.test_policies import EXAMPLE

LOG = MemoryLog(13)
NOTE = signed(LOG.head, signer("w1.example"), signer("w2.example"))
PROOF = proof.LogProof(11, LogReader(LOG.head, LOG.fetch).inclusion_proof(11), NOTE, b"extra data")
BUNDLE = Tile(ENTRIES, 0, 13)


def _text(data: bytes) -> str:
    """As a caller would have it; what is not UTF-8 is refused before any of these parsers."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None


Again = Callable[[bytes], bytes]
FORMATS: dict[str, tuple[bytes, Again]] = {
    "note": (NOTE.encode(), lambda data: note.parse(data).encode()),
    "checkpoint": (NOTE.text.encode(), lambda data: checkpoint.parse_text(_text(data)).text.encode()),
    "log proof": (PROOF.encode(), lambda data: proof.parse(data).encode()),
    "verifier key": (
        signer("w1.example").key.encode().encode(),
        lambda data: keys.parse_key(_text(data)).encode().encode(),
    ),
    "post-quantum key": (
        signer("pq.example", SignatureType.ML_DSA_44_COSIGNATURE).key.encode().encode(),
        lambda data: keys.parse_key(_text(data)).encode().encode(),
    ),
    "add-checkpoint": (
        witness.AddCheckpoint(5, LogReader(LOG.head, LOG.fetch).consistency_proof(5), NOTE).encode(),
        lambda data: witness.parse_request(data).encode(),
    ),
    "signature lines": (
        note.encode_signatures(NOTE.signatures).encode(),
        lambda data: note.encode_signatures(note.parse_signatures(_text(data))).encode(),
    ),
    "conflict": (b"20852163\n", lambda data: f"{witness.parse_conflict(data)}\n".encode()),
    "tile path": (b"tile/0/x001/x234/067.p/112", lambda data: tiles.parse_path(_text(data)).path.encode()),
    "tile": (
        LOG.tiles["tile/0/000.p/13"],
        lambda data: tiles.encode_hashes(tiles.parse_hashes(data, Tile(0, 0, 13))),
    ),
    "entry bundle": (
        tiles.encode_entries(entries(13)),
        lambda data: tiles.encode_entries(tiles.parse_entries(data, BUNDLE)),
    ),
    "plain policy": (
        policy_file.encode(policy_file.parse(EXAMPLE.encode())),
        lambda data: _policy_again(data),
    ),
}
PIECES = [
    b"\n",
    b"\n\n",
    b" ",
    b"0",
    b"+",
    b"=",
    b"A",
    b"\r",
    b"\0",
    b"\t",
    "—".encode(),
    b"\xff",
    b"\xc2\x85",
    b"x001/",
    b"_",
]


def _policy_again(data: bytes) -> bytes:
    """A policy may have comments and blanks: one that has changed is only held to mean the same when written again."""
    policy = policy_file.parse(data)
    assert policy_file.parse(policy_file.encode(policy)) == policy
    return data


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to three small changes: flips, cuts, doublings, insertions of what parsers trip over."""
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(data) + 1)
        end = min(len(data), place + chance.randint(1, 12))
        match chance.randrange(5):
            case 0 if place < len(data):
                data = data[:place] + bytes((data[place] ^ 1 << chance.randrange(8),)) + data[place + 1 :]
            case 1:
                data = data[:place] + data[end:]
            case 2:
                data = data[:end] + data[place:end] + data[end:]
            case 3:
                data = data[:place] + chance.choice(PIECES) + data[place:]
            case _:
                data = data[:place] + chance.choice(PIECES) + data[end:]
    return data


@pytest.mark.parametrize("name", FORMATS)
def test_originals_are_accepted(name: str) -> None:
    original, again = FORMATS[name]
    assert again(original) == original


@pytest.mark.parametrize("name", FORMATS)
def test_mutations_are_refused_or_kept_to_the_byte(name: str) -> None:
    original, again = FORMATS[name]
    chance = random.Random(name)
    refused = 0
    for _ in range(1_500):
        changed = mutated(original, chance)
        try:
            assert again(changed) == changed
        except Malformed:
            refused += 1
    assert refused > (0 if name == "tile" else 300)


@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes(name: str, data: bytes) -> None:
    try:
        assert FORMATS[name][1](data) == data
    except Malformed as error:
        str(error).encode()
