"""Makes the lab's certificate authority one that the product trusts, wherever programs look for those they trust.

Appended to every bundle of PEM certificates in the product's view, and added to OpenSSL's folders of certificates,
Java's key stores and NSS' databases. What a product carries compiled in, or pins, can't be reached: its traffic stays
closed. Files are looked for, read and written by a child that is confined to the view; the tools that change key stores
and databases are the host's, and work on copies.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from overt.conduct.chamber import inside, stores
from overt.conduct.chamber.plan import ALICE, User
from overt.conduct.chamber.stores import JAVA_NAMES, NSS_FILE, NSS_FILES, Stored

MIN_CERTIFICATES = 20
"""A file with fewer is no bundle of authorities but somebody's own chain."""
MAX_BUNDLE_BYTES = 8 << 20
MAX_STORES = 64
BEGIN = b"-----BEGIN CERTIFICATE-----"
SUFFIXES = frozenset((".pem", ".crt", ".cert", ".cer", ".bundle", ".txt", ".0", ""))
NAMES_WITH = ("cert", "ca-", "cacert", "bundle", "root", "trust", ".pem", ".crt")
SEARCHED = ("/etc", "/usr", "/opt", "/srv", "/var/lib", "/home", "/root")
SKIPPED = frozenset(("proc", "sys", "dev", "doc", "man", "locale", "include"))
LOCAL = "usr/local/share/ca-certificates/chamber.crt"
"""Where Debian's update-ca-certificates takes it from, when an installation runs that."""
HASH_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/openssl/certs")
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Trusted:
    """What was changed so that the product trusts the lab."""

    environment: Mapping[str, str]
    """For every step. The variables that would point elsewhere (SSL_CERT_FILE and the like) are never set inside, since
    the chamber's environment is made from nothing."""
    changed: tuple[str, ...]
    """Paths as the product sees them: changes that are the lab's."""
    not_done: tuple[str, ...]
    """What could not be made to trust it, in words: traffic of programs that rely on it stays closed."""


class Found(msgspec.Struct, frozen=True):
    """What the child in the view changed, and what it found that only tools can change."""

    changed: tuple[str, ...]
    failed: tuple[str, ...]
    stores: tuple[Stored, ...]


def establish(root: Path, certificate: bytes, user: User = ALICE) -> Trusted:
    """Make `certificate` (PEM) trusted in the view mounted at `root`. Can be called again after an installation: what
    trusts it already is left. Raises `ConductError`, `ValueError` for no certificate."""
    pem = x509.load_pem_x509_certificate(certificate).public_bytes(Encoding.PEM)
    name = stores.subject_hash(pem)
    not_done = [f"OpenSSL's folders of certificates: {name.failed}"] if name.failed else []
    homes = (Path(user.home), Path("/root")) if stores.can_do_nss() else ()
    found = inside.run(root, partial(_search, pem, name.said, homes), Found)
    done, failures = stores.add(found.stores, pem)
    owners = {user.home: (user.uid, user.gid)}
    written = inside.run(root, partial(_put_back, done, owners), Found)
    return Trusted(
        {"NODE_EXTRA_CA_CERTS": f"/{LOCAL}"},
        (*found.changed, *written.changed),
        (*not_done, *found.failed, *failures, *written.failed),
    )


def _search(pem: bytes, hash_name: str, homes: Sequence[Path]) -> Found:
    """In the view: append to bundles, add to folders; read the stores."""
    changed: list[str] = []
    failed: list[str] = []
    found: list[Stored] = []
    with _noted(f"/{LOCAL}", failed):
        changed += _write(Path("/", LOCAL), pem)
    for path in _files():
        if path.name in JAVA_NAMES:
            if (content := _content(path)) is not None and len(found) < MAX_STORES:
                found.append(Stored(str(path), {"": content}))
        elif path.name == NSS_FILE:
            if len(found) < MAX_STORES:
                found.append(_database(path.parent))
        else:
            with _noted(str(path), failed):
                changed += _append(path, pem)
    for folder in HASH_FOLDERS if hash_name else ():
        with _noted(folder, failed):
            changed += _hashed(Path(folder), hash_name, pem)
    for home in homes:
        database = home / ".pki/nssdb"
        if home.is_dir() and not (database / NSS_FILE).exists():
            found.append(Stored(str(database), {}))
    return Found(tuple(changed), tuple(failed), tuple(found))


@contextlib.contextmanager
def _noted(what: str, failed: list[str]) -> Iterator[None]:
    """What the product made impossible, by a link to nowhere or a full disk, is told, and no reason to stop."""
    try:
        yield
    except OSError as error:
        failed.append(f"{what}: {error.strerror}")


def _files() -> Iterator[Path]:
    """Candidates, by name: no content is read for it."""
    for start in SEARCHED:
        for folder, folders, names in os.walk(start):
            folders[:] = [name for name in folders if name not in SKIPPED]
            for name in names:
                lower = name.lower()
                suits = os.path.splitext(lower)[1] in SUFFIXES and any(part in lower for part in NAMES_WITH)
                if suits or name in JAVA_NAMES or name == NSS_FILE:
                    yield Path(folder, name)


def _content(path: Path, flags: int = READ) -> bytes | None:
    """Of a file that is one, itself no link and not too big; else None."""
    try:
        fd = os.open(path, flags)
    except OSError:
        return None
    with open(fd, "rb") as stream:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_BUNDLE_BYTES:
            return None
        return stream.read(MAX_BUNDLE_BYTES)


def _append(path: Path, pem: bytes) -> list[str]:
    content = _content(path)
    if content is None or content.count(BEGIN) < MIN_CERTIFICATES or pem.strip() in content:
        return []
    with open(path, "ab") as stream:
        stream.write((b"" if content.endswith(b"\n") else b"\n") + pem)
    return [str(path)]


def _write(path: Path, content: bytes) -> list[str]:
    if _content(path) == content:
        return []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(0o644)
    return [str(path)]


def _hashed(folder: Path, name: str, pem: bytes) -> list[str]:
    """OpenSSL looks authorities up by a hash of their subject, and a number, as `openssl rehash` names them."""
    for number in range(10) if folder.is_dir() else ():
        path = folder / f"{name}.{number}"
        if _content(path) == pem:
            break
        if not path.exists() and not path.is_symlink():
            path.write_bytes(pem)
            return [str(path)]
    return []


def _database(folder: Path) -> Stored:
    files = ((name, _content(folder / name)) for name in NSS_FILES)
    return Stored(str(folder), {name: content for name, content in files if content is not None})


def _put_back(done: Sequence[Stored], owners: Mapping[str, tuple[int, int]]) -> Found:
    """In the view: write what the tools changed; new databases belong to the owner of the home."""
    changed: list[str] = []
    failed: list[str] = []
    for stored in done:
        with _noted(stored.place, failed):
            _store(stored, owners)
            changed += stored.paths
    return Found(tuple(changed), tuple(failed), ())


def _store(stored: Stored, owners: Mapping[str, tuple[int, int]]) -> None:
    folder = Path(stored.place)
    owner = next((ids for home, ids in owners.items() if stored.place.startswith(f"{home}/")), (0, 0))
    if stored.is_database and not folder.is_dir():
        folder.mkdir(parents=True, mode=0o700)
        for made in (folder.parent, folder):
            os.chown(made, *owner)
    for file, content in zip(stored.paths, stored.files.values(), strict=True):
        new = not Path(file).exists()
        Path(file).write_bytes(content)
        if new:
            os.chown(file, *owner)
