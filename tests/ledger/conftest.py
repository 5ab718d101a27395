"""Ledgers: a small one to write to, one of 2,500 entries to attack copies of, and one of 10,000."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from overt.ledger import Head, Kind, Ledger
from tests.conftest import require

ENTRIES, MANY = 2_500, 10_000
SEGMENT_BYTES = 400 * 1024


def fill(ledger: Ledger, entries: int) -> None:
    """Append what a year of updates looks like, up to so many entries."""
    number = ledger.head().size
    while number < entries:
        entry = ledger.append(*sample(number))
        number = entry.sequence + 1


def made(folder: Path, entries: int) -> Path:
    """A ledger to attack: whether it would outlast a loss of power is of no interest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda fd: None)
        fill(Ledger.open(folder, SEGMENT_BYTES), entries)
    return folder


def sample(number: int) -> tuple[Kind, dict[str, str | int | bool | list[str]]]:
    """A kind and facts."""
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    match number % 4:
        case 0:
            return Kind.FETCH_REQUEST, {"url": f"https://rules.example.org/{sha256[:8]}", "channel": "public"}
        case 1:
            result = {
                "request": number - 1,
                "outcome": "ok",
                "status": 200,
                "bytes": number,
                "sha256": sha256,
            }
            return Kind.FETCH_RESULT, result
        case 2:
            installed = {"what": "rules", "serial": number, "bundles": [f"base {sha256}"]}
            return Kind.INSTALLED, installed
    return Kind.DECIDED, {"subject": "über", "decision": "keep", "by": "policy", "reason": 'a "b"\n'}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "ledger")


@pytest.fixture(scope="session")
def years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of 10,000 entries in several segments; not to be changed."""
    return made(tmp_path_factory.mktemp("years") / "ledger", MANY)


@pytest.fixture(scope="session")
def months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of 2,500 entries, in several segments; not to be changed."""
    return made(tmp_path_factory.mktemp("months") / "ledger", ENTRIES)


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another machine's ledger, with the same things recorded."""
    return made(tmp_path_factory.mktemp("others") / "ledger", ENTRIES - 500)


@pytest.fixture(scope="session")
def kept(months: Path) -> Head:
    """The head of the 2,500 entries, as it was kept elsewhere."""
    return Ledger.open(months).head()


@pytest.fixture
def victim(months: Path, tmp_path: Path) -> Path:
    """A copy of the 2,500 entries that may be changed."""
    return shutil.copytree(months, tmp_path / "victim")


@pytest.fixture
def big_victim(years: Path, tmp_path: Path) -> Path:
    """A copy of the 10,000 entries that may be changed."""
    return shutil.copytree(years, tmp_path / "big-victim")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB."""
    require(os.geteuid() == 0, "root, to mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"mount: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
