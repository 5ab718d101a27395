"""A sealed file back in the world: byte for byte, with mode, owner, times and extended attributes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from overt.core.errors import VaultError
from overt.vault.container import Container, write_at
from overt.vault.journal import Journal, target_folder, write_out
from overt.vault.place import Place, status_at, sync, why
from overt.vault.record import Exhibit
from overt.vault.shelf import Shelf, Suffix

ACCESS_ACL = "system.posix_acl_access"
Fill = Callable[[int], None]
"""Writes content and metadata to a descriptor."""
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
    """Owner, attributes, mode and times, in the order in which none undoes another; what was refused, in words."""
    notes: list[str] = []
    mode = exhibit.mode
    status = os.fstat(fd)
    if (status.st_uid, status.st_gid) != (exhibit.uid, exhibit.gid):
        try:
            os.fchown(fd, exhibit.uid, exhibit.gid)
        except OSError as error:
            notes.append(f"owner {exhibit.uid}:{exhibit.gid} not set: {why(error)}")
            if mode & _SET_ID:  # they would give the rights of somebody else than before
                mode &= ~_SET_ID
                notes.append("set-user-ID and set-group-ID bits not set, because the owner is another")
    notes += _set_attributes(fd, exhibit)
    try:
        os.fchmod(fd, mode)
    except OSError as error:
        notes.append(f"mode {mode:04o} not set: {why(error)}")
    try:
        os.utime(fd, ns=(exhibit.atime_ns, exhibit.mtime_ns))
    except OSError as error:
        notes.append(f"times not set: {why(error)}")
    return notes


def _set_attributes(fd: int, exhibit: Exhibit) -> list[str]:
    notes: list[str] = []
    recorded = {attribute.name for attribute in exhibit.attributes}
    try:
        if ACCESS_ACL in os.listxattr(fd) and ACCESS_ACL not in recorded:
            os.removexattr(fd, ACCESS_ACL)  # inherited from the folder
    except OSError as error:
        notes.append(f"access list of the folder not removed: {why(error)}")
    for attribute in exhibit.attributes:
        try:
            os.setxattr(fd, attribute.name, attribute.value)
        except OSError as error:
            notes.append(f"extended attribute {attribute.name!r} not set: {why(error)}")
    return notes
