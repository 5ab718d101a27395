"""The lab's own Ed25519 key, made at its first use, and statements in DSSE envelopes that it signs.

The public half is written as C2SP notes write keys (c2sp.org/signed-note, "Verifier keys"), under the name
`overt-conduct`, as the ledger's is. Envelopes are DSSE v1.0.2, made and verified by securesystemslib.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as SecureSystemsError
from securesystemslib.signer import CryptoSigner, SSlibKey

from overt.core import canonical
from overt.core.errors import ConductError, LogError, Malformed
from overt.ledger import seeds
from overt.store import atomic
from overt.store.folders import make_private
from overt.tlog.keys import SEED_BYTES, MemorySigner, SignatureType, VerifierKey, parse_key

NAME = "overt-conduct"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_ENVELOPE_BYTES = 256 << 20
"""A statement names every file of evidence: about 150 bytes each."""
_FILE_HEADER = "overt-conduct-key/1 "
_KEY_FILE = "conduct-key"


@dataclass(frozen=True, slots=True)
class LabKey:
    """The half that signs."""

    public: VerifierKey
    _seed: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The public half as text, to give to those who verify."""
        return self.public.encode()

    def encoded(self) -> bytes:
        """The key file: one line, the seed in base64."""
        return seeds.encoded(_FILE_HEADER, self._seed)

    def log_signer(self, name: str) -> MemorySigner:
        """The same key as a log of that name signs with it."""
        return MemorySigner(name, SignatureType.ED25519, self._seed)

    def sign(self, statement: dict[str, Any]) -> bytes:
        """The statement in its canonical encoding, in an envelope that this key signed."""
        envelope = Envelope(canonical.encode(statement), PAYLOAD_TYPE, {})
        private = Ed25519PrivateKey.from_private_bytes(self._seed)
        envelope.sign(CryptoSigner(private, _sslib_key(self.public)))
        return json.dumps(envelope.to_dict(), indent=1).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Opened:
    """A statement whose envelope was verified."""

    statement: dict[str, Any]
    keyid: str


def key_file(data: Path) -> Path:
    """Where the lab's key is, below the folder of Overt's data."""
    return data / "conduct" / _KEY_FILE


def lab_key(path: Path) -> LabKey:
    """The key in `path` (mode 0600), made now if there is none. Raises `ConductError`, `OSError`."""
    key = _read(path)
    if key is None:
        if not path.parent.exists():
            make_private(path.parent)
        with contextlib.suppress(FileExistsError):  # another lab's first start made one meanwhile
            atomic.create(path, new_key().encoded())
        key = existing_key(path)
    return key


def existing_key(path: Path) -> LabKey:
    """The key in `path`. Raises `ConductError`, also when there is none, `OSError`."""
    key = _read(path)
    if key is None:
        raise ConductError(
            f"{path}: no key is there: leave --key out for this machine's own, or make one: "
            f"overt conduct key --key {path}"
        )
    return key


def new_key() -> LabKey:
    """A fresh key, nowhere written."""
    return _lab_key(os.urandom(SEED_BYTES))


def public_key(text: str) -> VerifierKey:
    """The public key that `text` encodes. Raises `ConductError`."""
    try:
        key = parse_key(text.strip())
    except LogError as error:
        raise ConductError(f"{error}: give the key as 'overt conduct key' prints it") from None
    if key.name != NAME or key.type is not SignatureType.ED25519:
        raise ConductError(
            f"{text!r} is not the key of a conduct lab: give it as 'overt conduct key' prints it"
        )
    return key


def opened(envelope: bytes, key: VerifierKey, what: str) -> Opened:
    """The statement in `envelope`, which `key` must have signed; `what` names it in messages.

    Raises `ConductError` that tells damage, another key and a wrong signature apart.
    """
    parsed = _envelope(envelope, what)
    wanted = _sslib_key(key)
    if wanted.keyid not in parsed.signatures:
        raise ConductError(f"{what} is not signed by the key {key.encode()!r}, but by another")
    try:
        parsed.verify([wanted], 1)
    except SecureSystemsError:
        raise ConductError(
            f"{what}: the signature does not fit: it was changed after it was signed"
        ) from None
    try:
        statement = canonical.decode(parsed.payload)
    except canonical.NotCanonical as error:
        raise ConductError(f"{what}: {error}: Overt signed no such statement") from None
    if not isinstance(statement, dict):
        raise ConductError(f"{what} holds no in-toto statement")
    return Opened(statement, wanted.keyid)


def claimed(envelope: bytes, what: str) -> Any:
    """The statement in `envelope`, *not verified*: only to learn which key it says that it was made with."""
    try:
        return canonical.decode(_envelope(envelope, what).payload)
    except canonical.NotCanonical as error:
        raise ConductError(f"{what}: {error}: Overt signed no such statement") from None


def _envelope(data: bytes, what: str) -> Envelope:
    if len(data) > MAX_ENVELOPE_BYTES:
        raise ConductError(f"{what} is larger than {MAX_ENVELOPE_BYTES} bytes: Overt wrote no such statement")
    try:
        envelope = Envelope.from_dict(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SecureSystemsError) as error:
        raise ConductError(f"{what} is damaged: it is no DSSE envelope ({error})") from None
    again = json.dumps(envelope.to_dict(), indent=1).encode() + b"\n"
    if envelope.payload_type != PAYLOAD_TYPE or again != data:
        raise ConductError(f"{what} is damaged: it is not as Overt writes it")
    return envelope


def _read(path: Path) -> LabKey | None:
    try:
        seed = seeds.read(path, _FILE_HEADER)
    except Malformed:
        raise ConductError(
            f"the lab's key {str(path)!r} is damaged: bring it back from a backup, or move it away; then a new one is "
            "made, and reports are signed with that"
        ) from None
    return None if seed is None else _lab_key(seed)


def _lab_key(seed: bytes) -> LabKey:
    return LabKey(MemorySigner(NAME, SignatureType.ED25519, seed).key, seed)


def _sslib_key(key: VerifierKey) -> SSlibKey:
    return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(key.public_key))
