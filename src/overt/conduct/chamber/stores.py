"""Java's key stores and NSS' databases: an authority is added to copies of them, with the tools of the host."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

JAVA_PASSWORD = "changeit"
"""Of every Java distribution's own store; it protects nothing."""
JAVA_ALIAS = "chamber"
JAVA_NAMES = frozenset(("cacerts", "jssecacerts"))
NSS_FILE = "cert9.db"
NSS_FILES = (NSS_FILE, "key4.db", "pkcs11.txt")
NSS_NAME = "Chamber"
TOOL_S = 60.0


class Stored(msgspec.Struct, frozen=True):
    """A key store, or a database of several files, by its place in the product's view."""

    place: str
    """The store's own path, or the database's folder."""
    files: dict[str, bytes]
    """File name → content; a key store is one file with no name of its own; a database that is to be made has none."""

    @property
    def is_database(self) -> bool:
        """Whether it is NSS'."""
        return "" not in self.files

    @property
    def paths(self) -> tuple[str, ...]:
        """Of each file, in the view."""
        return tuple(f"{self.place}/{name}" if name else self.place for name in self.files)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool printed, or why it failed, in words."""

    said: str = ""
    failed: str = ""


def subject_hash(pem: bytes) -> Answer:
    """How OpenSSL names a certificate's file in its folders."""
    return _tool(["openssl", "x509", "-noout", "-subject_hash"], pem)


def can_do_nss() -> bool:
    """Whether NSS' own tool is on this machine."""
    return shutil.which("certutil") is not None


def add(found: Iterable[Stored], pem: bytes) -> tuple[list[Stored], list[str]]:
    """Add the certificate to each that lacks it. Returns those that changed, and in words what could not be done."""
    done, failures = [], []
    for stored in found:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / "ca.pem").write_bytes(pem)
            for name, content in stored.files.items():
                (folder / (name or "store")).write_bytes(content)
            failed = _add_nss(folder, not stored.files) if stored.is_database else _add_java(folder)
            if failed:
                failures.append(
                    f"{'NSS database' if stored.is_database else 'Java key store'} {stored.place}: {failed}"
                )
            elif changed := _read_back(stored, folder):
                done.append(changed)
    return done, failures


def _read_back(stored: Stored, folder: Path) -> Stored | None:
    names = [name for name in NSS_FILES if (folder / name).exists()] if stored.is_database else [""]
    files = {name: (folder / (name or "store")).read_bytes() for name in names}
    return Stored(stored.place, files) if files != stored.files else None


def _add_java(folder: Path) -> str:
    common = ["-keystore", str(folder / "store"), "-storepass", JAVA_PASSWORD, "-alias", JAVA_ALIAS]
    if not _tool(["keytool", "-list", *common]).failed:
        return ""
    return _tool(["keytool", "-importcert", "-noprompt", "-file", str(folder / "ca.pem"), *common]).failed


def _add_nss(folder: Path, new: bool) -> str:
    if not can_do_nss():
        return "certutil is not on this machine: apt-get install libnss3-tools"
    where = ["-d", f"sql:{folder}"]
    if new and (failed := _tool(["certutil", "-N", "--empty-password", *where]).failed):
        return failed
    if not _tool(["certutil", "-L", *where, "-n", NSS_NAME]).failed:
        return ""
    return _tool(["certutil", "-A", *where, "-n", NSS_NAME, "-t", "C,,", "-i", str(folder / "ca.pem")]).failed


def _tool(command: list[str], given: bytes = b"") -> Answer:
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=TOOL_S, check=False)
    except FileNotFoundError:
        return Answer(failed=f"{command[0]} is not on this machine")
    except subprocess.TimeoutExpired:
        return Answer(failed=f"{command[0]} took over {TOOL_S:.0f} s")
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        return Answer(failed=said.splitlines()[-1] if said else f"{command[0]} failed")
    return Answer(done.stdout.decode(errors="replace").strip())
