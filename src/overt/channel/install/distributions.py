"""Installed distributions, as their own metadata describes them (PEP 376, PEP 566): read, not believed."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """A line of RECORD: the file, and its SHA-256 in hexadecimal (empty: none is recorded)."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Installed:
    """A distribution: its normalised name (PEP 503), its version, its `.dist-info` folder."""

    name: str
    version: str
    info: Path

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The lines of its RECORD; none when there is no RECORD, or none that can be read."""
        try:
            text = (self.info / "RECORD").read_text(encoding="utf-8")
            return tuple(_entry(self.info.parent, row) for row in csv.reader(text.splitlines()) if row)
        except (OSError, ValueError, csv.Error):
            return ()

    @property
    def editable(self) -> bool:
        """Whether it only points to a source tree (PEP 610, PEP 660)."""
        try:
            value = json.loads((self.info / "direct_url.json").read_bytes())
            return bool(value["dir_info"]["editable"])
        except (OSError, ValueError, KeyError, TypeError):
            return False


def installed(site: Path) -> tuple[Installed, ...]:
    """All distributions in a folder of packages, by name."""
    found = (_read(info) for info in site.glob("*.dist-info") if info.is_dir())
    return tuple(sorted((one for one in found if one), key=lambda one: one.name))


def normalised(name: str) -> str:
    """A distribution's name as names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal. Raises `OSError`."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def recorded_sha256(text: str) -> str:
    """The hexadecimal SHA-256 in a RECORD's hash field; empty when it holds none."""
    name, _, value = text.partition("=")
    if name != "sha256":
        return ""
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()


def files_below(folder: Path) -> Iterator[Path]:
    """Every file and every symbolic link below a folder; links are not followed."""
    for place, folders, files in os.walk(folder):
        here = Path(place)
        yield from (here / name for name in files)
        yield from (here / name for name in folders if (here / name).is_symlink())


def _read(info: Path) -> Installed | None:
    """None for a folder whose METADATA has no name and version: its files then belong to nobody."""
    try:
        text = (info / "METADATA").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    headers = HeaderParser().parsestr(text, headersonly=True)
    name, version = headers.get("Name"), headers.get("Version")
    return Installed(normalised(str(name)), str(version), info) if name and version else None


def _entry(site: Path, row: list[str]) -> Entry:
    path = Path(os.path.normpath(site / row[0]))
    if path == site or "\0" in row[0]:
        raise ValueError(f"{row[0]!r} names no file")
    return Entry(path, recorded_sha256(row[1]) if len(row) > 1 else "")
