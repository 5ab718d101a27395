"""The keys that the publishing machine itself uses: snapshot, timestamp and log, in files `ROLE-N.pem`.

All of them have one passphrase, asked for once. A development channel keeps its offline keys here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Key, SSlibKey

from overt.channel.publisher import keys
from overt.channel.publisher.keys import Ask, PublicKey
from overt.core.errors import ChannelError
from overt.store import atomic
from overt.tlog.keys import MemorySigner, SignatureType, VerifierKey

WHAT = "the online keys"
_NAME = re.compile(r"([a-z]+)-([0-9]+)\.pem", re.ASCII)


def once(ask: Ask) -> Ask:
    """`ask`, with every answer remembered."""
    return cache(ask)


def make(folder: Path, role: str, passphrase: str | None) -> PublicKey:
    """Make the next key of `role`, with its public half beside it."""
    number = max((int(m[2]) for m in _names(folder) if m[1] == role), default=0) + 1
    public = keys.generate(f"{role}-{number}", folder / f"{role}-{number}.pem", passphrase)
    atomic.write(folder / f"{role}-{number}.pub", public.encode())
    return public


def _names(folder: Path) -> list[re.Match[str]]:
    found = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted((match for match in found if match), key=lambda m: (m[1], int(m[2])))


def public_keys(folder: Path) -> dict[str, Path]:
    """Key ID → private key file, of all keys that are kept here."""
    pairs = ((folder / match.group()).with_suffix(".pub") for match in _names(folder))
    return {keys.read_public(path).keyid: path.with_suffix(".pem") for path in pairs if path.exists()}


def signers(folder: Path, wanted: Iterable[Key], ask: Ask) -> list[CryptoSigner]:
    """Signers of those of the `wanted` keys that are kept here. Raises `ChannelError`."""
    here = public_keys(folder)
    found = [(here[key.keyid], key) for key in wanted if key.keyid in here]
    return [CryptoSigner(_load(path, ask), key) for path, key in found if isinstance(key, SSlibKey)]


def role_signers(folder: Path, role: str, wanted: Iterable[Key], ask: Ask) -> list[CryptoSigner]:
    """The same for an online role, which must be able to sign. Raises `ChannelError`."""
    if found := signers(folder, wanted, ask):
        return found
    raise ChannelError(f"{folder} holds no key that root trusts for {role}: bring it here, or rotate it")


def log_signers(folder: Path, origin: str, ask: Ask) -> list[MemorySigner]:
    """Signers of the log's checkpoints, the newest first: note type 0x01. Raises `ChannelError`."""
    files = [folder / match.group() for match in _names(folder) if match[1] == "log"]
    found = [
        MemorySigner(origin, SignatureType.ED25519, _load(path, ask).private_bytes_raw())
        for path in reversed(files)
    ]
    if not found:
        raise ChannelError(f"{folder} holds no log key: without it nothing can be appended")
    return found


def log_key(public: PublicKey, origin: str) -> str:
    """A log's verifier key as text (c2sp.org/signed-note), from a public key made here."""
    from_key = bytes.fromhex(public.key.keyval["public"])
    return VerifierKey(origin, SignatureType.ED25519, from_key).encode()


def passphrase(folder: Path, ask: Ask) -> str | None:
    """The passphrase of the keys kept here, tried on one of them; None when they have none. Raises `ChannelError`."""
    given: list[str] = []

    def heard(what: str) -> str:
        given.append(ask(what))
        return given[-1]

    first = next((folder / match.group() for match in _names(folder)), None)
    if first is None:
        raise ChannelError(f"{folder} holds no keys")
    _load(first, heard)
    return given[0] if given else None


def _load(path: Path, ask: Ask) -> Ed25519PrivateKey:
    return keys.load_private(path, ask, WHAT)
