"""The kernel's fanotify interface: groups, marks, events and answers (fanotify(7), linux/fanotify.h).

A permission event holds its process until it is answered, so that nothing that was seen is gone before it is named.
Whoever answers must never open a file on a marked file system by name: he would wait for himself. What he reads
through an event's own descriptor makes no event.
"""

from __future__ import annotations

import ctypes
import os
import struct
from enum import IntFlag
from pathlib import Path

CLOEXEC, CLASS_CONTENT, CLASS_PRE_CONTENT = 0x1, 0x4, 0x8
UNLIMITED_QUEUE, UNLIMITED_MARKS = 0x10, 0x20
MARK_ADD, MARK_IGNORED_SURV_MODIFY, MARK_FILESYSTEM, MARK_IGNORE = 0x1, 0x40, 0x100, 0x400
AT_FDCWD = -100
ALLOW = 1
INFO_RANGE = 6
METADATA_VERSION = 3

_metadata = struct.Struct("=IBBHQii").unpack_from
_INFO = struct.Struct("=BxHxxxxQQ")
_response = struct.Struct("=iI").pack
BUFFER_BYTES = 479
"""Of one read: each event in it holds a descriptor until it is answered, about 20 at most. As long as what Python keeps
memory at hand for: a longer buffer is made anew, and returned, for each event."""

_libc = ctypes.CDLL(None, use_errno=True)


class Mask(IntFlag):
    """Kinds of event."""

    ACCESS = 0x1
    MODIFY = 0x2
    OVERFLOW = 0x4000
    OPEN_PERM = 0x1_0000
    ACCESS_PERM = 0x2_0000
    OPEN_EXEC_PERM = 0x4_0000
    PRE_ACCESS = 0x10_0000
    ONDIR = 0x4000_0000


PERMISSION = int(Mask.OPEN_PERM | Mask.ACCESS_PERM | Mask.OPEN_EXEC_PERM | Mask.PRE_ACCESS)
"""Events that wait for an answer."""


Range = tuple[int, int]
"""(offset, length) of what is about to be read, written or mapped, in whole pages."""

Event = tuple[int, int, int, Range | None]
"""(mask, descriptor or -1, process number, range): a plain tuple, as there are very many."""


def group(kind: int) -> int:
    """A new group of class `kind`, without limits on queue and marks, as a blocking descriptor. Raises `OSError`.

    Events' descriptors are opened without blocking (a pipe would hold the observer) and closed on exec.
    """
    flags = kind | CLOEXEC | UNLIMITED_QUEUE | UNLIMITED_MARKS
    opened = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | getattr(os, "O_LARGEFILE", 0)
    return _checked(_libc.fanotify_init(flags, opened), "fanotify_init")


def mark(group_fd: int, path: Path, mask: int) -> None:
    """Watch the whole file system that `path` is on, by whatever mount it is used. Raises `OSError`."""
    _mark(group_fd, MARK_FILESYSTEM, mask, path)


def mark_folders(group_fd: int, path: Path, mask: int) -> None:
    """As `mark`, but only folders: of other files, `mask` is ignored. Raises `OSError`, also before Linux 6.0."""
    _mark(group_fd, MARK_FILESYSTEM, mask | Mask.ONDIR, path)
    _mark(group_fd, MARK_FILESYSTEM | MARK_IGNORE | MARK_IGNORED_SURV_MODIFY, mask, path)


def mark_file(group_fd: int, descriptor: int, mask: int) -> None:
    """Watch one open file. Raises `OSError`."""
    result = _libc.fanotify_mark(group_fd, MARK_ADD, ctypes.c_uint64(mask), descriptor, None)
    _checked(result, f"descriptor {descriptor}")


def _mark(group_fd: int, flags: int, mask: int, path: Path) -> None:
    name = os.fsencode(path)
    result = _libc.fanotify_mark(group_fd, MARK_ADD | flags, ctypes.c_uint64(mask), AT_FDCWD, name)
    _checked(result, f"{path}")


def events(buffer: bytes) -> list[Event]:
    """The events in what was read from a group. Raises `ValueError` for another version of the interface."""
    found: list[Event] = []
    at, size = 0, len(buffer)
    while at < size:
        length, version, _, metadata_bytes, mask, descriptor, pid = _metadata(buffer, at)
        if version != METADATA_VERSION:
            raise ValueError(
                f"this kernel speaks version {version} of fanotify, and Overt speaks {METADATA_VERSION}"
            )
        told = _range(buffer[at + metadata_bytes : at + length]) if length > metadata_bytes else None
        found.append((mask, descriptor, pid, told))
        at += length
    return found


def allow(group_fd: int, descriptor: int) -> None:
    """Let the process go on whose event came with `descriptor`. Raises `OSError`."""
    os.write(group_fd, _response(descriptor, ALLOW))


def _range(info: bytes) -> Range | None:
    """The range among an event's further records, each of which begins with its type and length."""
    at = 0
    while at + 4 <= len(info):
        kind, length = info[at], int.from_bytes(info[at + 2 : at + 4], "little")
        if kind == INFO_RANGE and length >= _INFO.size:
            _, _, offset, count = _INFO.unpack_from(info, at)
            return offset, count
        at += max(length, 4)
    return None


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
