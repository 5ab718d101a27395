"""Signed notes, keys, checkpoints and cosignatures."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import LogError, Malformed, PeerLied, Unproven
from overt.tlog import checkpoint, keys, note, signing
from overt.tlog.keys import MemorySigner, SignatureType, VerifierKey, parse_key
from overt.tlog.merkle import EMPTY_TREE, TreeHead, leaf_hash
from overt.tlog.note import Note, Signature
from tests.tlog.reference import LOG, NOW, ORIGIN, signed, signer
from tests.tlog.reference import checkpoint as stated

HEAD = TreeHead(20852163, leaf_hash(b"root"))
W1 = signer("w1.example")
W2 = signer("w2.example", SignatureType.ML_DSA_44_COSIGNATURE)
KEYS = [LOG.key, W1.key, W2.key]

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[chr(c) for c in range(32) if c != 10])
)
names = st.text(min_size=1, max_size=60).filter(lambda name: _is_name(name))
lines = st.builds(Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=90))


def _is_name(name: str) -> bool:
    try:
        return note.check_name(name) == name
    except Malformed:
        return False


@given(texts, st.lists(lines, min_size=1, max_size=5))
def test_notes_round_trip(text: str, signatures: list[Signature]) -> None:
    made = Note(f"{text}\n", tuple(signatures))
    assert note.parse(made.encode()) == made


@given(names, st.sampled_from([1, 4]), st.binary(min_size=32, max_size=32))
def test_keys_round_trip(name: str, kind: int, material: bytes) -> None:
    key = VerifierKey(name, SignatureType(kind), material)
    assert parse_key(key.encode()) == key


@given(texts.filter(lambda text: text and "\n" not in text and len(text) < 60), st.integers(0, (1 << 63) - 1))
def test_checkpoints_round_trip(origin: str, size: int) -> None:
    made = checkpoint.Checkpoint(origin, TreeHead(size, HEAD.root), ("extension", "other"))
    assert checkpoint.parse_text(made.text) == made


GOOD = signed(HEAD, W1).encode()
WRONG_NOTES = {
    "empty": b"",
    "no signatures": GOOD.split(b"\n\n")[0] + b"\n\n",
    "no blank line": GOOD.replace(b"\n\n", b"\n"),
    "no last newline": GOOD[:-1],
    "blank last line": GOOD + b"\n",
    "carriage returns": GOOD.replace(b"\n", b"\r\n"),
    "control character": GOOD.replace(b"example", b"exam\x01ple"),
    "NUL": GOOD.replace(b"example", b"exam\0ple"),
    "tab": GOOD.replace(b"example", b"exam\tple"),
    "not UTF-8": GOOD.replace(b"example", b"exam\xffple"),
    "surrogate": GOOD.replace(b"example", b"exam\xed\xa0\x80ple"),
    "overlong UTF-8": GOOD.replace(b"example", b"exam\xc1\xa5ple"),
    "hyphen for dash": GOOD.replace("—".encode(), b"-"),
    "two spaces": GOOD.replace("— ".encode(), "—  ".encode()),
    "plus in a name": GOOD.replace(b"w1.example ", b"w1+example "),
    "no-break space in a name": GOOD.replace(b"w1.example ", "w1\xa0example ".encode()),
    "no name": GOOD.replace("— w1.example ".encode(), "—  ".encode()),
    "no base64": GOOD.replace("— w1.example ".encode(), "— w1.example".encode()),
    "unpadded base64": GOOD.replace(b"=\n", b"\n"),
    "trailing text": GOOD[:-1] + b" x\n",
    "signature of a key ID only": GOOD + "— a AAAAAA==\n".encode(),
    "loose base64 bits": GOOD + "— a AAAAAAB=\n".encode(),
    "101 signatures": GOOD + "— a AAAAAAA=\n".encode() * 99,
    "too long": b"x" * note.MAX_NOTE_BYTES + GOOD,
}


@pytest.mark.parametrize("what", WRONG_NOTES)
def test_malformed_notes(what: str) -> None:
    assert WRONG_NOTES[what] != GOOD
    with pytest.raises(Malformed):
        note.parse(WRONG_NOTES[what])


def test_a_hundred_signatures_are_read() -> None:
    assert len(note.parse(GOOD + "— a AAAAAAA=\n".encode() * 98).signatures) == 100


WRONG_CHECKPOINTS = [
    "",
    "\n",
    "o\n1\n",
    "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    *(f"{origin}\n{size}\n{root}\n{rest}" for origin, size, root, rest in (
        ("", "1", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", ""),
        ("o" * 256, "1", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", ""),
        *(("o", size, "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "") for size in (
            "", "01", "+1", "-1", " 1", "1 ", "1_0", "1.0", "0x1", "٣", "１", "9223372036854775808", "9" * 5000)),
        *(("o", "1", root, "") for root in (
            "", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=",
            "CsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=", " CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2IA",
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I==", "é")),
        ("o", "1", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "\n"),
        ("o", "1", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "extension"),
        ("o\t", "1", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", ""),
    )),
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG_CHECKPOINTS)
def test_malformed_checkpoints(text: str) -> None:
    with pytest.raises(Malformed):
        checkpoint.parse_text(text)


KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        KEY[:-1],
        KEY + "=",
        KEY + "+",
        f"+{KEY}",
        f" {KEY}",
        KEY.replace("foo", "bar"),
        KEY.replace("530d903a", "530D903A"),
        KEY.replace("530d903a", "530d903b"),
        KEY.replace("530d903a", "30d903a"),
        KEY.replace("foo", "f o"),
        KEY.replace("AekyeR", "AukyeR"),
        KEY.replace("AekyeR", "+ukyeR"),
        VerifierKey("w", SignatureType.ED25519_COSIGNATURE, bytes(32)).encode()[:-4],
    ],
)
def test_malformed_keys(text: str) -> None:
    with pytest.raises(Malformed):
        parse_key(text)


def test_keys_of_other_types_are_refused_by_name() -> None:
    with pytest.raises(Malformed, match="0x02 is not supported"):
        parse_key("a+00000000+AgAA")


def test_who_signed_and_when() -> None:
    found = signing.verify(note.parse(signed(HEAD, W1, W2).encode()), KEYS)
    assert [(one.key, one.timestamp_s) for one in found] == [(LOG.key, None), (W1.key, NOW), (W2.key, NOW)]
    assert signing.open_checkpoint(signed(HEAD, W1), [LOG.key]) == stated(HEAD)


def test_lines_of_other_keys_are_ignored() -> None:
    """Also those that share a name or an ID, but not both, with a known key."""
    one = signed(HEAD)
    strange = (
        Signature(ORIGIN, b"\0\0\0\0", b"nonsense"),
        Signature("stranger", LOG.key.key_id, b"nonsense"),
    )
    note_ = one.signed_also(strange)
    assert [found.key for found in signing.verify(note_, KEYS)] == [LOG.key]
    with pytest.raises(Unproven):
        signing.verify_any(note_, [W1.key])
    with pytest.raises(Unproven):
        signing.verify_any(note_, [])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_signature_is_a_lie(data: st.DataObject) -> None:
    good = signed(HEAD, W1, W2)
    place = data.draw(st.integers(0, 2))
    line = good.signatures[place]
    at = data.draw(st.integers(0, len(line.blob) - 1))
    blob = line.blob[:at] + bytes((line.blob[at] ^ data.draw(st.integers(1, 255)),)) + line.blob[at + 1 :]
    changed = dataclasses.replace(line, blob=blob)
    lines_ = tuple(changed if number == place else one for number, one in enumerate(good.signatures))
    with pytest.raises((PeerLied, Malformed)):
        signing.verify(Note(good.text, lines_), KEYS)


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 9, 71, 73, 200])
def test_signatures_of_other_lengths_are_lies(keep: int) -> None:
    for one in (LOG, W1, W2):
        line = next(line for line in signed(HEAD, W1, W2).signatures if line.name == one.key.name)
        blob = (line.blob + bytes(200))[: max(keep, 1)]
        with pytest.raises(PeerLied):
            signing.verify(Note(stated(HEAD).text, (dataclasses.replace(line, blob=blob),)), KEYS)


def test_a_signature_of_another_text_is_a_lie() -> None:
    good, other = signed(HEAD, W1, W2), signed(EMPTY_TREE)
    for line in good.signatures:
        with pytest.raises(PeerLied):
            signing.verify(Note(other.text, (line,)), KEYS)


def test_ml_dsa_commits_to_the_cosigner_and_ed25519_does_not() -> None:
    """The specification's reason for one key per Ed25519 cosigner; ML-DSA names its cosigner in what it signs."""
    line = signing.cosign(stated(HEAD), W2, NOW)
    renamed = VerifierKey("another", W2.key.type, W2.key.public_key)
    claim = Signature("another", renamed.key_id, line.blob)
    with pytest.raises(PeerLied):
        signing.verify(Note(stated(HEAD).text, (claim,)), [renamed])


def test_one_key_as_two_types_is_two_keys() -> None:
    """A log's plain signature never passes as a cosignature of the same key, nor the other way round."""
    seed = bytes(range(32))
    plain = MemorySigner(ORIGIN, SignatureType.ED25519, seed)
    witness = MemorySigner(ORIGIN, SignatureType.ED25519_COSIGNATURE, seed)
    assert plain.key.public_key == witness.key.public_key and plain.key.key_id != witness.key.key_id
    line = signing.sign(stated(HEAD).text, plain)
    claim = Signature(ORIGIN, witness.key.key_id, NOW.to_bytes(8, "big") + line.blob)
    with pytest.raises(PeerLied):
        signing.verify(Note(stated(HEAD).text, (claim,)), [witness.key])


def test_times_out_of_range() -> None:
    for time in (0, -1, 1 << 63):
        with pytest.raises(Malformed):
            signing.cosign(stated(HEAD), W1, time)
    line = signing.cosign(stated(HEAD), W1, NOW)
    late = dataclasses.replace(line, blob=b"\xff" * 8 + line.blob[8:])
    with pytest.raises(Malformed, match="2\\^63"):
        signing.verify(Note(stated(HEAD).text, (late,)), KEYS)


def test_cosignatures_are_on_checkpoints_only() -> None:
    with pytest.raises(Malformed):
        signing.verify(Note("no checkpoint\n", (signing.cosign(stated(HEAD), W1, NOW),)), KEYS)


def test_signers_do_what_their_keys_are_for() -> None:
    with pytest.raises(ValueError):
        signing.sign("text\n", W1)
    with pytest.raises(ValueError):
        signing.cosign(stated(HEAD), LOG, NOW)
    with pytest.raises(Malformed):
        MemorySigner("short", SignatureType.ED25519, b"seed")


def test_without_ml_dsa(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of `cryptography` without it proves nothing, and says what is missing."""

    def unsupported(data: bytes) -> None:
        raise UnsupportedAlgorithm("ML-DSA-44 is not supported by this backend.")

    note_ = signed(HEAD, W2)
    monkeypatch.setattr(keys.MLDSA44PublicKey, "from_public_bytes", unsupported)
    monkeypatch.setattr(keys.MLDSA44PrivateKey, "from_seed_bytes", unsupported)
    with pytest.raises(Unproven, match="has no ML-DSA"):
        signing.verify(note_, KEYS)
    assert signing.verify(note_, [LOG.key, W1.key])
    with pytest.raises(LogError, match="has no ML-DSA"):
        signer("another", SignatureType.ML_DSA_44_COSIGNATURE)


def test_a_checkpoint_is_of_the_log_that_signed_it() -> None:
    """A log may not speak for another one, even with a trusted key."""
    other = signer("other.example/log", SignatureType.ED25519)
    text = stated(HEAD).text
    forged = Note(text, (signing.sign(text, other),))
    with pytest.raises(Unproven):
        signing.open_checkpoint(forged, [LOG.key, other.key])


def test_values_that_no_note_can_have() -> None:
    for wrong in ("no newline", "tab\t\n", "surrogate \ud800\n", ""):
        with pytest.raises(Malformed):
            Note(wrong, signed(HEAD).signatures)
    with pytest.raises(Malformed):
        Note("text\n", ())
    for name in ("", "a b", "a+b", "a\u2028b", "a\u3000b", "a\nb", "\ud800", "a" * 256):
        with pytest.raises(Malformed):
            Signature(name, b"1234", b"5")
    for key_id, blob in ((b"123", b"4"), (b"12345", b"6"), (b"1234", b"")):
        with pytest.raises(Malformed):
            Signature("a", key_id, blob)
    for extension in ("", "a\nb"):
        with pytest.raises(Malformed):
            checkpoint.Checkpoint("o", HEAD, (extension,))


def test_keys_of_other_lengths() -> None:
    for kind, length in ((1, 31), (4, 33), (4, 0), (6, 1311), (6, 32)):
        with pytest.raises(Malformed):
            VerifierKey("a", SignatureType(kind), bytes(length))


def test_the_longest_names() -> None:
    longest = "ü" * 127 + "x"
    assert len(longest.encode()) == 255
    one = signer(longest, SignatureType.ML_DSA_44_COSIGNATURE)
    made = checkpoint.Checkpoint(longest, HEAD)
    found = signing.verify(Note(made.text, (signing.cosign(made, one, NOW),)), [one.key])
    assert found[0].timestamp_s == NOW
    with pytest.raises(Malformed):
        checkpoint.Checkpoint(f"{longest}x", HEAD)


def test_lines_are_not_added_twice() -> None:
    good = signed(HEAD, W1)
    assert good.signed_also(good.signatures) == good
    assert len(good.signed_also((signing.cosign(stated(HEAD), W1, NOW + 1),)).signatures) == 3
