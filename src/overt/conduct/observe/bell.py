"""One wait for everything: what is no event of a file rings, and the ring is an event in the same queue.

An observer that waits for several things at once, and then reads the one that is ready, makes two more calls for each
event, and is woken by a longer way: a tenth of what an event costs. So it waits in its reading of one queue, and a
thread waits for the rest. As the queue is in order, what was asked for before the ring is known when it is heard.
"""

from __future__ import annotations

import os
import select
import signal
import tempfile
import threading
from pathlib import Path

from overt.conduct.observe import fanotify
from overt.conduct.observe.fanotify import Mask

RUNG = int(Mask.ACCESS)
"""What the kernel says of nothing else."""


class Bell:
    """For one fanotify group, `queue`. Made before the process that waits is forked, begun in that process."""

    def __init__(self, queue: int, folder: Path) -> None:
        """`folder` must not be on a file system that `queue` watches. Raises `OSError`."""
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)
        self._file.write(b".")
        fanotify.mark_file(queue, self._file.fileno(), RUNG)
        self._others = select.epoll()
        self._heard = threading.Lock()
        self._heard.acquire()

    @property
    def descriptors(self) -> tuple[int, int]:
        """To be kept open where others are closed."""
        return self._file.fileno(), self._others.fileno()

    def close(self) -> None:
        """Here: who was forked before has his own."""
        self._file.close()
        self._others.close()

    def watch(self, descriptor: int) -> None:
        """Ring when it can be read. Raises `OSError`."""
        self._others.register(descriptor, select.EPOLLIN)

    def forget(self, descriptor: int) -> None:
        """Ring for it no more. Raises `OSError`."""
        self._others.unregister(descriptor)

    def ready(self) -> list[int]:
        """Which can be read now."""
        return [descriptor for descriptor, _ in self._others.poll(0)]

    def begin(self) -> None:
        """From now on it rings: once, and again when that was `heard`."""
        threading.Thread(target=self._ring, daemon=True).start()

    def heard(self) -> None:
        """What was `ready` is done."""
        if self._heard.locked():  # else it was heard before it rang: what overflowed may have been the ring
            self._heard.release()

    def _ring(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            while True:
                self._others.poll()
                os.pread(self._file.fileno(), 1, 0)
                self._heard.acquire()
        finally:
            os._exit(1)  # who observes would wait for ever, and nobody would be told
