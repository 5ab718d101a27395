"""Keys of a channel: private ones in encrypted files (PKCS#8) or on tokens (PKCS#11), public ones to hand over.

Signatures are made by securesystemslib's signers. A passphrase or PIN comes from the caller's `Ask`, never from the
command line or the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import CryptoSigner, HSMSigner, Key, Signer, SSlibKey

from overt.core import canonical
from overt.core.errors import ChannelError
from overt.store import atomic

Ask = Callable[[str], str]
"""Given what for (`passphrase of alice.key`), the passphrase or PIN."""

SCHEMA = "overt-public-key/1"
HOLDER = "x-overt-holder"
"""Member of a key in TUF metadata that names who holds it."""
MIN_PASSPHRASE = 12
"""Characters of a passphrase that protects a key."""
TOKEN = "pkcs11:"
NO_TOKENS = "tokens need another package: install overt[token]"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key and the name of its holder."""

    holder: str
    key: SSlibKey

    @property
    def keyid(self) -> str:
        return str(self.key.keyid)

    def encode(self) -> bytes:
        """The file that a holder gives to whoever keeps the channel."""
        named = {"holder": self.holder, "keyid": self.keyid, "key": self.key.to_dict(), "schema": SCHEMA}
        return canonical.encode(named) + b"\n"

    def named(self) -> SSlibKey:
        """The key as it stands in metadata, with its holder's name."""
        key = SSlibKey.from_dict(self.keyid, self.key.to_dict())
        key.unrecognized_fields[HOLDER] = self.holder
        return key


def parse_public(data: bytes, where: str) -> PublicKey:
    """The public key in a file's bytes; `where` names it in messages. Raises `ChannelError`."""
    try:
        value = canonical.decode(data.removesuffix(b"\n"))
        if value["schema"] != SCHEMA:
            raise ValueError(f"schema {value['schema']!r}")
        key = SSlibKey.from_dict(value["keyid"], dict(value["key"]))
        return PublicKey(checked_name(value["holder"]), key)
    except (canonical.NotCanonical, KeyError, TypeError, ValueError) as error:
        raise ChannelError(f"{where} is not a public key made by 'overt channel key' ({error})") from None


def read_public(path: Path) -> PublicKey:
    """The public key in the file `path`. Raises `ChannelError`."""
    return parse_public(_content(path), str(path))


def checked_name(name: str) -> str:
    """`name` if it can name a holder. Raises `ChannelError`."""
    if not _NAME.fullmatch(name):
        raise ChannelError(f"{name!r} can't name a key's holder: use letters, digits, '.', '_', '-'")
    return name


def holder_of(key: Key) -> str:
    """The name of the key's holder as its metadata says, else the beginning of its key ID."""
    named: Any = key.unrecognized_fields.get(HOLDER)
    return named if isinstance(named, str) and _NAME.fullmatch(named) else key.keyid[:8]


def generate(holder: str, path: Path, passphrase: str | None) -> PublicKey:
    """Make an Ed25519 key (RFC 8032) in the new file `path`, mode 0600, and return its public half.

    The file is PEM of PKCS#8, encrypted unless `passphrase` is None (only development channels do that). Raises
    `ChannelError` for a file that is there already or a passphrase that is too short.
    """
    private = Ed25519PrivateKey.generate()
    public = PublicKey(checked_name(holder), CryptoSigner(private).public_key)
    if path.exists():
        raise ChannelError(f"{path} is there already: a key is never overwritten, choose another name")
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(checked_passphrase(passphrase).encode())
    atomic.write(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return public


def checked_passphrase(passphrase: str) -> str:
    """`passphrase` if it is long enough. Raises `ChannelError`."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise ChannelError(f"the passphrase is too short: use at least {MIN_PASSPHRASE} characters")
    return passphrase


def load_private(path: Path, ask: Ask, of: str = "") -> Ed25519PrivateKey:
    """The private key in the file `path`; `ask` is called when it is encrypted, with `of` (default: the file).
    Raises `ChannelError`."""
    pem = _content(path)
    encrypted = b"BEGIN ENCRYPTED PRIVATE KEY" in pem
    try:
        password = ask(f"passphrase of {of or path}").encode() if encrypted else None
        private = load_pem_private_key(pem, password)
    except ValueError:
        raise ChannelError(f"{path} can't be opened: wrong passphrase, or not a private key") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise ChannelError(f"{path} is not an Ed25519 key: make one with 'overt channel key'")
    return private


def signer(reference: str, ask: Ask) -> Signer:
    """Whoever signs with the key that `reference` names: a file, or a token's key as a `pkcs11:` URI (RFC 7512 with
    `token`, `id` and `module-path`). Raises `ChannelError`."""
    if not reference.startswith(TOKEN):
        return CryptoSigner(load_private(Path(reference), ask))
    uri, public = _token(reference, ask)
    return HSMSigner.from_priv_key_uri(uri, public, lambda secret: ask(f"{secret} of {reference}"))


def token_public(holder: str, reference: str, ask: Ask) -> PublicKey:
    """The public half of a token's ECDSA key (P-256 or P-384). Raises `ChannelError`."""
    return PublicKey(checked_name(holder), _token(reference, ask)[1])


def _token(reference: str, ask: Ask) -> tuple[str, SSlibKey]:
    label, keyid, module = parse_token(reference)
    if module:
        os.environ["PYKCS11LIB"] = module  # where securesystemslib's signer looks for it
    try:
        return HSMSigner.import_(keyid, label, lambda secret: ask(f"{secret} of {reference}"))
    except UnsupportedLibraryError:
        raise ChannelError(f"{reference}: {NO_TOKENS}") from None
    except Exception as error:  # the token's own library raises what it likes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ChannelError(
            f"{reference}: {reason}: check the token, its PIN, and its library (module-path)"
        ) from error


def parse_token(reference: str) -> tuple[str | None, int | None, str | None]:
    """Token label, key ID and module path of a `pkcs11:` URI (RFC 7512, 2.3). Raises `ChannelError`."""
    path, _, query = reference.removeprefix(TOKEN).partition("?")
    attributes = dict(part.partition("=")[::2] for part in path.split(";") if part)
    options = dict(parse_qsl(query))
    if unknown := (set(attributes) - {"token", "id", "type"}) | (set(options) - {"module-path"}):
        raise ChannelError(
            f"{reference}: {sorted(unknown)[0]!r} is not supported: use token, id, module-path"
        )
    keyid = unquote_to_bytes(attributes["id"]) if "id" in attributes else None
    label = unquote_to_bytes(attributes["token"]).decode() if "token" in attributes else None
    return label, int.from_bytes(keyid, "big") if keyid is not None else None, options.get("module-path")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ChannelError(f"{path}: {error.strerror}") from None
