"""The vault's folder: its lock, and the names that say how far a step has come."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from overt.core.errors import VaultError
from overt.store.folders import make_private
from overt.vault.place import sync, why

ID_DIGITS = 12


class Suffix(StrEnum):
    """`ID + suffix` is a file of the vault; the suffix is the state."""

    TEMPORARY = ".tmp"
    """Being written; worth nothing when the writer is gone."""
    PENDING = ".pending"
    """Whole and durable; the original may still be in its place."""
    SEALED = ".overtq"
    """Whole and durable; the original is gone."""
    WRITING = ".writing"
    """Journal: a file is being written out of the vault, see `overt.vault.journal`."""


class Shelf:
    """The vault's folder, open."""

    def __init__(self, folder: Path, fd: int) -> None:
        self.folder = folder
        self.fd = fd

    def ids(self, suffix: Suffix) -> list[str]:
        """The identifiers in that state, sorted. Raises `OSError`."""
        return sorted(name.removesuffix(suffix) for name in os.listdir(self.fd) if name.endswith(suffix))

    def new_id(self) -> str:
        """An identifier that nothing in the vault has."""
        taken = {name.split(".")[0] for name in os.listdir(self.fd)}
        while (found := secrets.token_hex(ID_DIGITS // 2)) in taken:
            pass
        return found

    def create(self, id: str, suffix: Suffix) -> int:
        """A new empty file, mode 0600. Raises `OSError`."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.open(id + suffix, flags, 0o600, dir_fd=self.fd)

    def open(self, id: str, suffix: Suffix = Suffix.SEALED) -> int:
        """An existing file, for reading. Raises `OSError`."""
        return os.open(id + suffix, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.fd)

    def promote(self, id: str, old: Suffix, new: Suffix) -> None:
        """Change a file's state, durably. Raises `OSError`."""
        os.rename(id + old, id + new, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        sync(self.fd)

    def remove(self, id: str, suffix: Suffix) -> None:
        """Remove a file, durably; no error when there is none. Raises other `OSError`."""
        try:
            os.unlink(id + suffix, dir_fd=self.fd)
        except FileNotFoundError:
            return
        sync(self.fd)

    def holds(self, fd: int) -> bool:
        """Whether `fd` is the vault's folder itself."""
        return os.path.samestat(os.fstat(fd), os.fstat(self.fd))


@contextmanager
def open_shelf(folder: Path) -> Iterator[Shelf | None]:
    """The vault's folder for reading; None when there is no vault yet. Raises `VaultError`."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise VaultError(f"the vault {str(folder)!r} can't be opened: {why(error)}") from error
    try:
        yield Shelf(folder, fd)
    finally:
        os.close(fd)


@contextmanager
def locked_shelf(folder: Path, wait: bool = True) -> Iterator[Shelf | None]:
    """The vault's folder, created when missing and held by this process alone; None when another holds it and
    `wait` is false. The kernel ends the hold with the process. Raises `VaultError`."""
    try:
        make_private(folder)
    except OSError as error:
        raise VaultError(f"the vault {str(folder)!r} can't be used: {why(error)}") from error
    with open_shelf(folder) as shelf:
        if shelf is None:
            raise VaultError(f"the vault {str(folder)!r} was removed while it was opened: try again")
        try:
            fcntl.flock(shelf.fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        except OSError as error:
            raise VaultError(f"the vault {str(folder)!r} can't be locked: {why(error)}") from error
        yield shelf
