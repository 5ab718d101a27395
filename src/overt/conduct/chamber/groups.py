"""Control groups that bound a chamber's memory, processes and share of the processor, of version 1 or 2, whichever
this machine mounts.

They are named after the run; what a run that died left is empty, and the next start removes it.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from overt.conduct.chamber.plan import Limits

PREFIX = "overt-conduct-"
_LAB = re.compile(re.escape(PREFIX) + r"run-(\d+)-")
CONTROLLERS = {"memory": "memory", "pids": "processes", "cpu": "processor"}
"""What each bounds."""
GONE_S = 5.0
"""How long a group whose processes were killed may take to be empty."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of one chamber."""

    folders: tuple[Path, ...]
    bounded: tuple[str, ...]
    """What holds: `memory`, `processes`, `processor`, or less where the machine has no such controller."""

    def add(self, pid: int) -> None:
        """Put a process, and all that it starts from now on, into the groups. Raises `OSError`."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))


def make(name: str, limits: Limits) -> Groups:
    """Groups for the run `name`; none where the machine has none that root can make."""
    wanted = {
        "memory": (("memory.max", "memory.limit_in_bytes"), limits.memory_bytes),
        "pids": (("pids.max",), limits.processes),
        "cpu": (
            ("cpu.weight", "cpu.shares"),
            None,
        ),  # as it is: all processes together count as one of the lab's
    }
    folders, bounded = [], []
    for controller, (files, value) in wanted.items():
        for parent in _parents(controller):
            folder = parent / (PREFIX + name)
            with suppress(OSError):
                folder.mkdir(exist_ok=True)
                file = next((folder / file for file in files if (folder / file).exists()), None)
                if file is None:
                    folder.rmdir()
                    continue
                if value is not None:
                    file.write_text(str(value))
                for swap in ("memory.swap.max", "memory.memsw.limit_in_bytes"):
                    with suppress(OSError):
                        if controller == "memory" and (folder / swap).exists():
                            (folder / swap).write_text("0" if swap == "memory.swap.max" else str(value))
                folders.append(folder)
                bounded.append(CONTROLLERS[controller])
                break
    return Groups(tuple(dict.fromkeys(folders)), tuple(bounded))


def remove(folders: Iterable[Path]) -> bool:
    """Remove groups that `make` made, whose processes have ended. False: one is still in use."""
    left = [folder for folder in folders if folder.name.startswith(PREFIX)]
    deadline = time.monotonic() + GONE_S
    while left := [folder for folder in left if not _removed(folder)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def orphans() -> list[Path]:
    """Groups without a process, of runs whose lab (the process in their name) is gone: what stays when somebody else
    deletes the work folder of a run that died."""
    found = []
    for parent in {parent for controller in CONTROLLERS for parent in _parents(controller)}:
        for folder in parent.glob(PREFIX + "*"):
            lab = _LAB.match(folder.name)
            if lab and not Path("/proc", lab[1]).exists() and not _text(folder / "cgroup.procs").strip():
                found.append(folder)
    return sorted(found)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError as error:
        return error.errno == errno.ENOENT
    return True


def _parents(controller: str) -> list[Path]:
    """Where a group of this controller may be made: below our own (version 1), or at the top (version 2, in which a
    group that has processes can't have groups with limits)."""
    own = _own()
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        mount, root = Path(before.split()[4]), before.split()[3]
        kind, _, options = after.split()[:3]
        if kind == "cgroup" and controller in options.split(","):
            found.append(mount / os.path.relpath(own.get(controller, "/"), root))
        elif kind == "cgroup2" and controller in _text(mount / "cgroup.subtree_control").split():
            found.append(mount)
    return [path for path in found if path.is_dir()]


def _own() -> dict[str, str]:
    """Controller → the path of this process' group (cgroups(7), /proc/PID/cgroup)."""
    lines = (line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines())
    return {controller: path for _, controllers, path in lines for controller in controllers.split(",")}


def _text(path: Path) -> str:
    """Empty where there is none, or none any more."""
    try:
        return path.read_text()
    except OSError:
        return ""
