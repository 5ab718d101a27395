"""Where strace writes: a pipe whose reader keeps so much, and counts what is past it. A product makes as many calls as
it likes, and strace itself knows no limit.
"""

from __future__ import annotations

import fcntl
import os
import select
import threading
from pathlib import Path

MAX_LOG_BYTES = 1 << 30
"""Of calls, at about 100 bytes each; those of a whole rkhunter are a tenth of it."""
PIPE_BYTES = CHUNK_BYTES = 1 << 20
PAUSE_S = 0.05
"""Between two readings: a reader that waits for each line would be woken by each, on the product's own processor. So
short that the pipe is never full: strace writes some 10 MB/s at most."""
END_S = 60.0


class TraceLog:
    """Copies what is written to `pipe` into `log`."""

    def __init__(self, log: Path, pipe: Path, max_bytes: int = MAX_LOG_BYTES) -> None:
        """Makes both. Raises `OSError`."""
        self.pipe, self.lost_lines = pipe, 0
        """`lost_lines`: past the limit, or not written because the disk refused."""
        self._log, self._room = open(log, "xb", buffering=0), max_bytes
        os.mkfifo(pipe, 0o600)
        self._reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.fcntl(self._reading, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._waking, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._copy, name="trace", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take what still waits; strace has ended, or never began. May be called twice."""
        if self._wake < 0:
            return
        os.close(self._wake)
        self._wake = -1
        self._thread.join(END_S)
        for descriptor in (self._reading, self._waking):
            os.close(descriptor)
        self._log.close()

    def _copy(self) -> None:
        self._await_strace()
        closing = select.poll()
        closing.register(self._waking, 0)
        while True:
            over = bool(closing.poll(PAUSE_S * 1_000))
            try:
                chunk = os.read(self._reading, CHUNK_BYTES)
            except BlockingIOError:  # nothing waits
                if over:
                    return
                continue
            if not chunk:
                return  # strace closed it
            self._keep(chunk)

    def _await_strace(self) -> None:
        """Until it has opened the pipe, reading it looks as if it were closed."""
        waiting = select.poll()
        waiting.register(self._reading, select.POLLIN)
        waiting.register(self._waking, 0)
        waiting.poll()

    def _keep(self, chunk: bytes) -> None:
        kept = 0
        if self._room >= len(chunk):
            try:
                kept = self._log.write(chunk)
            except OSError:
                pass  # counted: the disk is full
        self._room = self._room - kept if kept == len(chunk) else 0
        self.lost_lines += chunk[kept:].count(b"\n")
