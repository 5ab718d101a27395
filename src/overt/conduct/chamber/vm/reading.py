"""What is on a virtual machine's disk, read from outside, while the machine stands still.

The product may write on that disk whatever it likes, so no kernel mounts it here: debugfs(8) reads it, as nobody, and
sees nothing of the host but its programs, the disk, and a file system in memory for what it reads.
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from overt.conduct.chamber import kernel, layers
from overt.conduct.chamber.vm.machine import NOBODY, become_nobody
from overt.core.errors import ConductError

CONTENTS = "contents"
READ_S = 300.0
MEMORY_BYTES = 1 << 30
MAX_FILES = 1 << 20
OWNERSHIP = "while changing ownership of"
"""The one thing that nobody can't do: whose a file is, and its set-user-ID bits, are not read."""


@contextmanager
def contents(disk: Path, work: Path) -> Iterator[Path]:
    """A folder below `work` with what is on `disk` now, which is the only file in its folder. Called in the warden.
    Raises `ConductError` for what can't be read in full."""
    folder = work / CONTENTS
    folder.mkdir(exist_ok=True)
    options = f"mode=0755,uid={NOBODY},gid={NOBODY},size={disk.stat().st_size},nr_inodes={MAX_FILES}"
    try:
        kernel.mount("contents", folder, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    except OSError as error:
        raise ConductError(f"there is no room to read the virtual machine's disk: {error}") from error
    try:
        _dump(disk, folder)
        yield folder
    finally:
        kernel.unmount(folder)


def _dump(disk: Path, folder: Path) -> None:
    def confine() -> None:
        layers.see_only(disk.parent.absolute(), folder.absolute())
        for limit in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
            resource.setrlimit(limit, (MEMORY_BYTES, MEMORY_BYTES))
        become_nobody()

    command = ["/sbin/debugfs", "-R", "rdump / /target", f"/source/{disk.name}"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=READ_S,
            preexec_fn=confine,
            check=False,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConductError(f"the virtual machine's disk could not be read: {error}") from error
    failed = [line for line in done.stderr.splitlines()[1:] if OWNERSHIP not in line]
    if done.returncode or failed:
        why = failed[0][:200] if failed else f"debugfs ended with {done.returncode}"
        raise ConductError(f"the virtual machine's disk could not be read in full: {why}")
