"""What the kernel calls an open file.

Of all that an event costs the observer itself, the question for the name is the most. So the link that answers it
(/proc/self/fd/N, proc_pid_fd(5)) is looked up once for each number, and held: it tells of whatever has that number when
it is asked, and numbers are given again and again.
"""

from __future__ import annotations

import os

MAX_HELD = 64


class Links:
    """Of this process's descriptors: to be made in the process that asks, after every fork."""

    def __init__(self) -> None:
        self._held: dict[int, int] = {}

    def path(self, descriptor: int) -> str:
        """Raises `OSError`: ENAMETOOLONG for a file that is deeper than the kernel can name."""
        link = self._held.get(descriptor)
        return os.readlink("", dir_fd=link) if link is not None else self._first(descriptor)

    def _first(self, descriptor: int) -> str:
        name = f"/proc/self/fd/{descriptor}"
        if len(self._held) < MAX_HELD:
            self._held[descriptor] = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        return os.readlink(name)
