"""Millions of hashes, for Overt and for clamd."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from time import perf_counter

from bench import clamav
from bench.measure import pss

from overt.engine.hashset import Label
from overt.rules import added
from overt.rules.intake import Intake

LABELS = 10_000
"""Different names: malware comes in families."""
MAX_SIZE = 4 << 20


def entries(number: int) -> Iterator[tuple[bytes, int, str]]:
    """(SHA-256, size in bytes, name) of files that don't exist."""
    for index in range(number):
        digest = hashlib.sha256(b"%d" % index).digest()
        yield digest, 1 + int.from_bytes(digest[:3], "little") % MAX_SIZE, f"Bench.Family{index % LABELS}"


def add(home: Path, number: int, texts: dict[str, str]) -> int:
    """Store `number` hashes and the rules as an added set in `home`; returns `number`."""

    def fill(intake: Intake) -> None:
        for name, text in texts.items():
            intake.text(name, text)
        labels = [Label(f"Bench.Family{index}") for index in range(LABELS)]
        for index, (digest, size, _) in enumerate(entries(number)):
            intake.hash(digest, labels[index % LABELS], size)

    added.store(home / "data", added.Added("bench"), fill)
    return number


def clamd(database: Path, number: int, folder: Path) -> tuple[float, int]:
    """Seconds until a clamd with the same rules and hashes answers, and its PSS in bytes."""
    place = folder / "database"
    place.mkdir()
    copyfile(database / "bench.ldb", place / "bench.ldb")
    with open(place / "bench.hsb", "w", encoding="ascii") as file:
        file.writelines(f"{digest.hex()}:{size}:{name}\n" for digest, size, name in entries(number))
    began = perf_counter()
    with clamav.daemon(place, folder, len(os.sched_getaffinity(0))) as running:
        return perf_counter() - began, pss(running.pid)
