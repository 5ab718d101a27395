"""Signatures on notes and checkpoints: made, and verified (c2sp.org/signed-note, c2sp.org/tlog-cosignature)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from overt.core.errors import Malformed, PeerLied, Unproven
from overt.tlog.checkpoint import Checkpoint, parse_text
from overt.tlog.keys import SIGNATURE_BYTES, SignatureType, Signer, VerifierKey
from overt.tlog.note import Note, Signature
from overt.tlog.text import MAX_NUMBER, number, shown

TIMESTAMP_BYTES = 8

_ED25519_HEADER = "cosignature/v1"
_ML_DSA_LABEL = b"subtree/v1\n\x00"


@dataclass(frozen=True)
class Verified:
    """A signature that was verified: whose, and for cosignatures when it was made (seconds since the Epoch)."""

    key: VerifierKey
    signature: Signature
    timestamp_s: int | None = None


def sign(text: str, signer: Signer) -> Signature:
    """`signer`'s signature on a note's `text`; its key must be of type `ED25519`, else `ValueError`."""
    if signer.key.type.timestamped:
        raise ValueError(f"{signer.key.name} makes cosignatures: give `cosign` a time")
    return Signature(signer.key.name, signer.key.key_id, signer.sign(text.encode()))


def cosign(checkpoint: Checkpoint, signer: Signer, timestamp_s: int) -> Signature:
    """`signer`'s cosignature on `checkpoint` at `timestamp_s` (1 to 2^63 - 1 seconds since the Epoch).

    By it a witness states that this was the largest consistent tree of this log that it had seen (tlog-cosignature,
    "Ed25519 signed message"): only `witness.decide` should call this for one. Raises `ValueError` for a key that
    makes none.
    """
    if not signer.key.type.timestamped:
        raise ValueError(f"{signer.key.name} makes plain signatures, not cosignatures")
    number(timestamp_s - 1, "cosignature's time, less one", MAX_NUMBER - 1)
    bare = signer.sign(cosigned_message(signer.key, checkpoint, timestamp_s))
    return Signature(signer.key.name, signer.key.key_id, timestamp_s.to_bytes(TIMESTAMP_BYTES, "big") + bare)


def cosigned_message(key: VerifierKey, checkpoint: Checkpoint, timestamp_s: int) -> bytes:
    """The bytes that a cosignature of `key` signs ("Ed25519 signed message", "ML-DSA-44 signed message")."""
    if key.type is SignatureType.ED25519_COSIGNATURE:
        return f"{_ED25519_HEADER}\ntime {timestamp_s}\n{checkpoint.text}".encode()
    start = 0
    return b"".join(
        (
            _ML_DSA_LABEL,
            _short(key.name),
            timestamp_s.to_bytes(8, "big"),
            _short(checkpoint.origin),
            start.to_bytes(8, "big"),
            checkpoint.head.size.to_bytes(8, "big"),
            checkpoint.head.root,
        )
    )


def verify(note: Note, keys: Iterable[VerifierKey]) -> tuple[Verified, ...]:
    """Every signature on `note` by one of `keys`, verified; lines of other keys are ignored ("Signatures").

    Raises `PeerLied` when a line has a known key's name and ID and is not its signature, `Malformed` when the note
    has a cosignature of a known key and is no checkpoint. No line of a known key is no error here, and means that
    *nothing* is verified: see `verify_any`.
    """
    known = {(key.name, key.key_id): key for key in keys}
    lines = ((known.get((line.name, line.key_id)), line) for line in note.signatures)
    return tuple(_verified(note.text, key, line) for key, line in lines if key)


def verify_any(note: Note, keys: Iterable[VerifierKey]) -> tuple[Verified, ...]:
    """As `verify`; raises `Unproven` when none of `keys` signed ("Signatures": clients MUST reject the note)."""
    wanted = tuple(keys)
    found = verify(note, wanted)
    if not found:
        names = ", ".join(sorted({key.name for key in wanted})) or "nobody"
        raise Unproven(f"signed note: not signed by any key that is trusted for it ({names})")
    return found


def open_checkpoint(note: Note, log_keys: Iterable[VerifierKey]) -> Checkpoint:
    """The checkpoint that `note` is, signed by one of `log_keys`, which is named as its origin is.

    Raises as `verify_any` does, `Malformed` for a note that is no checkpoint, and `Unproven` for another log's.
    """
    return signed_checkpoint(note, log_keys)[0]


def signed_checkpoint(note: Note, log_keys: Iterable[VerifierKey]) -> tuple[Checkpoint, tuple[Verified, ...]]:
    """As `open_checkpoint`, with the signatures that make it the log's."""
    signed = verify_any(note, log_keys)
    checkpoint = parse_text(note.text)
    own = tuple(found for found in signed if found.key.name == checkpoint.origin)
    if not own:
        raise Unproven(f"checkpoint: of log {shown(checkpoint.origin)}, signed for {signed[0].key.name}")
    return checkpoint, own


def _verified(text: str, key: VerifierKey, line: Signature) -> Verified:
    message, bare, timestamp_s = text.encode(), line.blob, None
    if key.type.timestamped:
        timestamp_s, bare = int.from_bytes(bare[:TIMESTAMP_BYTES], "big"), bare[TIMESTAMP_BYTES:]
        if timestamp_s > MAX_NUMBER:
            raise Malformed(f"cosignature of {key.name}: its time is past 2^63 - 1")
        message = cosigned_message(key, parse_text(text), timestamp_s)
    if len(bare) != SIGNATURE_BYTES[key.type] or not key.verifies(message, bare):
        raise PeerLied(
            f"signed note: the signature that names {key.name} was not made by its key on this text"
        )
    return Verified(key, line, timestamp_s)


def _short(text: str) -> bytes:
    """A vector with one byte of length (RFC 8446 §3.4). Names and origins are held to 255 bytes where they are made."""
    data = text.encode()
    return bytes((len(data),)) + data
