"""Secrets that any home has, each with a token: keys, browser profiles, a keyring, a wallet, mail, credentials."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from overt.conduct.canary.formats.base import Content
from overt.conduct.canary.formats.mail import DATE, message
from overt.conduct.canary.formats.sqlite import database
from overt.conduct.canary.noise import Noise
from overt.conduct.canary.texts import SENTENCES

OPENSSH_MAGIC = b"openssh-key-v1\0"
OPENSSH_BLOCK = 8
OPENSSH_LINE_CHARS = 70
BITCOIN_ID = 0xF9BEB4D9 - (1 << 32)
"""SQLite's application number of a Bitcoin Core wallet: the main network's magic, as SQLite's signed 32 bits."""
WEBKIT_2026 = 13_417_000_000_000_000
"""Microseconds since 1601, in 2026: how Chromium counts."""


@dataclass(frozen=True, slots=True)
class Decoy:
    """One kind of secret."""

    secret: str
    """What it is, in words."""
    path: str
    """Below a home; `{profile}` is replaced by random letters."""
    format: str
    build: Callable[[str, Noise], bytes]
    """From a token."""
    mode: int = 0o600


def ssh_key(token: str, noise: Noise) -> bytes:
    """An Ed25519 private key without passphrase, with the token as its comment (OpenSSH's PROTOCOL.key)."""
    seed = noise.raw(32)
    public = (
        Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    )
    kind = _string(b"ssh-ed25519")
    check = noise.raw(4)
    private = check + check + kind + _string(public) + _string(seed + public) + _string(token.encode())
    private += bytes(range(1, -len(private) % OPENSSH_BLOCK + 1))
    blob = OPENSSH_MAGIC + _string(b"none") + _string(b"none") + _string(b"") + struct.pack(">I", 1)
    encoded = base64.b64encode(blob + _string(kind + _string(public)) + _string(private)).decode("ascii")
    lines = [encoded[at : at + OPENSSH_LINE_CHARS] for at in range(0, len(encoded), OPENSSH_LINE_CHARS)]
    noise.remember(base64.b64encode(seed + public)[4:80])
    noise.remember(seed + public)
    text = ["-----BEGIN OPENSSH PRIVATE KEY-----", *lines, "-----END OPENSSH PRIVATE KEY-----", ""]
    return "\n".join(text).encode("ascii")


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def firefox_logins(token: str, noise: Noise) -> bytes:
    """Firefox's saved passwords: `logins.json`."""
    login = {
        "id": 1,
        "hostname": f"https://{token}.example.com",
        "httpRealm": None,
        "formSubmitURL": f"https://{token}.example.com",
        "usernameField": "user",
        "passwordField": "password",
        "encryptedUsername": base64.b64encode(noise.incompressible(48)).decode("ascii"),
        "encryptedPassword": base64.b64encode(noise.incompressible(48)).decode("ascii"),
        "guid": "{" + noise.letters(32) + "}",
        "encType": 1,
        "timesUsed": 7,
    }
    return json.dumps({"nextId": 2, "logins": [login], "version": 3}).encode()


def firefox_places(token: str, noise: Noise) -> bytes:
    """Firefox's history and bookmarks: `places.sqlite`."""
    rows = [(f"https://www.example.com/{token}", "A page", noise.letters(40)) for _ in range(3)]
    table = "CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR, guid TEXT)"
    return database(((table, "INSERT INTO moz_places (url, title, guid) VALUES (?, ?, ?)", rows),))


def chromium_logins(token: str, noise: Noise) -> bytes:
    """Chromium's saved passwords: `Login Data`."""
    rows = [(f"https://{token}.example.net/", token, b"v10" + noise.incompressible(64), WEBKIT_2026)]
    table = (
        "CREATE TABLE logins (origin_url VARCHAR NOT NULL, username_value VARCHAR, password_value BLOB,"
        " date_created INTEGER NOT NULL)"
    )
    return database(((table, "INSERT INTO logins VALUES (?, ?, ?, ?)", rows),))


def keyring(token: str, noise: Noise) -> bytes:
    """GNOME's keyring in its plain form, as it is for an empty password."""
    item = (
        f"[1]\nitem-type=0\ndisplay-name=Work account\nsecret={token}{noise.letters(32)}\nmtime=1773739800\n"
    )
    return f"\n[keyring]\ndisplay-name=login\nctime=1773739800\nlock-on-idle=false\n\n{item}ctime=1773739800\n".encode()


def wallet(token: str, noise: Noise) -> bytes:
    """A Bitcoin Core descriptor wallet: keys and values in one table."""
    rows = [(b"\x04name" + token.encode(), b"\x06savings")]
    rows += [
        (b"\x13walletdescriptorkey" + noise.incompressible(33), noise.incompressible(214)) for _ in range(8)
    ]
    table = "CREATE TABLE main (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL)"
    return database(
        ((table, "INSERT INTO main VALUES (?, ?)", rows),), (f"PRAGMA application_id = {BITCOIN_ID}",)
    )


def mailbox(token: str, noise: Noise) -> bytes:
    """A mail program's mailbox (RFC 4155) of one message."""
    content = Content(token, "Your order", "en", SENTENCES["en"], 0)
    text = message(content, noise, 4_000).as_bytes(unixfrom=False).replace(b"\r\n", b"\n")
    return b"From robin@example.org " + DATE[:-6].encode().replace(b",", b"") + b"\n" + text + b"\n"


def netrc(token: str, noise: Noise) -> bytes:
    """Passwords for file transfer programs."""
    return f"machine files.example.org\nlogin alice\npassword {token}{noise.letters(24)}\n".encode()


def aws_credentials(token: str, noise: Noise) -> bytes:
    """Credentials for a cloud, as its own command reads them."""
    return f"[default]\naws_access_key_id = {token.upper()}\naws_secret_access_key = {noise.letters(40)}\n".encode()


def service_account(token: str, noise: Noise) -> bytes:
    """A cloud's service account."""
    account = {
        "type": "service_account",
        "project_id": "example-project",
        "private_key_id": noise.letters(40, "0123456789abcdef"),
        "private_key": base64.b64encode(noise.incompressible(600)).decode("ascii"),
        "client_email": f"{token}@example-project.example.com",
    }
    return json.dumps(account, indent=2).encode()


DECOYS = (
    Decoy("ssh key", ".ssh/id_ed25519", "key", ssh_key),
    Decoy(
        "browser passwords", ".mozilla/firefox/{profile}.default-release/logins.json", "json", firefox_logins
    ),
    Decoy(
        "browser history",
        ".mozilla/firefox/{profile}.default-release/places.sqlite",
        "sqlite",
        firefox_places,
    ),
    Decoy("browser passwords", ".config/chromium/Default/Login Data", "sqlite", chromium_logins),
    Decoy("keyring", ".local/share/keyrings/login.keyring", "key", keyring),
    Decoy("wallet", ".bitcoin/wallets/{profile}/wallet.dat", "sqlite", wallet),
    Decoy("mail", ".thunderbird/{profile}.default/Mail/Local Folders/Inbox", "mail", mailbox),
    Decoy("network passwords", ".netrc", "text", netrc),
    Decoy("cloud credentials", ".aws/credentials", "text", aws_credentials),
    Decoy(
        "cloud credentials", ".config/gcloud/application_default_credentials.json", "json", service_account
    ),
)
