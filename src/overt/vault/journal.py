"""Out of the vault: a file is written beside its target under a temporary name, and a journal in the vault says so
while it lasts, so that the next start can clean up after an interruption.

1. the journal `ID.writing` is written and fsynced
2. the temporary file gets content and metadata, and is fsynced
3. it takes the target's name, replacing nothing unless told to; the folder is fsynced
4. what is then to leave the vault is removed
5. the journal is removed
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from overt.core.errors import VaultError
from overt.vault.container import read_at, write_at
from overt.vault.place import Place, move_new, open_folder, status_at, why
from overt.vault.record import decode, encode
from overt.vault.shelf import Shelf, Suffix


@dataclass(frozen=True, slots=True)
class Journal:
    """What is being written, and where."""

    id: str
    folder: str
    name: str
    temporary: str
    restores: bool
    """The target takes the sealed file's place (an export does not)."""


def write_journal(shelf: Shelf, journal: Journal) -> None:
    """Make `journal` durable. Raises `OSError`; a torn one stays a temporary file of the vault."""
    fd = shelf.create(journal.id, Suffix.TEMPORARY)
    try:
        write_at(fd, encode(journal), 0)
        os.fsync(fd)
    finally:
        os.close(fd)
    shelf.promote(journal.id, Suffix.TEMPORARY, Suffix.WRITING)


def read_journal(shelf: Shelf, id: str) -> Journal:
    """Raises `OSError`, and `ValueError` when it is damaged."""
    fd = shelf.open(id, Suffix.WRITING)
    try:
        return decode(read_at(fd, os.fstat(fd).st_size, 0), Journal)
    finally:
        os.close(fd)


@contextmanager
def target_folder(place: Place) -> Iterator[int]:
    """A descriptor of the folder to write into. Raises `VaultError`."""
    try:
        fd = open_folder(place.folder)
    except FileNotFoundError as error:
        raise VaultError(
            f"the folder {place.folder!r} is gone: create it, or choose another place with --to"
        ) from error
    except NotADirectoryError as error:
        raise VaultError(
            f"{place.folder!r} now leads through a symbolic link or a file, which is not followed: "
            "choose the place with --to"
        ) from error
    except OSError as error:
        raise VaultError(f"the folder {place.folder!r} can't be opened: {why(error)}") from error
    try:
        yield fd
    finally:
        os.close(fd)


def write_out(
    shelf: Shelf, journal: Journal, folder_fd: int, overwrite: bool, fill: Callable[[int], None]
) -> None:
    """Steps 1 to 3, but for the last fsync: `fill` writes content and metadata to the descriptor it is given.

    Raises `OSError` and what `fill` raises; then the target is what it was, and only a journal may be left.
    """
    write_journal(shelf, journal)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(journal.temporary, flags, 0o600, dir_fd=folder_fd)
        try:
            fill(fd)
            os.fsync(fd)
        finally:
            os.close(fd)
        if overwrite:
            os.rename(journal.temporary, journal.name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        else:
            move_new(folder_fd, journal.temporary, journal.name)
    except BaseException:
        _clean(shelf, journal, folder_fd)
        raise


def _clean(shelf: Shelf, journal: Journal, folder_fd: int) -> None:
    """Undo step 2; when even that fails, the journal stays and the next start cleans up."""
    with suppress(OSError):
        if status_at(folder_fd, journal.temporary) is not None:
            os.unlink(journal.temporary, dir_fd=folder_fd)
        shelf.remove(journal.id, Suffix.WRITING)
