"""Planting: writing what was planned into the homes of a chamber."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from overt.conduct.canary.planned import Planned
from overt.conduct.evidence.records import Canary
from overt.core.errors import ConductError

FOLDER_MODE = 0o700


def plant(planned: Iterable[Planned], homes: Path, owner: int) -> tuple[Canary, ...]:
    """Write all files below `homes`, as new files of user and group `owner`, and give the canaries' records.

    Raises `ConductError` if a file cannot be written, or if something is in its place.
    """
    records = []
    for item in planned:
        try:
            _folder(homes / item.path, homes, owner)
            _write(homes / item.path, item, owner)
        except OSError as error:
            raise ConductError(
                f"the canary {item.path} could not be planted: {error.strerror}: is there room in {homes}?"
            ) from error
        if item.number is not None:
            records.append(item.record())
    return tuple(sorted(records, key=lambda record: record.number))


def _folder(path: Path, homes: Path, owner: int) -> None:
    for folder in reversed(path.relative_to(homes).parents[:-1]):
        try:
            (homes / folder).mkdir(FOLDER_MODE)
        except FileExistsError:
            continue
        os.chown(homes / folder, owner, owner)


def _write(path: Path, item: Planned, owner: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    with open(descriptor, "wb") as stream:
        stream.write(item.data)
        stream.flush()
        os.fchown(descriptor, owner, owner)
        os.fchmod(descriptor, item.mode)
        os.utime(descriptor, (item.mtime, item.mtime))
