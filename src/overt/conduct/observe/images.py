"""Who is it: what /proc tells about a process while the kernel holds it (proc_pid_stat(5), proc_pid_status(5)).

Nothing here opens a file that a product could have put in the way: only /proc's own, and links in it are read, never
followed.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import NamedTuple

from overt.conduct.chamber import privileges

MAX_ARGUMENT_BYTES = 1 << 17
"""Of one process' arguments; what is longer is cut, and the last one ends in `…`."""

_WANTED = re.compile(rb"^(Uid|CapEff|NSpid):(.*)$", re.MULTILINE)

Image = tuple[str, str, str]
"""Changes with every exec: the executable, and where the kernel put stack and arguments, which chance decides."""


class Kin(NamedTuple):
    """Numbers of the processes that one belongs to."""

    parent: int
    group: int
    session: int


@dataclass(frozen=True, slots=True)
class Identity:
    """One program in one process, as it was when it was looked at."""

    pid: int
    kin: Kin
    image: Image
    arguments: tuple[str, ...]
    user: int
    capabilities: tuple[str, ...]
    names: tuple[int, ...]
    """Its numbers in the nested process namespaces, the observer's own first."""


def identify(pid: int) -> Identity | None:
    """Who `pid` is now; None when it is gone."""
    try:
        kin, image = image_of(pid)
        status = dict(_WANTED.findall(_read(f"/proc/{pid}/status")))
        return Identity(
            pid=pid,
            kin=kin,
            image=image,
            arguments=_arguments(pid),
            user=int(status[b"Uid"].split()[1]),
            capabilities=privileges.names(int(status[b"CapEff"], 16)),
            names=tuple(int(name) for name in status[b"NSpid"].split()),
        )
    except (OSError, KeyError, ValueError, IndexError):
        return None


def image_of(pid: int) -> tuple[Kin, Image]:
    """Who it belongs to, and its image. Raises `OSError` when the process is gone.

    A first thread that ended before the others has no image any more: then one of those others tells.
    """
    found = _image(f"/proc/{pid}")
    if found[1][0]:
        return found
    for thread in os.listdir(f"/proc/{pid}/task"):
        other = _image(f"/proc/{pid}/task/{thread}")
        if other[1][0]:
            return other
    return found


def _image(folder: str) -> tuple[Kin, Image]:
    fields = _read(f"{folder}/stat").rpartition(b")")[2].split()
    try:
        program = os.readlink(f"{folder}/exe")
    except FileNotFoundError:
        program = ""
    kin = Kin(int(fields[1]), int(fields[2]), int(fields[3]))
    return kin, (program, fields[25].decode(), fields[45].decode())  # startstack, arg_start


def _arguments(pid: int) -> tuple[str, ...]:
    data = _read(f"/proc/{pid}/cmdline", MAX_ARGUMENT_BYTES + 1)
    if not data:
        return ()
    cut = len(data) > MAX_ARGUMENT_BYTES
    words = [os.fsdecode(word) for word in data[:MAX_ARGUMENT_BYTES].removesuffix(b"\0").split(b"\0")]
    return (*words[:-1], words[-1] + "…") if cut else tuple(words)


def _read(path: str, most: int = 1 << 16) -> bytes:
    """A file of /proc, which gives all that fits into one reading."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, most)
    finally:
        os.close(descriptor)
