"""Into the vault: at every moment the file is where it was, or in the vault, or both, whole.

1. the content and its record go to `ID.tmp`, which is fsynced
2. renamed to `ID.pending`; the vault's folder is fsynced
3. read back and verified
4. the original, if it is still the same file, is unlinked; its folder is fsynced
5. renamed to `ID.overtq`; the vault's folder is fsynced
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from contextlib import suppress

from overt.core.errors import VaultError
from overt.core.model import Finding
from overt.vault.container import load, write
from overt.vault.original import Original, attributes, extents
from overt.vault.place import sync, why
from overt.vault.record import Exhibit, encode, kept
from overt.vault.shelf import Shelf, Suffix


def move_in(
    shelf: Shelf, original: Original, findings: Sequence[Finding], expected: os.stat_result | None
) -> Exhibit:
    """Move `original` into the vault. Raises `VaultError`, whose message says where the file is."""
    path = original.place.path
    if shelf.holds(original.folder_fd):
        raise VaultError(f"{path!r} belongs to the vault itself and was left alone")
    id = shelf.new_id()
    try:
        exhibit = _store(shelf, id, original, findings, expected or original.status)
        if not original.in_place():
            raise original.changed()
    except BaseException as error:
        _discard(shelf, id)
        if isinstance(error, OSError):
            raise _not_moved(original, error) from error
        raise
    _unlink(shelf, id, original)
    _finish(shelf, id, original)
    return exhibit


def _store(
    shelf: Shelf, id: str, original: Original, findings: Sequence[Finding], seen: os.stat_result
) -> Exhibit:
    """Steps 1 to 3."""
    runs = extents(original.fd, original.status.st_size)
    found, lacks = attributes(original.fd)

    def describe(sha256: str) -> bytes:
        return encode(
            Exhibit(
                id=id,
                path=original.place.path,
                sha256=sha256,
                size=original.status.st_size,
                sealed_at_ns=time.time_ns(),
                mode=stat.S_IMODE(original.status.st_mode),
                uid=original.status.st_uid,
                gid=original.status.st_gid,
                atime_ns=seen.st_atime_ns,
                mtime_ns=original.status.st_mtime_ns,
                ctime_ns=original.status.st_ctime_ns,
                device=original.status.st_dev,
                inode=original.status.st_ino,
                links=original.status.st_nlink,
                extents=runs,
                attributes=found,
                findings=kept(findings),
                lacks=lacks,
            )
        )

    fd = shelf.create(id, Suffix.TEMPORARY)
    try:
        write(fd, original.pieces(runs), original.status.st_size, describe)
        shelf.promote(id, Suffix.TEMPORARY, Suffix.PENDING)
        container = load(fd)
        container.verify()
        return container.exhibit
    finally:
        os.close(fd)


def _unlink(shelf: Shelf, id: str, original: Original) -> None:
    """Step 4 up to the point of no return: from here on nothing stored is discarded unless the original is seen in
    its place (a network file system may report an error after the fact, and an interrupt may come at any time)."""
    try:
        os.unlink(original.place.name, dir_fd=original.folder_fd)
    except OSError as error:
        if original.in_place():
            _discard(shelf, id)
            raise _not_moved(original, error) from error


def _not_moved(original: Original, error: OSError) -> VaultError:
    return VaultError(f"{original.place.path!r} was not quarantined and is where it was: {why(error)}")


def _discard(shelf: Shelf, id: str) -> None:
    """Remove what was stored while the original is in its place; what resists is removed by the next start."""
    for suffix in (Suffix.TEMPORARY, Suffix.PENDING):
        with suppress(OSError):
            shelf.remove(id, suffix)


def _finish(shelf: Shelf, id: str, original: Original) -> None:
    """The rest of steps 4 and 5: the original is gone, and an interruption leaves the rest to the next start."""
    try:
        sync(original.folder_fd)
        shelf.promote(id, Suffix.PENDING, Suffix.SEALED)
    except OSError as error:
        raise VaultError(
            f"{original.place.path!r} is in the vault as {id}, but that may not be on the disk yet: {why(error)}; "
            "the next `overt quarantine list` completes it"
        ) from error
