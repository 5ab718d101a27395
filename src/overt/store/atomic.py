"""Files that are either the old one or the new one, whole, whatever happens in between."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp", re.ASCII)


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` with `data`: temporary file in the same folder, fsync, rename, fsync of the folder.

    Raises `OSError` that names `path`; then `path` is what it was, and no temporary file is left. (When the last step
    fails, `path` is new, and that may not be on the disk yet.)
    """
    _named(path, data, mode, os.replace)


def create(path: Path, data: bytes, mode: int = 0o600) -> None:
    """As `write`, but raises `FileExistsError` where there is something already, also when it came meanwhile."""
    _named(path, data, mode, _add)


def _named(path: Path, data: bytes, mode: int, name: Callable[[Path, Path], None]) -> None:
    try:
        _through_temporary(path, data, mode, name)
    except OSError as error:
        error.filename = os.fspath(path)  # nobody asked for the temporary file, and a failed write names none
        raise
    sync_folder(path.parent)


def _through_temporary(path: Path, data: bytes, mode: int, name: Callable[[Path, Path], None]) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        name(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _add(temporary: Path, path: Path) -> None:
    os.link(temporary, path)
    temporary.unlink()


def sweep(folder: Path) -> None:
    """Remove the temporary files that writers left in `folder` when they were killed. The caller sees to it that nobody
    writes there now. Raises `OSError`."""
    for name in os.listdir(folder):
        if is_temporary(name):
            (folder / name).unlink(missing_ok=True)


def is_temporary(name: str) -> bool:
    """Whether `write` gives its temporary files such names."""
    return _TEMPORARY.fullmatch(name) is not None


def sync_folder(folder: Path) -> None:
    """Make renames and removals in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
