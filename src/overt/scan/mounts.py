"""Which file systems there are: those that hold no files to scan, and those whose change time can be trusted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

PSEUDO = frozenset(
    """proc sysfs devpts devtmpfs cgroup cgroup2 debugfs tracefs securityfs bpf pstore efivarfs configfs fusectl
    binfmt_misc mqueue hugetlbfs rpc_pipefs nsfs selinuxfs autofs""".split()
)
"""Kernel interfaces that look like files (proc(5), sysfs(5), …): skipped unless named as a target."""

KEEPS_CHANGE_TIME = frozenset("ext2 ext3 ext4 xfs btrfs f2fs bcachefs zfs jfs".split())
"""Local file systems where this machine's kernel alone sets the change time, also for memory-mapped writes.
Not here: network and user-space file systems (their server decides), tmpfs (memory-mapped writes leave no trace),
overlayfs (a layer may be anything), FAT and exFAT (no change time)."""

LOOP_MAJOR = 7


@dataclass(frozen=True, slots=True)
class Mounts:
    """File-system type per device number, read once (`/proc/self/mountinfo`, proc_pid_mountinfo(5))."""

    types: Mapping[int, str]

    def pseudo(self, device: int) -> bool:
        """Whether `device` (st_dev) is a kernel interface rather than a place for files."""
        return self.types.get(device, "") in PSEUDO

    def keeps_change_time(self, device: int) -> bool:
        """Whether a verdict for a file on `device` may be remembered: fixed local disk, trusted file system."""
        return self.types.get(device, "") in KEEPS_CHANGE_TIME and not _removable(device)


def read_mounts(table: str = "/proc/self/mountinfo") -> Mounts:
    """The mounts of this process. Without /proc: none known, hence nothing skipped and nothing remembered."""
    types: dict[int, str] = {}
    try:
        with open(table, encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                left, _, right = line.partition(" - ")
                major, _, minor = left.split()[2].partition(":")
                types[os.makedev(int(major), int(minor))] = right.split()[0]
    except OSError:
        pass
    return Mounts(types)


@cache
def _removable(device: int) -> bool:
    """Whether the disk can be prepared elsewhere and put in: removable media and loop devices."""
    major, minor = os.major(device), os.minor(device)
    if major == LOOP_MAJOR:
        return True
    folder = os.path.realpath(f"/sys/dev/block/{major}:{minor}")
    for place in (folder, os.path.dirname(folder)):
        try:
            with open(f"{place}/removable") as flag:
                return flag.read().strip() != "0"
        except OSError:
            continue
    return False
