"""Private folders whose creation is durable before anything is trusted to them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from overt.store.atomic import sync_folder

PRIVATE = 0o700


def make_private(folder: Path) -> None:
    """Create `folder` (mode 0700) with its missing parents, each made durable; an existing one is tightened to 0700.

    Raises `PermissionError` when it, or a link in its place, is another user's, and `OSError` when it can't be made.
    """
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for step in reversed(missing):
        try:
            step.mkdir(PRIVATE if step == folder else 0o755)
        except FileExistsError:
            continue
        sync_folder(step.parent)
    link = folder.lstat()
    if link.st_uid != os.geteuid():
        raise PermissionError(f"it belongs to user {link.st_uid}, and this is user {os.geteuid()}")
    status = folder.stat()
    if status.st_uid != os.geteuid():
        raise PermissionError(f"it belongs to user {status.st_uid}, and this is user {os.geteuid()}")
    if status.st_mode & 0o077:
        folder.chmod(PRIVATE)


def claim(folder: Path) -> None:
    """As `make_private`, for a folder that a user named: one that others may enter and that holds something is left as
    it is, since it may be anybody's.

    Raises `PermissionError` that says what to do, and `OSError`.
    """
    if folder.is_dir() and folder.stat().st_mode & 0o077 and any(folder.iterdir()):
        raise PermissionError(
            errno.EPERM,
            "it holds something, and others may enter it: name a new folder, or chmod 700 it",
            str(folder),
        )
    make_private(folder)
