"""The name that a file has in the chamber, whatever a product that may mount calls it.

A product with a mount namespace of its own can show any file under any name, a declared one too. The kernel tells from
which mount a file was opened (fdinfo, proc_pid_fdinfo(5)) and which part of which file system that mount shows
(mountinfo, proc_pid_mountinfo(5)); what remains is where the chamber has that file system.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_ENDED = (errno.EINVAL, errno.ENOENT, errno.ESRCH)
"""What /proc answers of a thread that is over: it has neither mounts nor a root."""
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Names:
    """`places`: device (`major:minor`) of each of the chamber's file systems → where its root is inside."""

    places: Mapping[str, str]

    @classmethod
    def of(cls, roots: Mapping[Path, str]) -> Names:
        """From folders that are the roots of file systems → where each is inside. Raises `OSError`."""
        devices = {path: path.stat().st_dev for path in roots}
        return cls(
            {
                f"{os.major(device)}:{os.minor(device)}": roots[path].rstrip("/")
                for path, device in devices.items()
            }
        )

    def true(self, path: str, descriptor: int, process: int) -> str | None:
        """The chamber's name of the open file that `process` has at `path` of its namespace's mounts; `path` itself for
        a file system of the product's own, None where its mount is none that the process has a name for.

        Raises `OSError` when the process is gone.
        """
        root, table = _view(process)
        shown = _shown(_mount_number(descriptor), table)
        if shown is None:
            return None
        if shown.device not in self.places:
            return path
        at = (root.rstrip("/") + shown.at).rstrip("/")
        if path != at and not path.startswith(f"{at}/"):
            return None
        return f"{self.places[shown.device]}{shown.root.rstrip('/')}{path[len(at) :]}" or "/"


@dataclass(frozen=True, slots=True)
class _Shown:
    """One line of a mount table."""

    device: str
    root: str
    """Which folder or file of the file system."""
    at: str
    """Where the process has it."""


def _mount_number(descriptor: int) -> str:
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as stream:
        return next((line[7:].strip() for line in stream if line.startswith("mnt_id:")), "")


def _view(process: int) -> tuple[str, list[str]]:
    """Its root and its mount table; where its first thread has ended, those of another. Raises `OSError` when all have.

    A mount that only a third thread has is in neither table, and so is told as one without a name.
    """
    folder = f"/proc/{process}"
    for thread in (folder, *(f"{folder}/task/{name}" for name in os.listdir(f"{folder}/task"))):
        try:
            with open(f"{thread}/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
                return os.readlink(f"{thread}/root"), list(stream)
        except OSError as error:
            if error.errno not in _ENDED:
                raise
    raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH), folder)


def _shown(number: str, table: Iterable[str]) -> _Shown | None:
    for line in table:
        fields = line.split(" ", 5)
        if fields[0] == number:
            return _Shown(fields[2], _plain(fields[3]), _plain(fields[4]))
    return None


def _plain(text: str) -> str:
    """Blanks and the like are octal in a mount table; so are the bytes of what is no ASCII in none of them."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)
