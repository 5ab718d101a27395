"""Keys that sign notes: verifier keys as text (c2sp.org/signed-note, "Verifier keys"), and what a signer must offer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from overt.core.errors import LogError, Malformed, Unproven
from overt.tlog.note import KEY_ID_BYTES, check_name
from overt.tlog.text import from_base64, shown, to_base64

SEED_BYTES = 32
"""A private key's seed, for Ed25519 (RFC 8032) and for ML-DSA-44 (FIPS 204)."""

_NO_ML_DSA = "this build of the cryptography package has no ML-DSA: install its wheel from PyPI"


class SignatureType(IntEnum):
    """The signature types of c2sp.org/signed-note that are supported ("Signature types")."""

    ED25519 = 0x01
    """A note's text, signed. The log's own signature."""
    ED25519_COSIGNATURE = 0x04
    """A checkpoint with a time, signed by a witness (c2sp.org/tlog-cosignature)."""
    ML_DSA_44_COSIGNATURE = 0x06
    """The same, safe against quantum computers. Also fit for a log's own signature."""

    @property
    def timestamped(self) -> bool:
        """Whether the signature says when it was made, and is made on checkpoints only."""
        return self is not SignatureType.ED25519


_PUBLIC_KEY_BYTES = {
    SignatureType.ED25519: 32,
    SignatureType.ED25519_COSIGNATURE: 32,
    SignatureType.ML_DSA_44_COSIGNATURE: 1312,
}
SIGNATURE_BYTES = {
    SignatureType.ED25519: 64,
    SignatureType.ED25519_COSIGNATURE: 64,
    SignatureType.ML_DSA_44_COSIGNATURE: 2420,
}
"""The bare signature's length, without a timestamp."""


@dataclass(frozen=True)
class VerifierKey:
    """A key that signatures are verified with: whose, of which type. Raises `Malformed` for a bad name or key."""

    name: str
    type: SignatureType
    public_key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public_key) != _PUBLIC_KEY_BYTES[self.type]:
            raise Malformed(
                f"verifier key {shown(self.name)}: {len(self.public_key)} bytes are no key of its type"
            )

    @property
    def key_id(self) -> bytes:
        """SHA-256(name || 0x0A || type || public key)[:4] ("Signatures")."""
        material = self.name.encode() + b"\n" + bytes((self.type,)) + self.public_key
        return hashlib.sha256(material).digest()[:KEY_ID_BYTES]

    def encode(self) -> str:
        """The verifier key as text: `name+key ID in hex+base64(type || public key)`."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes((self.type,)) + self.public_key)}"

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` (bare, without timestamp) is this key's on exactly `message`.

        Raises `Unproven` where `cryptography` was built without ML-DSA.
        """
        try:
            if self.type is SignatureType.ML_DSA_44_COSIGNATURE:
                MLDSA44PublicKey.from_public_bytes(self.public_key).verify(signature, message)
            else:
                Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        except UnsupportedAlgorithm:
            raise Unproven(f"signature of {self.name}: {_NO_ML_DSA}") from None
        return True


def parse_key(text: str) -> VerifierKey:
    """The verifier key that `text` encodes. Raises `Malformed`, also for signature types that are not supported."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    data = from_base64(encoded, "verifier key")
    try:
        kind = SignatureType(data[0])
    except ValueError:
        raise Malformed(
            f"verifier key {shown(name)}: signature type 0x{data[0]:02x} is not supported"
        ) from None
    key = VerifierKey(name, kind, data[1:])
    if key.encode() != text:
        raise Malformed(
            f"verifier key {shown(name)}: key ID {shown(key_id)} is not that of this name and key"
        )
    return key


class Signer(Protocol):
    """What signs notes: a key in memory (`MemorySigner`), or one that a token keeps."""

    @property
    def key(self) -> VerifierKey:
        """What its signatures are verified with."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The bare signature on exactly `message`."""
        ...


class MemorySigner:
    """A private key held in this process, made from its 32-byte seed."""

    def __init__(self, name: str, kind: SignatureType, seed: bytes) -> None:
        """Raises `Malformed` for a bad name or seed, `LogError` where `cryptography` was built without ML-DSA."""
        if len(seed) != SEED_BYTES:
            raise Malformed(f"signing key {shown(name)}: {len(seed)} bytes are not a seed of {SEED_BYTES}")
        self._private = _private_key(name, kind, seed)
        self._key = VerifierKey(name, kind, self._private.public_key().public_bytes_raw())

    @property
    def key(self) -> VerifierKey:
        """What its signatures are verified with."""
        return self._key

    def sign(self, message: bytes) -> bytes:
        """The bare signature on exactly `message`."""
        return self._private.sign(message)


def _private_key(name: str, kind: SignatureType, seed: bytes) -> Ed25519PrivateKey | MLDSA44PrivateKey:
    if kind is not SignatureType.ML_DSA_44_COSIGNATURE:
        return Ed25519PrivateKey.from_private_bytes(seed)
    try:
        return MLDSA44PrivateKey.from_seed_bytes(seed)
    except UnsupportedAlgorithm:
        raise LogError(f"signing key {name}: {_NO_ML_DSA}") from None
