"""Files and folders that a user names, read for their rules."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from overt.core.errors import UsageError
from overt.rules.check import accepted
from overt.rules.imports.recognise import take, worth_reading
from overt.rules.intake import Intake
from overt.rules.lines import Content
from overt.rules.yara_source import Source, split

MAPPED_BYTES = 16 << 20
"""Files larger than this are mapped instead of read."""
MAX_FILE_BYTES = 4 << 30
"""Bytes of one file of rules; a larger one is a problem, not read."""
ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz")


def gather(targets: Sequence[str], intake: Intake) -> dict[str, Source]:
    """Carry over everything in `targets` (files, folders, archives), then check each YARA text: rules that the engine
    rejects become problems; the others are returned by source. Raises `UsageError` when a target does not exist."""
    collect(targets, intake)
    return _check(intake)


def collect(targets: Sequence[str], intake: Intake) -> None:
    """The first half of `gather`: nothing is split or compiled. Raises `UsageError` when a target does not exist."""
    for target in targets:
        for name, path in files_of(target):
            _take(name, path, intake)


def files_of(target: str) -> Iterator[tuple[str, Path]]:
    """What is read of a target: each file with its name in the source. Raises `UsageError` when there is no target."""
    path = Path(target)
    if path.is_dir():
        yield from ((str(file.relative_to(path)), file) for file in _files(path))
    elif path.exists():
        yield path.name, path
    else:
        raise UsageError(f"{target} does not exist")


def _check(intake: Intake) -> dict[str, Source]:
    """Split and compile every YARA text of the intake. Texts without a working rule are left out of it."""
    checked = {}
    for name, text in list(intake.texts.items()):
        source = accepted(split(name, text))
        intake.problems.extend(source.problems)
        intake.carried["rules"] += len(source.rules)
        if source.rules:
            checked[name] = source
        else:
            del intake.texts[name]
            if not source.problems:
                intake.problem(name, 0, "no rules in this file")
    return checked


def _files(folder: Path) -> Iterator[Path]:
    """Files below `folder` that may hold rules, in a stable order; links are not followed."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place, name)
            if not path.is_symlink() and (worth_reading(name) or name.lower().endswith(ARCHIVES)):
                yield path


def _content(file: BinaryIO, size: int) -> Content:
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size > MAPPED_BYTES else file.read()


def _take(name: str, path: Path, intake: Intake) -> None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            intake.problem(name, 0, "not a regular file")
        elif status.st_size > MAX_FILE_BYTES:
            intake.problem(name, 0, f"larger than {MAX_FILE_BYTES} bytes: split it")
        else:
            with open(path, "rb") as file:
                take(name, _content(file, status.st_size), intake)
    except OSError as error:
        intake.problem(name, 0, f"can't be read: {error.strerror}")
