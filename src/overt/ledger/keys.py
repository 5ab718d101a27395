"""The ledger's own Ed25519 key: one per ledger, never used for anything else.

It is written as C2SP notes write keys (c2sp.org/signed-note, "Verifier keys"), under the name `overt-ledger`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from overt.core.errors import LedgerError, Malformed
from overt.ledger import seeds
from overt.tlog.keys import SEED_BYTES, MemorySigner, SignatureType, VerifierKey, parse_key

NAME = "overt-ledger"
_FILE_HEADER = "overt-ledger-key/1 "


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half that verifies; `text` is its encoding as a verifier key."""

    text: str
    note_key: VerifierKey = field(repr=False, compare=False)
    _key: Ed25519PublicKey = field(repr=False, compare=False)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key signed exactly `message` (RFC 8032)."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @property
    def fingerprint(self) -> str:
        """What people compare: `SHA256:` and the hash of the key's 32 bytes, in hexadecimal."""
        return f"SHA256:{hashlib.sha256(self.note_key.public_key).hexdigest()}"


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The half that signs."""

    public: PublicKey
    signer: MemorySigner = field(repr=False)
    _seed: bytes = field(repr=False)

    def encoded(self) -> bytes:
        """The key file: one line, the seed in base64."""
        return seeds.encoded(_FILE_HEADER, self._seed)


def public_key(text: object) -> PublicKey:
    """The key that a verifier key's text encodes. Raises `Malformed`."""
    if not isinstance(text, str):
        raise Malformed("a ledger's key is not text")
    key = parse_key(text)
    if key.name != NAME or key.type is not SignatureType.ED25519:
        raise Malformed(f"{text!r} is not the key of a ledger")
    return _public(key)


def new_key() -> PrivateKey:
    """A fresh key."""
    return _private(os.urandom(SEED_BYTES))


def read_key(path: Path) -> PrivateKey | None:
    """The key in a file; None when there is none. Raises `LedgerError` when it is damaged, and `OSError`."""
    try:
        seed = seeds.read(path, _FILE_HEADER)
    except Malformed:
        raise LedgerError(
            f"the ledger's key {str(path)!r} is damaged: bring it back from a backup, or move it away; then the next "
            "entry is signed with a new key, and the ledger says so"
        ) from None
    return None if seed is None else _private(seed)


def _private(seed: bytes) -> PrivateKey:
    signer = MemorySigner(NAME, SignatureType.ED25519, seed)
    return PrivateKey(_public(signer.key), signer, seed)


def _public(key: VerifierKey) -> PublicKey:
    return PublicKey(key.encode(), key, Ed25519PublicKey.from_public_bytes(key.public_key))
