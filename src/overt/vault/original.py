"""The file to be sealed, where it lies: opened without following links, and recognised again before it goes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from overt.core.errors import VaultError
from overt.vault.container import CHUNK_BYTES, Piece
from overt.vault.place import Place, open_folder, resolve, status_at, why
from overt.vault.record import Attribute, Extent

MAX_EXTENTS = 65_536
"""Runs of data told apart in a sparse file; the holes after the last of them are stored as zeros."""
_NO_ATTRIBUTES = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
MAX_ATTRIBUTE_BYTES = 4 * 1024 * 1024
"""Extended attributes kept per file, values together."""


@dataclass(frozen=True, slots=True)
class Original:
    """An open regular file and the name it was found under."""

    place: Place
    folder_fd: int
    fd: int
    status: os.stat_result

    def pieces(self, extents: tuple[Extent, ...]) -> Iterator[Piece]:
        """The content of `extents`. Raises `OSError`, and `VaultError` when the file changed meanwhile."""
        for extent in extents:
            for start in range(extent.offset, extent.offset + extent.length, CHUNK_BYTES):
                length = min(CHUNK_BYTES, extent.offset + extent.length - start)
                yield Piece(start, self._read(length, start))
        if not same_file(self.status, os.fstat(self.fd)):
            raise self.changed()

    def _read(self, length: int, offset: int) -> bytes:
        parts: list[bytes] = []
        while length > 0:
            part = os.pread(self.fd, length, offset)
            if not part:
                raise self.changed()
            parts.append(part)
            length, offset = length - len(part), offset + len(part)
        return b"".join(parts)

    def changed(self) -> VaultError:
        return VaultError(
            f"{self.place.path!r} changed while it was quarantined and was left where it is: scan it again"
        )

    def in_place(self) -> bool:
        """Whether the name still leads to this very file, unchanged. Raises `OSError`."""
        status = status_at(self.folder_fd, self.place.name)
        return status is not None and same_file(self.status, status)


@contextmanager
def open_original(path: str, expected: os.stat_result | None, source_fd: int | None) -> Iterator[Original]:
    """Open `path`; its content is read from `source_fd` when that is given (its file offset may move).

    Raises `VaultError` when it is no regular file, can't be opened, or is not the file of `expected`.
    """
    place = resolve(path)
    try:
        folder_fd = open_folder(place.folder)
    except OSError as error:
        raise VaultError(f"{path!r} was not quarantined: {why(error)}") from error
    fd = -1
    try:
        fd = _open_file(place, folder_fd) if source_fd is None else source_fd
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise VaultError(f"{path!r} was not quarantined: only regular files can be")
        original = Original(place, folder_fd, fd, status)
        if (expected is not None and not _as_scanned(expected, status)) or not original.in_place():
            raise VaultError(
                f"{path!r} is no longer the file that was scanned and was left alone: scan it again"
            )
        yield original
    except OSError as error:
        raise VaultError(f"{path!r} was not quarantined and is where it was: {why(error)}") from error
    finally:
        if source_fd is None and fd >= 0:
            os.close(fd)
        os.close(folder_fd)


def _open_file(place: Place, folder_fd: int) -> int:
    """Look before opening: opening a device may already do something."""
    status = os.stat(place.name or ".", dir_fd=folder_fd, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not stat.S_ISREG(status.st_mode):
        raise VaultError(f"{place.path!r} was not quarantined: only regular files can be")
    return os.open(
        place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=folder_fd
    )


def same_file(one: os.stat_result, two: os.stat_result) -> bool:
    """The same file with the same content and metadata, as far as its status tells (not its time of access)."""
    return _content(one) == _content(two) and one.st_ctime_ns == two.st_ctime_ns


def _as_scanned(expected: os.stat_result, now: os.stat_result) -> bool:
    """`same_file`, but a lost or new hard link may have moved the time of change: quarantining one of two names
    does that to the other."""
    return same_file(expected, now) or (
        _content(expected) == _content(now) and expected.st_nlink != now.st_nlink
    )


def _content(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def extents(fd: int, size: int) -> tuple[Extent, ...]:
    """The runs of data of a file, widened to multiples of `CHUNK_BYTES`; all of it where holes can't be asked for."""
    runs: list[Extent] = []
    position = 0
    while position < size:
        start, end = _next_run(fd, position, size)
        if start >= size:
            break
        if runs and start == runs[-1].offset + runs[-1].length:
            start = runs.pop().offset
        if len(runs) == MAX_EXTENTS - 1:
            end = size
        runs.append(Extent(start, end - start))
        position = end
    return tuple(runs)


def _next_run(fd: int, position: int, size: int) -> tuple[int, int]:
    """Start and end of the next run of data at or after `position`; `size` twice when there is none."""
    try:
        start = os.lseek(fd, position, os.SEEK_DATA)
        end = os.lseek(fd, start, os.SEEK_HOLE)
    except OSError as error:
        return (size, size) if error.errno == errno.ENXIO else (position, size)
    return start // CHUNK_BYTES * CHUNK_BYTES, min(-(-end // CHUNK_BYTES) * CHUNK_BYTES, size)


def attributes(fd: int) -> tuple[tuple[Attribute, ...], tuple[str, ...]]:
    """The extended attributes that may be read, and in words what could not be kept. Raises other `OSError`."""
    try:
        names = os.listxattr(fd)
    except OSError as error:
        if error.errno in _NO_ATTRIBUTES:
            return (), ()
        raise
    found: list[Attribute] = []
    lacks: list[str] = []
    total = 0
    for name in names:
        try:
            value = os.getxattr(fd, name)
        except PermissionError as error:
            lacks.append(f"extended attribute {name!r}: {(error.strerror or str(error)).lower()}")
            continue
        total += len(value)
        if total > MAX_ATTRIBUTE_BYTES:
            lacks.append(f"extended attributes from {name!r} on: more than {MAX_ATTRIBUTE_BYTES} bytes")
            break
        found.append(Attribute(name, value))
    return tuple(found), tuple(lacks)
