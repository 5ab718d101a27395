"""A sealed file back in the world: byte for byte, with mode, owner, times and extended attributes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from overt.core.errors import VaultError
from overt.vault.container import Container, write_at
from overt.vault.journal import Journal, target_folder, write_out
from overt.vault.place import Place, status_at, sync, why
from overt.vault.record import Exhibit
from overt.vault.shelf import Shelf, Suffix

ACCESS_ACL = "system.posix_acl_access"
Fill = Callable[[int], None]
"""Writes content and metadata to a descriptor."""
_REFUSALS = {
    errno.EPERM,
    errno.EACCES,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EINVAL,
    errno.ERANGE,
    errno.E2BIG,
    errno.EOVERFLOW,
}
"""What a user may not set or a file system can't hold; anything else is a failure."""
_SET_ID = stat.S_ISUID | stat.S_ISGID


@dataclass(frozen=True, slots=True)
class Restored:
    """A file that left the vault."""

    exhibit: Exhibit
    path: str
    notes: tuple[str, ...] = ()
    """Metadata that could not be set back, in words."""


def put_back(shelf: Shelf, container: Container, place: Place, overwrite: bool) -> Restored:
    """Write the file to `place`, then remove it from the vault. Raises `VaultError`, which says where the file is."""
    exhibit = container.exhibit
    notes = list(exhibit.lacks)

    def fill(fd: int) -> None:
        fill_content(fd, container)
        notes.extend(set_metadata(fd, exhibit))

    put(shelf, container, place, overwrite, fill=fill, restores=True)
    try:
        shelf.remove(exhibit.id, Suffix.SEALED)
        shelf.remove(exhibit.id, Suffix.WRITING)
    except OSError as error:
        raise VaultError(
            f"{exhibit.id} was restored to {place.path!r}, but its sealed copy is still in the vault: {why(error)}"
        ) from error
    return Restored(exhibit, place.path, tuple(notes))


def put(
    shelf: Shelf, container: Container, place: Place, overwrite: bool, fill: Fill, restores: bool
) -> None:
    """Write a new file at `place` with a journal. Raises `VaultError`; then the file is in the vault as before."""
    id = container.exhibit.id
    if id in shelf.ids(Suffix.WRITING):
        raise VaultError(
            f"{id} was being written elsewhere and that can't be settled: see `overt quarantine list`"
        )
    with target_folder(place) as folder_fd:
        check_target(shelf, place, folder_fd, overwrite)
        journal = Journal(id, place.folder, place.name, f".overt-{id}.tmp", restores)
        try:
            write_out(shelf, journal, folder_fd, overwrite, fill)
        except FileExistsError as error:
            raise taken(place) from error
        except OSError as error:
            raise VaultError(
                f"{id} stays in the vault; {place.path!r} was not written: {why(error)}"
            ) from error
        try:
            sync(folder_fd)
        except OSError as error:
            raise VaultError(
                f"{place.path!r} was written, but may not be on the disk yet, and {id} is still in the vault: "
                f"{why(error)}"
            ) from error


def check_target(shelf: Shelf, place: Place, folder_fd: int, overwrite: bool) -> None:
    """Raises `VaultError` when the target is taken, is a folder, or lies in the vault."""
    if shelf.holds(folder_fd):
        raise VaultError(f"{place.folder!r} is the vault itself: choose another folder with --to")
    status = status_at(folder_fd, place.name)
    if status is None:
        return
    if stat.S_ISDIR(status.st_mode):
        raise VaultError(f"{place.path!r} is a folder: choose another name with --to")
    if not overwrite:
        raise taken(place)


def taken(place: Place) -> VaultError:
    return VaultError(
        f"{place.path!r} exists already and was left alone: choose another place with --to, or --overwrite it"
    )


def fill_content(fd: int, container: Container) -> None:
    """Write the verified content, holes as holes. Raises `OSError`, and `VaultError` when it is damaged."""
    for piece in container.verified():
        write_at(fd, piece.data, piece.offset)
    os.ftruncate(fd, container.exhibit.size)


def set_metadata(fd: int, exhibit: Exhibit) -> list[str]:
    """Owner, attributes, mode and times, in the order in which none undoes another; what this user or this file
    system can't have, in words. Raises `OSError` when setting it failed for another reason (a full disk)."""
    notes: list[str] = []
    mode = exhibit.mode
    status = os.fstat(fd)
    if (status.st_uid, status.st_gid) != (exhibit.uid, exhibit.gid):
        owner = f"owner {exhibit.uid}:{exhibit.gid}"
        owned = _attempt(notes, owner, lambda: os.fchown(fd, exhibit.uid, exhibit.gid))
        if not owned and mode & _SET_ID:  # they would give the rights of somebody else than before
            mode &= ~_SET_ID
            notes.append("set-user-ID and set-group-ID bits not set, because the owner is another")
    _set_attributes(fd, exhibit, notes)
    _attempt(notes, f"mode {mode:04o}", lambda: os.fchmod(fd, mode))
    _attempt(notes, "times", lambda: os.utime(fd, ns=(exhibit.atime_ns, exhibit.mtime_ns)))
    return notes


def _set_attributes(fd: int, exhibit: Exhibit, notes: list[str]) -> None:
    recorded = {attribute.name for attribute in exhibit.attributes}
    if ACCESS_ACL not in recorded and ACCESS_ACL in _attribute_names(fd):
        _attempt(notes, "no access list", lambda: os.removexattr(fd, ACCESS_ACL))  # inherited from the folder
    for item in exhibit.attributes:
        _attempt(notes, f"extended attribute {item.name!r}", partial(os.setxattr, fd, item.name, item.value))


def _attribute_names(fd: int) -> list[str]:
    try:
        return os.listxattr(fd)
    except OSError as error:
        if error.errno in _REFUSALS:
            return []
        raise


def _attempt(notes: list[str], what: str, act: Callable[[], None]) -> bool:
    """Do it, or note that it is refused here. Raises other `OSError`."""
    try:
        act()
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        notes.append(f"{what} not set: {why(error)}")
        return False
    return True
