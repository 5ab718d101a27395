"""A way for an ordinary user to what root's tests run from, which may lie where only root goes."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

CLONE_NEWNS = 0x0002_0000
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
REPOSITORY = Path(__file__).parents[1]
_libc = ctypes.CDLL(None, use_errno=True)


def open_the_way() -> None:
    """For this process (root's) alone: nobody may pass to the interpreter, its packages and the repository.

    In a mount namespace of its own, each folder on the way that is closed to others is covered by an empty one, in
    which only what is needed can be seen. Raises `OSError`.
    """
    needed = {Path(path).resolve() for path in (sys.prefix, sys.base_prefix, REPOSITORY)}
    closed = {folder: path for path in needed for folder in _closed(path)}
    if not closed:
        return
    _check(_libc.unshare(CLONE_NEWNS))
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    held = {path: os.open(path, os.O_PATH) for path in needed}
    for folder in closed:
        _mount("tmpfs", folder, "tmpfs", 0)
        folder.chmod(0o755)
    for path, descriptor in held.items():
        if any(folder in path.parents for folder in closed):
            path.mkdir(parents=True, exist_ok=True)
            _mount(f"/proc/self/fd/{descriptor}", path, None, MS_BIND | MS_REC)
        os.close(descriptor)


def _closed(path: Path) -> Iterable[Path]:
    """The first folder above `path` that others may not pass; what is below it is covered with it."""
    return [folder for folder in reversed(path.parents) if folder.stat().st_mode & 0o001 == 0][:1]


def _mount(source: str | None, target: str | Path, kind: str | None, flags: int) -> None:
    texts = (os.fsencode(text) if text is not None else None for text in (source, target, kind))
    _check(_libc.mount(*texts, ctypes.c_ulong(flags), None))


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
