"""The ledger's folder: which files are in it, how their lines are read, and durable steps on them.

0000000000000000.jsonl   entries from number 0 on, one per line
0000000000031415.jsonl   the next segment, named by its first entry
head                     the signed head (`overt.ledger.head`) after the last entry
key                      the private key; key.new while it is being changed
torn-…, damaged-…        bytes that were no entry, put aside; .pending until that is recorded
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from overt.ledger.entry import MAX_LINE_BYTES
from overt.store.atomic import sync_folder

KEY, NEW_KEY, HEAD = "key", "key.new", "head"
PENDING = ".pending"
_SEGMENT = re.compile(r"\d{16}\.jsonl", re.ASCII)
_ASIDE = re.compile(r"(torn|damaged)-\d{16}-[0-9a-f]{16}\.pending", re.ASCII)
_WINDOW_BYTES = 16 * 1024
LOCK_DEADLINE_S = 10.0
"""Seconds to wait for another process' entry: each takes milliseconds."""
SECTOR_BYTES = 512
"""What a disk writes whole or not at all."""


class Line(NamedTuple):
    """One line of a segment or an export, cut when it is longer than any entry."""

    number: int
    """1, 2, 3, …"""
    data: bytes
    """Without its newline."""
    ended: bool
    """Whether it had one."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's exclusive lock, which the kernel ends with the process.

    Raises `OSError`: `TimeoutError` when another process has held it for `LOCK_DEADLINE_S`.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _take_lock(fd, LOCK_DEADLINE_S)
        yield
    finally:
        os.close(fd)


def _take_lock(fd: int, deadline_s: float) -> None:
    ends_at = time.monotonic() + deadline_s
    pause = 0.0005
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends_at:
                raise TimeoutError(
                    errno.ETIMEDOUT, f"locked for {deadline_s:g} s by another process"
                ) from None
        time.sleep(pause)
        pause = min(pause * 2, 0.02)


def segments(folder: Path) -> list[str]:
    """The names of the segments, oldest first. Raises `OSError`."""
    return sorted(name for name in os.listdir(folder) if _SEGMENT.fullmatch(name))


def segment_name(first: int) -> str:
    """The segment whose first entry has this number."""
    return f"{first:016d}.jsonl"


def first_of(segment: str) -> int:
    """The number of a segment's first entry."""
    return int(segment[:16])


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """Every line, in memory for one line."""
    number = 0
    while data := stream.readline(MAX_LINE_BYTES + 2):
        number += 1
        ended = data.endswith(b"\n")
        if not ended and len(data) > MAX_LINE_BYTES + 1:
            ended = _skip_line(stream)
            yield Line(number, data, ended)
        else:
            yield Line(number, data[:-1] if ended else data, ended)


def _skip_line(stream: BinaryIO) -> bool:
    while data := stream.readline(MAX_LINE_BYTES):
        if data.endswith(b"\n"):
            return True
    return False


def last_lines(fd: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The lines before the offset `end`, last first: where each begins, and its bytes with the newline, if any.

    Lines longer than any entry are cut somewhere.
    """
    held, position = b"", end
    while True:
        cut = held.rfind(b"\n", 0, max(len(held) - 1, 0))
        if cut >= 0:
            yield position + cut + 1, held[cut + 1 :]
            held = held[: cut + 1]
        elif position == 0:
            if held:
                yield 0, held
            return
        else:
            if len(held) > 2 * MAX_LINE_BYTES:
                held = held[: MAX_LINE_BYTES + 2]
            step = min(position, _WINDOW_BYTES)
            position -= step
            held = os.pread(fd, step, position) + held


def content(path: Path, max_bytes: int) -> bytes:
    """A small regular file's content; of a longer one `max_bytes` + 1. Raises `OSError`, for a link or a pipe too."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return os.read(fd, max_bytes + 1)
    finally:
        os.close(fd)


def overwrite(path: Path, data: bytes) -> bool:
    """Write `data` over a file of exactly that length, within one sector: there is no moment, and no loss of power,
    after which it is a part of each. False when that can't be done with this file. Under the lock only.

    Not made durable. Raises `OSError`.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        status = os.fstat(fd)
        alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1  # a copy by hard link is not to change
        if not alone or status.st_size != len(data) or len(data) > SECTOR_BYTES:
            return False
        write_all(fd, data)
        return True
    finally:
        os.close(fd)


def replace(folder: Path, name: str, data: bytes, settle: bool = True) -> None:
    """Make `name` a file of mode 0600 with exactly `data`: whole, or as it was. Under the lock only.

    With `settle` the new one is there after a loss of power too; without, it may be the old one then.
    Raises `OSError`; then `name` is what it was.
    """
    temporary = folder / f"{name}.tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, folder / name)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if settle:
        sync_folder(folder)


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`. Raises `OSError`."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def put_aside(folder: Path, fd: int, start: int, end: int, reason: str, size: int) -> None:
    """Copy bytes of a segment into a pending file of their own, durably. Doing it again changes nothing."""
    temporary = folder / "aside.tmp"
    digest = hashlib.sha256()
    with open(
        temporary, "wb", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW, 0o600)
    ) as copy:
        while start < end and (piece := os.pread(fd, min(end - start, 1 << 20), start)):
            digest.update(piece)
            copy.write(piece)
            start += len(piece)
        copy.flush()
        os.fsync(copy.fileno())
    os.rename(temporary, folder / f"{reason}-{size:016d}-{digest.hexdigest()[:16]}{PENDING}")
    sync_folder(folder)


def pending(folder: Path) -> list[str]:
    """Files that were put aside and not recorded yet. Raises `OSError`."""
    return sorted(name for name in os.listdir(folder) if _ASIDE.fullmatch(name))
