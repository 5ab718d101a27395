"""mount(2), unshare(2) and their like, which Python's library lacks. All raise `OSError`."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pyseccomp

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x1000_0000, 0x2000_0000, 0x4000_0000
CLONE_NEWTIME, CLONE_UNTRACED = 0x80, 0x0080_0000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC, MS_PRIVATE = 1 << 14, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME = 1, 4, 15
SIGKILL = 9
OPEN_TREE_CLONE, AT_EMPTY_PATH, AT_FDCWD, MOVE_MOUNT_F_EMPTY_PATH = 1, 0x1000, -100, 4
KEYCTL_JOIN_SESSION_KEYRING = 1
ARG_START = 45
"""Of the fields behind the process' name."""

_OCTAL = re.compile(r"\\([0-7]{3})")
_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str | Path, target: str | Path, kind: str, flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    texts = (os.fsencode(source), os.fsencode(target), kind.encode())
    _check(_libc.mount(*texts, ctypes.c_ulong(flags), os.fsencode(data) or None), f"mount on {target}")


def bind(source: str | Path, target: str | Path, flags: int = 0) -> None:
    """`source` at `target` too; with `flags`, restricted there: MS_RDONLY and the like."""
    mount(source, target, "none", MS_BIND)
    if flags:
        mount("none", target, "none", MS_BIND | MS_REMOUNT | flags)


def move_here(fd: int, target: Path) -> None:
    """What `fd` (O_PATH) names at `target` too, with a copy of its mount (open_tree(2), move_mount(2))."""
    tree = int(_libc.syscall(ctypes.c_long(_number("open_tree")), fd, b"", OPEN_TREE_CLONE | AT_EMPTY_PATH))
    _check(min(tree, 0), "open_tree")
    arguments = (tree, b"", AT_FDCWD, os.fsencode(target), MOVE_MOUNT_F_EMPTY_PATH)
    try:
        _check(_libc.syscall(ctypes.c_long(_number("move_mount")), *arguments), f"move_mount to {target}")
    finally:
        os.close(tree)


def mounts() -> Iterator[tuple[Path, str]]:
    """(mount point, type of file system) of this mount namespace (proc_pid_mountinfo(5))."""
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        name = _OCTAL.sub(lambda escape: chr(int(escape[1], 8)), before.split()[4])
        yield Path(name), after.split()[0]


def make_private() -> None:
    """No mount made or undone from here on is seen in another namespace, nor the other way round."""
    mount("none", "/", "none", MS_REC | MS_PRIVATE)


def unmount(target: str | Path) -> None:
    """Take the mount away at once; it goes when nothing uses it any more."""
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH), f"unmount {target}")


def unshare(flags: int) -> None:
    """unshare(2)."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """setns(2)."""
    _check(_libc.setns(fd, kind), "setns")


def pivot(root: Path) -> None:
    """`root`, a mount point, becomes the root of this mount namespace; the old root goes (pivot_root(2))."""
    os.chdir(root)
    _check(_libc.syscall(ctypes.c_long(_number("pivot_root")), b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


def die_with_parent() -> None:
    """The kernel kills this process when the thread that started it ends."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl")


def be_closed_to_others() -> None:
    """Others of the same user can't look into this process, nor open what it has open, without CAP_SYS_PTRACE."""
    _check(_libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")


def name_process(name: str, arguments: str) -> None:
    """What `ps` shows: `name`, and `arguments` in place of the command line, cut to its length (proc_pid_stat(5): where
    it lies in memory)."""
    _libc.prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0)
    with open("/proc/self/stat", "rb") as stream:
        fields = stream.read().rpartition(b")")[2].split()
    start, end = int(fields[ARG_START]), int(fields[ARG_START + 1])
    if 0 < start < end:
        text = arguments.encode()[: end - start - 1]
        ctypes.memmove(start, text + bytes(end - start - len(text)), end - start)


def leave_keyring() -> None:
    """A session keyring of this process' own, so that the host's is not inherited; without keys, nothing to leave."""
    _libc.syscall(ctypes.c_long(_number("keyctl")), KEYCTL_JOIN_SESSION_KEYRING, None, 0, 0, 0)


def _number(call: str) -> int:
    return int(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, call))


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
