"""A release of a program: every file of its wheel, what it requires, and its place in the log.

The record is canonical JSON (RFC 8785). The log's entry is the small leaf that names the record by its SHA-256:

    {"program":"overt","record":SHA256,"version":"0.1.0"}
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from overt.core import canonical
from overt.core.errors import Malformed

SCHEMA = "overt-program-release/1"
MAX_RECORD_BYTES = 16 << 20
MAX_FILES = 100_000
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?", re.ASCII)
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]{0,63}", re.ASCII)
_MEMBERS = {"schema", "program", "version", "wheel", "files", "sbom", "requires"}


@dataclass(frozen=True, slots=True)
class File:
    """A file: its name or its path inside the wheel, the SHA-256 of its bytes, how many they are."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Required:
    """A locked dependency: its normalised name (PEP 503), its version, the SHA-256 of each archive it may come from."""

    name: str
    version: str
    archives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProgramRelease:
    """What everybody who installs this version gets. `files` are the wheel's, without its RECORD, in order of path."""

    program: str
    version: str
    wheel: File
    files: tuple[File, ...]
    sbom: File
    requires: tuple[Required, ...]

    def encode(self) -> bytes:
        """The record's bytes."""
        return canonical.encode(
            {
                "schema": SCHEMA,
                "program": self.program,
                "version": self.version,
                "wheel": _listed(self.wheel),
                "files": [_listed(file) for file in self.files],
                "sbom": _listed(self.sbom),
                "requires": [[one.name, one.version, list(one.archives)] for one in self.requires],
            }
        )

    @property
    def sha256(self) -> str:
        """The record's SHA-256, in hexadecimal."""
        return hashlib.sha256(self.encode()).hexdigest()

    def leaf(self) -> bytes:
        """The entry in the log."""
        return canonical.encode({"program": self.program, "record": self.sha256, "version": self.version})


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf of the log: `sha256` is that of the record."""

    program: str
    version: str
    sha256: str


def parse_leaf(data: bytes) -> Entry:
    """The entry that a leaf holds. Raises `Malformed` for anything but the one encoding of one."""
    try:
        value = canonical.decode(data)
    except canonical.NotCanonical as error:
        raise Malformed(f"program release: {error}") from None
    if not isinstance(value, dict) or set(value) != {"program", "record", "version"}:
        raise Malformed("program release: not an object with exactly program, record and version")
    return Entry(
        _text(value["program"], _NAME, "program"),
        _text(value["version"], _VERSION, "version"),
        _text(value["record"], _SHA256, "SHA-256"),
    )


def parse(data: bytes) -> ProgramRelease:
    """The release whose record is `data`. Raises `Malformed` for anything but the one encoding of one."""
    try:
        value = canonical.decode(data)
    except canonical.NotCanonical as error:
        raise Malformed(f"program release: {error}") from None
    if not isinstance(value, dict) or set(value) != _MEMBERS or value["schema"] != SCHEMA:
        raise Malformed(f"program release: not an object of the schema {SCHEMA}")
    files = tuple(_file(one) for one in _items(value["files"], "files"))
    if [file.path for file in files] != sorted({file.path for file in files}):
        raise Malformed("program release: its files are not in order, or one is there twice")
    return ProgramRelease(
        _text(value["program"], _NAME, "program"),
        _text(value["version"], _VERSION, "version"),
        _file(value["wheel"]),
        files,
        _file(value["sbom"]),
        tuple(_required(one) for one in _items(value["requires"], "requires")),
    )


def _listed(file: File) -> list[str | int]:
    return [file.path, file.sha256, file.size]


def _items(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_FILES:
        raise Malformed(f"program release: {name} is not a list of at most {MAX_FILES}")
    return value


def _file(value: Any) -> File:
    if not isinstance(value, list) or len(value) != 3:
        raise Malformed("program release: a file is not [path, sha256, size]")
    path, digest, size = value
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Malformed("program release: a file's size is no number")
    return File(_path(path), _text(digest, _SHA256, "SHA-256"), size)


def _path(value: Any) -> str:
    """A relative path that stays inside its folder."""
    if not isinstance(value, str) or any(part in ("", ".", "..") for part in value.split("/")):
        raise Malformed(f"program release: {value!r} is no path inside a wheel")
    if "\\" in value or not value.isprintable():
        raise Malformed(f"program release: {value!r} is no path inside a wheel")
    return value


def _required(value: Any) -> Required:
    if not isinstance(value, list) or len(value) != 3:
        raise Malformed("program release: a requirement is not [name, version, archives]")
    name, version, archives = value
    digests = tuple(_text(one, _SHA256, "SHA-256") for one in _items(archives, "archives"))
    return Required(_text(name, _NAME, "name of a requirement"), _text(version, _VERSION, "version"), digests)


def _text(value: Any, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Malformed(f"program release: {value!r} is no {what}")
    return value
