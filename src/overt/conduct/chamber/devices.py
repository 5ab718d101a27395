"""The chamber's /dev: harmless nodes on a file system of its own.

Nothing is bound from the host's /dev: with one descriptor there, open_by_handle_at would reach every disk.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from overt.conduct.chamber import kernel
from overt.conduct.chamber.plan import MIB

NODES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
DEV_BYTES = 1 * MIB


def furnish(dev: Path, shm_bytes: int) -> None:
    """Mount and fill `dev`, with `dev/shm` and `dev/pts`. Raises `OSError`."""
    kernel.mount("dev", dev, "tmpfs", kernel.MS_NOSUID, f"mode=0755,size={DEV_BYTES},nr_inodes=1024")
    for name, (major, minor) in NODES.items():
        os.mknod(dev / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        (dev / name).chmod(0o666)
    for name, target in LINKS.items():
        (dev / name).symlink_to(target)
    for name in ("shm", "pts"):
        (dev / name).mkdir()
    nothing = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("shm", dev / "shm", "tmpfs", nothing, f"mode=1777,size={shm_bytes}")
    options = "newinstance,ptmxmode=0666,mode=0620,gid=5,max=1024"
    kernel.mount("devpts", dev / "pts", "devpts", kernel.MS_NOSUID | kernel.MS_NOEXEC, options)
