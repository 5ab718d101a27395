"""What a step prints, copied from a pipe into a file while the step goes on."""

from __future__ import annotations

import fcntl
import select
import struct
import termios
import threading
from io import RawIOBase
from pathlib import Path

CHUNK_BYTES = 1 << 16


class Keeper:
    """Copies what comes out of a pipe to a file, until everything that could print ended; past a limit it only counts.

    A pipe, not the file itself: from a descriptor of the host's the product could reach its file system.
    """

    def __init__(self, reading: int, path: Path, max_bytes: int) -> None:
        """Takes over `reading`, the pipe's end."""
        self._reading, self._path, self._max_bytes = reading, path, max_bytes
        self._taken, self._kept, self._over = 0, 0, False
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait until everything that could print has ended; at most `timeout_s`."""
        self._thread.join(timeout_s)

    def caught_up(self, timeout_s: float) -> None:
        """Wait until all that was printed before now is in the file, however long that takes; at most `timeout_s`."""
        with self._moved:
            if self._over:
                return
            printed = self._taken + self._waiting()
            self._moved.wait_for(lambda: self._over or self._kept >= printed, timeout_s)
            ended = self._over or self._hung_up()
        if ended:
            self._thread.join(timeout_s)

    def _waiting(self) -> int:
        """Bytes in the pipe."""
        answer = fcntl.ioctl(self._reading, termios.FIONREAD, bytes(4))
        return int(struct.unpack("=i", answer)[0])

    def _hung_up(self) -> bool:
        """Whether nobody is left who could print."""
        return any(happened & select.POLLHUP for _, happened in _poll(self._reading).poll(0))

    def _keep(self) -> None:
        with open(self._reading, "rb", buffering=0) as source:
            try:
                self._copy(source)
            finally:
                with self._moved:
                    self._over = True
                    self._moved.notify_all()

    def _copy(self, source: RawIOBase) -> None:
        waiting, cut = _poll(self._reading), 0
        with open(self._path, "ab", buffering=0) as target:
            while chunk := self._take(source, waiting):
                part = chunk[: max(self._max_bytes - self._kept, 0)]
                target.write(part)
                cut += len(chunk) - len(part)
                with self._moved:
                    self._kept += len(chunk)
                    self._moved.notify_all()
            if cut:
                target.write(f"\n[{cut} more bytes were not kept]\n".encode())

    def _take(self, source: RawIOBase, waiting: select.poll) -> bytes:
        """The next that was printed. Nothing of it is both in the pipe and counted as taken, or neither."""
        waiting.poll()
        with self._moved:
            chunk = source.read(CHUNK_BYTES) or b""
            self._taken += len(chunk)
        return chunk


def _poll(reading: int) -> select.poll:
    waiting = select.poll()
    waiting.register(reading, select.POLLIN)
    return waiting
