"""What is on a virtual machine's disk, read from outside, while the machine stands still.

The product may write on that disk whatever it likes, so no kernel mounts it here: debugfs(8) reads it, as nobody, and
sees nothing of the host but its programs, the disk, and a file system in memory for what it reads.
"""

from __future__ import annotations

import os
import resource
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from overt.conduct.chamber import kernel, layers
from overt.conduct.chamber.vm.machine import NOBODY, become_nobody
from overt.core.errors import ConductError

CONTENTS = "contents"
READ_S = 120.0
MEMORY_BYTES = 1 << 30
MAX_FILES = 1 << 20
MAX_LINE_BYTES = 16 << 10
MAX_WORDS = 200
_DENIED = b": Operation not permitted while changing ownership of "
EXPECTED = (b"debugfs ", b"rdump" + _DENIED, b"dump_file" + _DENIED)
"""How lines begin that are no failure. Whose a file is, nobody can't set: owners and set-user-ID bits are not read."""


@contextmanager
def contents(disk: Path, work: Path) -> Iterator[Path]:
    """A folder below `work` with what is on `disk` now, which is the only file in its folder. Called in the warden.
    Raises `ConductError` for what can't be read in full."""
    folder = work / CONTENTS
    folder.mkdir(exist_ok=True)
    size = min(disk.stat().st_size, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    options = f"mode=0755,uid={NOBODY},gid={NOBODY},size={size},nr_inodes={MAX_FILES}"
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
    """It ends with the first thing that can't be read: what a product made of its disk may have no end."""

    def confine() -> None:
        layers.see_only(disk.parent.absolute(), folder.absolute())
        for limit in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
            resource.setrlimit(limit, (MEMORY_BYTES, MEMORY_BYTES))
        become_nobody()

    try:
        process = subprocess.Popen(
            ["/sbin/debugfs", "-R", "rdump / /target", f"/source/{disk.name}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=confine,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConductError(f"the virtual machine's disk could not be read: {error}") from error
    ending = threading.Timer(READ_S, process.kill)
    ending.start()
    with process:
        if failed := _first_failure(process.stderr):
            process.kill()
    ending.cancel()
    if failed or process.returncode:
        why = (
            failed.decode(errors="replace").strip()[:MAX_WORDS] or f"debugfs ended with {process.returncode}"
        )
        raise ConductError(f"the virtual machine's disk could not be read in full: {why}")


def _first_failure(said: IO[bytes] | None) -> bytes:
    """What debugfs says beside what is to be expected; nothing when it ends without that."""
    while said is not None and (line := said.readline(MAX_LINE_BYTES)):
        if not line.startswith(EXPECTED):
            return line
    return b""
