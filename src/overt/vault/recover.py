"""After a crash: what was begun is completed or undone, so that each file is in exactly one place, whole."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from enum import StrEnum

from overt.core.errors import VaultError
from overt.vault.container import CHUNK_BYTES, ContentHash, Piece, load
from overt.vault.journal import Journal, read_journal
from overt.vault.place import Place, open_folder, status_at, sync
from overt.vault.record import Exhibit
from overt.vault.shelf import Shelf, Suffix


class Outcome(StrEnum):
    """What became of an interrupted step."""

    SEALED = "the file is in the vault"
    UNTOUCHED = "the file is where it was, and not in the vault"
    RESTORED = "the file is restored, and no longer in the vault"
    KEPT = "the file is in the vault, and the interrupted writing was undone"
    DAMAGED = "the sealed file is damaged and was kept"
    UNKNOWN = "its folder can't be looked into: the sealed copy is kept until it can"


@dataclass(frozen=True, slots=True)
class Recovery:
    """One interrupted step that was settled."""

    id: str
    path: str
    """Where the file was, or was being written; empty when the record is damaged."""
    outcome: Outcome


def settle(shelf: Shelf) -> tuple[Recovery, ...]:
    """Settle everything that a dead process left. The shelf must be locked. Raises `OSError`."""
    for id in shelf.ids(Suffix.TEMPORARY):
        shelf.remove(id, Suffix.TEMPORARY)
    sealed = [_settle_pending(shelf, id) for id in shelf.ids(Suffix.PENDING)]
    written = [_settle_writing(shelf, id) for id in shelf.ids(Suffix.WRITING)]
    return (*sealed, *written)


def _settle_pending(shelf: Shelf, id: str) -> Recovery:
    """The original is still the file that was sealed: undo. It is gone or another: the sealed copy counts."""
    fd = shelf.open(id, Suffix.PENDING)
    try:
        container = load(fd)
        container.verify()
    except VaultError:
        shelf.promote(id, Suffix.PENDING, Suffix.SEALED)
        return Recovery(id, "", Outcome.DAMAGED)
    finally:
        os.close(fd)
    exhibit = container.exhibit
    try:
        in_place = _original_in_place(exhibit)
    except OSError:
        return Recovery(id, exhibit.path, Outcome.UNKNOWN)
    if in_place:
        shelf.remove(id, Suffix.PENDING)
        return Recovery(id, exhibit.path, Outcome.UNTOUCHED)
    shelf.promote(id, Suffix.PENDING, Suffix.SEALED)
    return Recovery(id, exhibit.path, Outcome.SEALED)


def _original_in_place(exhibit: Exhibit) -> bool:
    """Whether the path leads to the very file that was sealed; if it does not, that is made durable.

    Raises `OSError` when it can't be told.
    """
    folder, name = os.path.split(exhibit.path)
    try:
        fd = open_folder(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        status = status_at(fd, name)
        if status is not None and _is(exhibit, status):
            return True
        sync(fd)
        return False
    finally:
        os.close(fd)


def _is(exhibit: Exhibit, status: os.stat_result) -> bool:
    return (exhibit.device, exhibit.inode, exhibit.size, exhibit.mtime_ns, exhibit.ctime_ns) == (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _settle_writing(shelf: Shelf, id: str) -> Recovery:
    """Remove the temporary file beside the target; a target that is whole ends the restoring."""
    try:
        journal = read_journal(shelf, id)
    except (ValueError, VaultError):
        shelf.remove(id, Suffix.WRITING)
        return Recovery(id, "", Outcome.DAMAGED)
    path = Place(journal.folder, journal.name).path
    try:
        outcome = _settle_target(shelf, journal)
    except (FileNotFoundError, NotADirectoryError):
        outcome = Outcome.KEPT
    except OSError:
        return Recovery(id, path, Outcome.UNKNOWN)
    if outcome is Outcome.RESTORED:
        shelf.remove(id, Suffix.SEALED)
    shelf.remove(id, Suffix.WRITING)
    return Recovery(id, path, outcome)


def _settle_target(shelf: Shelf, journal: Journal) -> Outcome:
    folder_fd = open_folder(journal.folder)
    try:
        status = status_at(folder_fd, journal.temporary)
        if status is not None and stat.S_ISREG(status.st_mode):
            os.unlink(journal.temporary, dir_fd=folder_fd)
        sync(folder_fd)
        if not journal.restores or not _is_restored(shelf, journal, folder_fd):
            return Outcome.KEPT
        return Outcome.RESTORED
    finally:
        os.close(folder_fd)


def _is_restored(shelf: Shelf, journal: Journal, folder_fd: int) -> bool:
    """Whether the target has the sealed file's content and time, so that the vault's copy is one too many."""
    exhibit = _exhibit(shelf, journal.id)
    if exhibit is None:
        return journal.id not in shelf.ids(Suffix.SEALED)
    status = status_at(folder_fd, journal.name)
    if status is None or not stat.S_ISREG(status.st_mode) or status.st_size != exhibit.size:
        return False
    if status.st_mtime_ns // 10**9 != exhibit.mtime_ns // 10**9:
        return False
    fd = os.open(journal.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder_fd)
    try:
        return _sha256(fd, exhibit.size) == exhibit.sha256
    finally:
        os.close(fd)


def _exhibit(shelf: Shelf, id: str) -> Exhibit | None:
    try:
        fd = shelf.open(id)
    except FileNotFoundError:
        return None
    try:
        return load(fd).exhibit
    except VaultError:
        return None
    finally:
        os.close(fd)


def _sha256(fd: int, size: int) -> str:
    content = ContentHash()
    for offset in range(0, size, CHUNK_BYTES):
        content.add(Piece(offset, os.pread(fd, CHUNK_BYTES, offset)))
    return content.finish(size)
