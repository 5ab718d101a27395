"""A witness's keys: PEM of PKCS#8 in files of mode 0600, encrypted by a passphrase; Ed25519, and ML-DSA-44 besides."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from overt.channel.publisher.keys import Ask, checked_passphrase
from overt.core.errors import WitnessError
from overt.store import atomic
from overt.tlog.keys import MemorySigner, SignatureType, VerifierKey

FILES = {
    SignatureType.ED25519_COSIGNATURE: "witness.pem",
    SignatureType.ML_DSA_44_COSIGNATURE: "witness-ml-dsa.pem",
}
"""Signature type → name of the private key's file in the witness's folder."""


def generate(folder: Path, name: str, kind: SignatureType, passphrase: str) -> VerifierKey:
    """Make the key of type `kind` in a new file of `folder`; `name` is the witness's, a schemaless URL as a rule.

    Raises `WitnessError` for a file that is there, `ChannelError` for a short passphrase, `Malformed` for a bad name.
    """
    path = folder / FILES[kind]
    if path.exists():
        raise WitnessError(f"{path} is there already: a key is never overwritten, choose another folder")
    try:
        private = _generated(kind)
    except UnsupportedAlgorithm:
        raise WitnessError(
            "this build of the cryptography package has no ML-DSA: install its wheel"
        ) from None
    key = MemorySigner(name, kind, private.private_bytes_raw()).key
    encryption = BestAvailableEncryption(checked_passphrase(passphrase).encode())
    atomic.write(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return key


def _generated(kind: SignatureType) -> Ed25519PrivateKey | MLDSA44PrivateKey:
    if kind is SignatureType.ML_DSA_44_COSIGNATURE:
        return MLDSA44PrivateKey.generate()
    return Ed25519PrivateKey.generate()


def load(folder: Path, wanted: tuple[VerifierKey, ...], ask: Ask) -> tuple[MemorySigner, ...]:
    """The signers of the `wanted` keys. Raises `WitnessError` for a file that is missing, can't be opened with the
    passphrase, or holds another key."""
    return tuple(_load(folder / FILES[key.type], key, ask) for key in wanted)


def _load(path: Path, wanted: VerifierKey, ask: Ask) -> MemorySigner:
    try:
        private = load_pem_private_key(path.read_bytes(), ask(f"passphrase of {wanted.name}").encode())
    except OSError as error:
        raise WitnessError(f"{path}: {error.strerror}: bring the witness's key back, or retire it") from None
    except (ValueError, TypeError):
        raise WitnessError(f"{path} can't be opened: wrong passphrase, or not a private key") from None
    if not isinstance(private, Ed25519PrivateKey | MLDSA44PrivateKey):
        raise WitnessError(f"{path} holds a key of another type than a witness's")
    signer = MemorySigner(wanted.name, wanted.type, private.private_bytes_raw())
    if signer.key != wanted:
        raise WitnessError(f"{path} holds another key than the one whose history this folder keeps")
    return signer
