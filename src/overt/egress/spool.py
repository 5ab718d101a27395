"""The spool: one courier's folder. The parent alone writes to it; the courier reads its job from it."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from overt.egress.errors import SpoolError
from overt.egress.wire import ORDER_NAME
from overt.store import atomic
from overt.store.folders import make_private

BODY, LOCK = ".body", "lock"
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Spool:
    """A locked, private folder, cleared of what an earlier courier left."""

    def __init__(self, folder: Path) -> None:
        """Make and lock it. Raises `SpoolError`."""
        self.folder = folder.absolute()
        try:
            make_private(self.folder)
            self._fd = os.open(
                self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise SpoolError(f"{self.folder}: the spool cannot be used: {error.strerror or error}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            atomic.sweep(self.folder)  # a job that was never whole may hold a proxy's password
            for name in os.listdir(self.folder):
                if name.endswith(BODY) or name == ORDER_NAME:
                    (self.folder / name).unlink()
        except BlockingIOError as error:
            os.close(self._fd)
            raise SpoolError(f"{self.folder}: another courier uses this spool: wait for it") from error
        except OSError as error:
            os.close(self._fd)
            raise SpoolError(f"{self.folder}: the spool cannot be cleared: {error.strerror}") from error

    @property
    def descriptor(self) -> int:
        """The file that holds the lock. Not the folder: an open folder would lead a confined parent out again."""
        return self._fd

    @contextmanager
    def ordered(self, order: bytes) -> Iterator[None]:
        """The job lies in the spool while the courier starts; it may hold a proxy's password, so no longer."""
        path = self.folder / ORDER_NAME
        try:
            atomic.write(path, order)
        except OSError as error:
            raise SpoolError(f"{self.folder}: the job cannot be written: {error.strerror}") from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def body(self) -> Iterator[Body]:
        """A fresh file, made when there is something to keep, removed again unless it is kept."""
        body = Body(self.folder / (secrets.token_hex(8) + BODY))
        try:
            yield body
        finally:
            body.close()

    def close(self) -> None:
        """Give up the lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Body:
    """A body that is being written."""

    def __init__(self, path: Path) -> None:
        self._path, self._fd = path, -1
        self.bytes = 0
        self.kept = False

    def write(self, data: bytes) -> None:
        """Append. Raises `SpoolError`, for example when the disk is full."""
        view = memoryview(data)
        self._make()
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise SpoolError(
                f"{self._path.parent}: a fetched file cannot be written: {error.strerror}"
            ) from error
        self.bytes += len(data)

    def keep(self) -> Path:
        """It is whole: let it stay. Raises `SpoolError` (one without a byte is made only now)."""
        self._make()
        self.kept = True
        return self._path

    def close(self) -> None:
        """Close it, and remove it unless it is to stay."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            if not self.kept:
                self._path.unlink(missing_ok=True)

    def _make(self) -> None:
        if self._fd >= 0:
            return
        try:
            self._fd = os.open(self._path, NEW_FILE, 0o600)
        except OSError as error:
            raise SpoolError(f"{self._path.parent}: no file can be made: {error.strerror}") from error
