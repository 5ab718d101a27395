"""Places in the file system: folders opened without following symbolic links, names taken without replacing."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import suppress
from typing import NamedTuple

RENAME_NOREPLACE = 1
"""`renameat2(2)`: fail with EEXIST instead of replacing."""
_READ = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SEARCH = _READ | os.O_PATH
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
_CANT_SYNC = {errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EROFS}


class Place(NamedTuple):
    """A folder and a name in it."""

    folder: str
    name: str

    @property
    def path(self) -> str:
        return os.path.join(self.folder, self.name)


def resolve(path: str) -> Place:
    """`path` made absolute, with the symbolic links in its folders resolved and its last name left as it is."""
    folder, name = os.path.split(os.path.abspath(path))
    return Place(os.path.realpath(folder), name)


def open_folder(folder: str) -> int:
    """A descriptor of the absolute `folder`, none of whose components may be a symbolic link.

    Raises `OSError`: `NotADirectoryError` for a symbolic link on the way.
    """
    parts = [part for part in folder.split("/") if part]
    fd = os.open("/", _SEARCH)
    for index, part in enumerate(parts):
        try:
            inner = _open_in(fd, part, _READ if index == len(parts) - 1 else _SEARCH)
        finally:
            os.close(fd)
        fd = inner
    return fd


def _open_in(fd: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags, dir_fd=fd)
    except PermissionError:  # a folder may be searched and not read: then it can't be fsynced one by one
        return os.open(name, _SEARCH, dir_fd=fd)


def sync(fd: int) -> None:
    """Make the names in a folder durable. Raises `OSError`."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _CANT_SYNC:
            raise
        os.sync()


def status_at(fd: int, name: str) -> os.stat_result | None:
    """The status of `name` in a folder, itself if it is a symbolic link; None when there is none."""
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


def move_new(fd: int, temporary: str, name: str) -> None:
    """Give the file `temporary` the name `name` in the same folder, replacing nothing.

    Raises `FileExistsError` when the name is taken, and other `OSError`; then nothing has changed.
    """
    try:
        os.link(temporary, name, src_dir_fd=fd, dst_dir_fd=fd, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _rename_new(fd, temporary, name)
        return
    try:
        os.unlink(temporary, dir_fd=fd)
    except OSError:
        with suppress(OSError):
            os.unlink(name, dir_fd=fd)
        raise


def _rename_new(fd: int, old: str, new: str) -> None:
    """`renameat2(2)`, for file systems without hard links (FAT)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(fd, os.fsencode(old), fd, os.fsencode(new), RENAME_NOREPLACE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), new)


def why(error: OSError) -> str:
    """An operating system's error in a few words, with the next step where there is a usual one."""
    text = (error.strerror or str(error)).lower()
    return f"{text} ({_HINTS[error.errno]})" if error.errno in _HINTS else text


_HINTS = {
    errno.ENOSPC: "free some space and try again",
    errno.EDQUOT: "free some space and try again",
    errno.EROFS: "the medium can't be changed: remount it writable, or remove it",
    errno.EACCES: "try again as the owner or as root",
    errno.EPERM: "not allowed, or an immutable file: see `lsattr`; try again as the owner or as root",
    errno.ELOOP: "a symbolic link: name the file it points to",
    errno.EBUSY: "something is mounted there",
}
