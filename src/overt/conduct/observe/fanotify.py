"""The kernel's fanotify interface: groups, marks, events and answers (fanotify(7), linux/fanotify.h).

A permission event holds its process until it is answered, so that nothing that was seen is gone before it is named.
Whoever answers must never open a file on a marked file system by name: he would wait for himself. What he reads
through an event's own descriptor makes no event.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from enum import IntFlag
from pathlib import Path

CLOEXEC, CLASS_CONTENT, CLASS_PRE_CONTENT = 0x1, 0x4, 0x8
UNLIMITED_QUEUE, UNLIMITED_MARKS = 0x10, 0x20
MARK_ADD, MARK_FILESYSTEM = 0x1, 0x100
AT_FDCWD = -100
ALLOW = 1
INFO_RANGE = 6
METADATA_VERSION = 3

_METADATA = struct.Struct("=IBBHQii")
_INFO = struct.Struct("=BxHxxxxQQ")
_RESPONSE = struct.Struct("=iI")
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
    name = os.fsencode(path)
    _checked(
        _libc.fanotify_mark(group_fd, MARK_ADD | MARK_FILESYSTEM, ctypes.c_uint64(mask), AT_FDCWD, name),
        f"{path}",
    )


def events(buffer: bytes) -> Iterator[Event]:
    """The events in what was read from a group. Raises `ValueError` for another version of the interface."""
    at = 0
    while at < len(buffer):
        length, version, _, metadata_bytes, mask, descriptor, pid = _METADATA.unpack_from(buffer, at)
        if version != METADATA_VERSION:
            raise ValueError(
                f"this kernel speaks version {version} of fanotify, and Overt speaks {METADATA_VERSION}"
            )
        found = None
        if length > metadata_bytes:
            found = _range(buffer[at + metadata_bytes : at + length])
        yield mask, descriptor, pid, found
        at += length


def allow(group_fd: int, descriptor: int) -> None:
    """Let the process go on whose event came with `descriptor`. Raises `OSError`."""
    os.write(group_fd, _RESPONSE.pack(descriptor, ALLOW))


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
