"""Counts ahead what a scan will have to look at, in a confined process of its own, for the progress display."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import time
from collections.abc import Callable

from overt.core.errors import OvertError
from overt.sandbox.lockdown import empty_standard_streams, lock
from overt.sandbox.policy import READER
from overt.scan.mounts import Mounts
from overt.scan.request import Request
from overt.scan.walk import Chunk, Walk

_TOTALS = struct.Struct("=QQ")
EVERY_S = 0.2


def start(request: Request, mounts: Mounts) -> int:
    """Fork the counter; returns the descriptor to read totals from (`latest`)."""
    ours, theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    if os.fork() == 0:
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.nice(5)
            empty_standard_streams()
            if not request.unconfined:
                lock(READER, (0, 1, 2, theirs), with_parent=True)
            with contextlib.suppress(OSError, OvertError):
                _count(Walk(request, mounts), lambda totals: os.write(theirs, totals))
        finally:
            os._exit(0)
    os.close(theirs)
    return ours


def latest(fd: int, before: tuple[int, int]) -> tuple[int, int]:
    """The newest (files, bytes) totals, or `before` if there is no news."""
    try:
        data = os.read(fd, 1 << 16)
    except OSError:
        return before
    whole = len(data) - len(data) % _TOTALS.size
    return _TOTALS.unpack(data[whole - _TOTALS.size : whole]) if whole else before


def _count(walk: Walk, tell: Callable[[bytes], object]) -> None:
    files = size = 0
    told = time.monotonic()
    for found in walk:
        if isinstance(found, Chunk):
            files += len(found.files)
            size += sum(status.st_size for _, status in found.files)
        if time.monotonic() - told > EVERY_S:
            tell(_TOTALS.pack(files, size))
            told = time.monotonic()
    tell(_TOTALS.pack(files, size))
