"""Makes the lab's certificate authority one that the product trusts, wherever programs look for those they trust.

Appended to every bundle of PEM certificates in the product's view, and added to OpenSSL's folders of certificates,
Java's key stores and NSS' databases. What a product carries compiled in, or pins, can't be reached: its traffic stays
closed. Works from the warden, through the mounted view: never on a file of the host.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from overt.conduct.chamber.plan import ALICE, User

MIN_CERTIFICATES = 20
"""A file with fewer is no bundle of authorities but somebody's own chain."""
MAX_BUNDLE_BYTES = 8 << 20
BEGIN = b"-----BEGIN CERTIFICATE-----"
SUFFIXES = frozenset((".pem", ".crt", ".cert", ".cer", ".bundle", ".txt", ".0", ""))
NAMES_WITH = ("cert", "ca-", "cacert", "bundle", "root", "trust", ".pem", ".crt")
SEARCHED = ("etc", "usr", "opt", "srv", "var/lib", "home", "root")
SKIPPED = frozenset(("proc", "sys", "dev", "doc", "man", "locale", "include"))
LOCAL = "usr/local/share/ca-certificates/chamber.crt"
"""Where Debian's update-ca-certificates takes it from, when an installation runs that."""
HASH_FOLDERS = ("etc/ssl/certs", "etc/pki/tls/certs", "etc/openssl/certs")
JAVA_PASSWORD = "changeit"
"""Of every Java distribution's own store; it protects nothing."""
JAVA_ALIAS = "chamber"
JAVA_STORES = frozenset(("cacerts", "jssecacerts"))
NSS_FILE = "cert9.db"
NSS_NAME = "Chamber"
TOOL_S = 60.0


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


def establish(root: Path, certificate: bytes, user: User = ALICE) -> Trusted:
    """Make `certificate` (PEM) trusted in the view mounted at `root`. Can be called again after an installation: what
    trusts it already is left. Raises `OSError`, `ValueError` for no certificate."""
    parsed = x509.load_pem_x509_certificate(certificate)
    pem = parsed.public_bytes(Encoding.PEM)
    changed: list[str] = []
    not_done: list[str] = []
    _write(root, LOCAL, pem, changed)
    stores, databases = [], []
    for path in _files(root):
        if path.name in JAVA_STORES and not path.is_symlink():
            stores.append(path)
        elif path.name == NSS_FILE:
            databases.append(path.parent)
        elif _is_bundle(path) and pem.strip() not in (content := path.read_bytes()):
            ending = b"" if content.endswith(b"\n") else b"\n"
            _append(path, ending + pem)
            changed.append(_inside(root, path))
    _hash_folders(root, parsed, changed, not_done)
    _java(root, stores, pem, changed, not_done)
    _nss(root, databases, pem, user, changed, not_done)
    environment = {"NODE_EXTRA_CA_CERTS": f"/{LOCAL}"}
    return Trusted(environment, tuple(changed), tuple(not_done))


def _files(root: Path) -> Iterator[Path]:
    """Candidates, by name: no content is read for it."""
    for start in SEARCHED:
        for folder, folders, names in os.walk(root / start):
            folders[:] = [name for name in folders if name not in SKIPPED]
            for name in names:
                lower = name.lower()
                if (
                    name in JAVA_STORES
                    or name == NSS_FILE
                    or (os.path.splitext(lower)[1] in SUFFIXES and any(part in lower for part in NAMES_WITH))
                ):
                    yield Path(folder) / name


def _is_bundle(path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BUNDLE_BYTES:
        return False
    return path.read_bytes().count(BEGIN) >= MIN_CERTIFICATES


def _append(path: Path, content: bytes) -> None:
    with open(path, "ab") as stream:
        stream.write(content)


def _write(root: Path, place: str, content: bytes, changed: list[str]) -> None:
    path = root / place
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o644)
    changed.append(f"/{place}")


def _inside(root: Path, path: Path) -> str:
    return f"/{path.relative_to(root)}"


def _hash_folders(root: Path, certificate: x509.Certificate, changed: list[str], not_done: list[str]) -> None:
    """OpenSSL looks authorities up by a hash of their subject, as `openssl rehash` names them."""
    folders = [folder for folder in HASH_FOLDERS if (root / folder).is_dir()]
    if not folders:
        return
    done = _tool(["openssl", "x509", "-noout", "-subject_hash"], certificate.public_bytes(Encoding.PEM))
    if isinstance(done, str):
        not_done.append(f"OpenSSL's folders of certificates: {done}")
        return
    name = done.decode().strip()
    for folder in folders:
        pem = certificate.public_bytes(Encoding.PEM)
        for number in range(10):
            path = root / folder / f"{name}.{number}"
            if path.is_file() and path.read_bytes() == pem:
                break
            if not path.exists() and not path.is_symlink():
                _write(root, f"{folder}/{path.name}", pem, changed)
                break


def _java(root: Path, stores: list[Path], pem: bytes, changed: list[str], not_done: list[str]) -> None:
    """With the host's keytool, on a copy that then takes the store's place; none there: programs' own stores stay."""
    for store in stores:
        with tempfile.TemporaryDirectory() as scratch:
            copy, certificate = Path(scratch) / "store", Path(scratch) / "ca.pem"
            shutil.copyfile(store, copy)
            certificate.write_bytes(pem)
            common = ["-keystore", str(copy), "-storepass", JAVA_PASSWORD, "-alias", JAVA_ALIAS]
            if not isinstance(_tool(["keytool", "-list", *common]), str):
                continue
            done = _tool(["keytool", "-importcert", "-noprompt", "-file", str(certificate), *common])
            if isinstance(done, str):
                not_done.append(f"Java's key store {_inside(root, store)}: {done}")
                continue
            store.write_bytes(copy.read_bytes())
            changed.append(_inside(root, store))


def _nss(
    root: Path, databases: list[Path], pem: bytes, user: User, changed: list[str], not_done: list[str]
) -> None:
    """The databases that are there (a browser's profile, /etc/pki/nssdb), and Chromium's of both users."""
    if shutil.which("certutil") is None:
        if databases:
            not_done.append("NSS databases: certutil is not on this machine: apt-get install libnss3-tools")
        return
    for home, owner in ((user.home, user), ("/root", None)):
        if (root / home.lstrip("/")).is_dir():
            database = root / home.lstrip("/") / ".pki/nssdb"
            if not (database / NSS_FILE).exists():
                _new_database(root, database, owner, changed, not_done)
                databases = [*databases, database]
    for database in dict.fromkeys(databases):
        where = ["-d", f"sql:{database}", "-n", NSS_NAME]
        if not isinstance(_tool(["certutil", "-L", *where]), str):
            continue
        done = _tool(["certutil", "-A", *where, "-t", "C,,"], pem)
        if isinstance(done, str):
            not_done.append(f"NSS database {_inside(root, database)}: {done}")
        else:
            changed.append(_inside(root, database / NSS_FILE))


def _new_database(
    root: Path, database: Path, owner: User | None, changed: list[str], not_done: list[str]
) -> None:
    database.mkdir(parents=True, mode=0o700)
    done = _tool(["certutil", "-N", "--empty-password", "-d", f"sql:{database}"])
    if isinstance(done, str):
        not_done.append(f"NSS database {_inside(root, database)}: {done}")
        return
    made = (database.parent, database, *database.iterdir())
    for path in made:
        if owner is not None:
            os.chown(path, owner.uid, owner.gid)
        changed.append(_inside(root, path))


def _tool(command: list[str], given: bytes = b"") -> bytes | str:
    """What a tool of the host printed; or, in words, why it failed."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=TOOL_S, check=False)
    except FileNotFoundError:
        return f"{command[0]} is not on this machine"
    except subprocess.TimeoutExpired:
        return f"{command[0]} took over {TOOL_S:.0f} s"
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        return said.splitlines()[-1] if said else f"{command[0]} failed"
    return done.stdout
