"""A process' own view of the file system: a mount namespace whose root is an empty tmpfs plus what is listed.

Follows mount_namespaces(7), user_namespaces(7) and pivot_root(2). What is listed is bound nosuid, nodev and noexec,
and read-only unless it says otherwise; everything else has no name any more. Landlock says the same once more where the
kernel has it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import stat
import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyseccomp

from overt.core.errors import ConfinementError
from overt.sandbox import landlock
from overt.sandbox.landlock import Grants
from overt.sandbox.lockdown import Confinement, close_others, lock
from overt.sandbox.policy import Policy

CLONE_NEWNS, CLONE_NEWUSER = 0x0002_0000, 0x1000_0000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC, MS_PRIVATE = 1 << 14, 1 << 18
MNT_DETACH = 2
PR_SET_DUMPABLE = 4
MOUNT_SETATTR, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NODEV, AT_FDCWD, AT_RECURSIVE = 442, 1, 4, -100, 0x8000
INERT = MS_NOSUID | MS_NODEV | MS_NOEXEC
MEMORY = "/tmp"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Shown:
    """One file or folder that stays visible."""

    outside: Path
    inside: str
    """Its absolute path in the view."""
    writable: bool = False
    """Whether it can be changed there, and what is below it."""


RESOLVER_FILES = tuple(
    Shown(Path(path), path)
    for path in ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf")
)
"""What the C library reads to resolve a name, whichever of them exist."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the kernel bounds in an enclosed process."""

    extra_memory_bytes: int
    """Address space (RLIMIT_AS) beyond what is mapped at the start."""
    max_cpu_s: int
    """Processor time (RLIMIT_CPU)."""
    max_descriptors: int
    """RLIMIT_NOFILE."""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """What holds an enclosed process now, and where it finds what it is shown."""

    confinement: Confinement
    namespace: bool
    """Whether it has a mount namespace of its own."""
    without: str
    """Why it has none, or the empty string."""
    places: dict[str, str]
    """`Shown.inside` → the path by which the process reaches it."""


def enclose(
    policy: Policy,
    shown: Sequence[Shown],
    scratch: Path,
    keep: Collection[int],
    ports: Collection[int],
    bounds: Bounds,
) -> Enclosure:
    """Confine the calling process for good to `shown` (what of it exists), to `policy` and, with Landlock, to TCP
    connections to `ports`. It can write no file. `scratch` is a folder to mount the new root on.

    Raises `ConfinementError` when neither a mount namespace nor Landlock can be had, or any layer fails half-way.
    """
    close_others(keep)
    max_memory_bytes = _mapped_bytes() + bounds.extra_memory_bytes
    existing = [item for item in shown if item.outside.exists()]
    without = _enter(existing, scratch)
    if without and not landlock.abi():
        raise ConfinementError(
            f"the {policy.name} could not be confined: no mount namespace ({without}), and this kernel has no "
            f"Landlock: allow user namespaces, run as root, or say --unconfined"
        )
    places = {item.inside: str(item.outside) if without else item.inside for item in existing}
    _bound(bounds)
    grants = Grants(read=tuple(places.values()), ports=tuple(sorted(set(ports))), scoped=True)
    confinement = lock(policy, keep, max_memory_bytes, with_parent=True, grants=grants)
    return Enclosure(confinement, not without, without, places)


def confine_to(policy: Policy, shown: Sequence[Shown], scratch: Path, keep: Collection[int]) -> Confinement:
    """Confine the calling process, which is root's, for good to `policy` and to `shown`, of which it can change what is
    writable, and to a small /tmp in memory. The first that is shown becomes the current folder; `scratch` is a folder
    to mount the new root on. No TCP connection can be made, and none waited for that was not before.

    Raises `ConfinementError` when any layer fails, or a descriptor in `keep` is a folder's.
    """
    _no_folders(policy, keep)
    close_others(keep)
    if without := _enter(shown, scratch, memory=True):
        raise ConfinementError(f"the {policy.name} could not be confined: no mount namespace ({without})")
    os.chdir(shown[0].inside)
    writable = (item.inside for item in shown if item.writable)
    grants = Grants(read=("/",), write=(MEMORY, *writable), scoped=True)
    return lock(policy, keep, grants=grants)


def confine_writing(
    policy: Policy, folders: Sequence[Path], keep: Collection[int], with_parent: bool = False
) -> Confinement:
    """Confine the calling process for good to `policy`; what has a name can be read, and only below `folders` be
    changed: by Landlock, or by a mount namespace in which all else is read-only where the kernel has no Landlock.

    Raises `ConfinementError` when neither can be had, or a descriptor in `keep` is a folder's: it would lead to the
    mounts of before, and by `..` to everything below them. Other descriptors stay as they were opened.
    """
    _no_folders(policy, keep)
    if not landlock.abi() and (without := _make_read_only(folders)):
        raise ConfinementError(
            f"the {policy.name} could not be confined: no mount namespace ({without}), and this kernel has no "
            f"Landlock: allow user namespaces, run as root, or say --unconfined"
        )
    grants = Grants(read=("/",), write=tuple(str(folder) for folder in folders))
    return lock(policy, keep, with_parent=with_parent, grants=grants)


def _no_folders(policy: Policy, keep: Collection[int]) -> None:
    for fd in keep:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise ConfinementError(
                f"the {policy.name} could not be confined: its descriptor {fd} is a folder"
            )


def _make_read_only(folders: Sequence[Path]) -> str:
    """Every mount but `folders` becomes read-only for this process, and device files can't be opened: writing to those
    is no writing to the mount they are on. Returns why not, in words."""
    try:
        _unshare()
        _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        for folder in folders:
            name = os.fsencode(folder)
            _call("mount", name, name, None, MS_BIND | MS_REC, None)
        _set_mount(b"/", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV, 0, AT_RECURSIVE)
        for folder in folders:
            _set_mount(os.fsencode(folder), 0, MOUNT_ATTR_RDONLY, 0)
        os.chdir(os.getcwd())  # by its name: into the mounts of now
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _set_mount(path: bytes, add: int, remove: int, flags: int) -> None:
    """mount_setattr(2), Linux 5.12."""
    attributes = struct.pack("=QQQQ", add, remove, 0, 0)
    number = ctypes.c_long(MOUNT_SETATTR)
    _call("syscall", number, AT_FDCWD, path, flags, attributes, ctypes.c_size_t(len(attributes)))


def namespace_refusal() -> str:
    """Why this kernel gives this user no mount namespace, in words; empty when it does. Tried in a child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _unshare()
            _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        except OSError as error:
            os.write(writing, (error.strerror or str(error)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as answer:
        why = answer.read()
    os.waitpid(child, 0)
    return why


def _bound(bounds: Bounds) -> None:
    wanted = (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, bounds.max_cpu_s),
        (resource.RLIMIT_NOFILE, bounds.max_descriptors),
    )
    for limit, value in wanted:
        _, most = resource.getrlimit(limit)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (value, value))


def _mapped_bytes() -> int:
    """Bytes of address space that this process has mapped (proc_pid_statm(5))."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def _enter(shown: Sequence[Shown], scratch: Path, memory: bool = False) -> str:
    """Make `shown` all that has a name, and with `memory` an empty folder that is nowhere else. Returns why not, in
    words, when the kernel does not allow it; then nothing changed. Raises `ConfinementError` when it fails after the
    old root was given up."""
    try:
        _unshare()
        _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        with _opened(shown) as sources:
            _call(
                "mount", b"tmpfs", os.fsencode(scratch), b"tmpfs", INERT, b"mode=0755,size=64k,nr_inodes=1k"
            )
            try:
                _furnish(sources, scratch, memory)
            except OSError:
                os.chdir("/")
                _call("umount2", os.fsencode(scratch), MNT_DETACH)
                raise
    except OSError as error:
        return error.strerror or str(error)
    try:
        _pivot()
    except OSError as error:
        raise ConfinementError(f"the new root could not be entered: {error.strerror}") from error
    return ""


def _unshare() -> None:
    """A mount namespace of this process' own; in a user namespace that maps only this user, when not privileged."""
    try:
        return _call("unshare", CLONE_NEWNS)
    except PermissionError:
        user, group = os.geteuid(), os.getegid()
    _libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else /proc/self belongs to root
    _call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as stream:
            stream.write(line)


@contextlib.contextmanager
def _opened(shown: Sequence[Shown]) -> Iterator[dict[Shown, int]]:
    """Each item → a descriptor that names it, of mounts of the new namespace."""
    with contextlib.ExitStack() as stack:
        sources = {}
        for item in shown:
            sources[item] = os.open(item.outside, os.O_PATH | os.O_CLOEXEC)
            stack.callback(os.close, sources[item])
        yield sources


def _furnish(sources: dict[Shown, int], root: Path, memory: bool) -> None:
    """Bind everything below `root`, the mounted tmpfs, and stay in it as the current folder."""
    os.chdir(root)
    if memory:
        name = os.fsencode(MEMORY.lstrip("/"))
        os.mkdir(name)
        _call("mount", name, name, None, MS_BIND, None)  # a mount of its own, which stays writable
    for item, source in sources.items():
        target = item.inside.lstrip("/")
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        if stat.S_ISDIR(os.fstat(source).st_mode):
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        name = os.fsencode(target)
        _call("mount", b"/proc/self/fd/%d" % source, name, None, MS_BIND, None)
        access = INERT if item.writable else MS_RDONLY | INERT
        _call("mount", b"none", name, None, MS_BIND | MS_REMOUNT | access, None)
    _call("mount", b"none", b".", None, MS_BIND | MS_REMOUNT | MS_RDONLY | INERT, None)


def _pivot() -> None:
    """The current folder becomes the root; the old root, stacked below it, goes."""
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "pivot_root")
    _call("syscall", ctypes.c_long(number), b".", b".")
    _call("umount2", b".", MNT_DETACH)
    os.chdir("/")


def _call(name: str, *arguments: object) -> None:
    ctypes.set_errno(0)
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
