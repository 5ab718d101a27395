"""Lock-down of the calling process: descriptors, memory, privileges, paths, system calls; in that order, for good."""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import stat
import struct
from collections.abc import Collection
from dataclasses import dataclass

import pyseccomp

from overt.core.errors import ConfinementError
from overt.sandbox import capabilities, landlock, seccomp
from overt.sandbox.policy import Policy

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
SIGKILL, SIGEV_SIGNAL, CLOCK_MONOTONIC = 9, 0, 1
CLOSE_RANGE, LAST_DESCRIPTOR = 436, 0xFFFF_FFFF

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Confinement:
    """What holds this process now."""

    policy: str
    seccomp: bool
    landlock: int
    """ABI version in force; 0: this kernel has no Landlock, seccomp alone holds."""
    listener: int = -1
    """Where the denied calls of this process are reported, or -1."""


def lock(
    policy: Policy,
    keep: Collection[int],
    max_memory_bytes: int = 0,
    with_parent: bool = False,
    grants: landlock.Grants | None = None,
) -> Confinement:
    """Confine the calling process to `policy`; only the descriptors in `keep` stay open.

    `max_memory_bytes` > 0 bounds the address space; `with_parent` ties this process' life to its parent's; `grants`
    tells Landlock more exactly than the policy what is left.
    Raises `ConfinementError` if any layer that this kernel has cannot be had; the caller must then stop.
    """
    try:
        close_others(keep)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if max_memory_bytes:
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            bound = max_memory_bytes if most == resource.RLIM_INFINITY else min(max_memory_bytes, most)
            resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
        if with_parent:
            _prctl(PR_SET_PDEATHSIG, SIGKILL)
        _prctl(PR_SET_DUMPABLE, 0)
        capabilities.keep(policy.capabilities)
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
        abi = landlock.restrict(policy.files) if grants is None else landlock.restrict_to(grants)
    except OSError as error:
        raise ConfinementError(f"the {policy.name} could not be confined: {error}") from error
    return Confinement(policy.name, True, abi, seccomp.load(policy))


def close_others(keep: Collection[int]) -> None:
    """Close every descriptor that is not in `keep`, those too that are above a RLIMIT_NOFILE that was lowered later."""
    low = 0
    for fd in sorted(keep):
        if low < fd:  # an empty range that starts at 0 would close everything
            os.closerange(low, fd)
        low = fd + 1
    if (
        _libc.syscall(ctypes.c_long(CLOSE_RANGE), low, ctypes.c_uint(LAST_DESCRIPTOR), 0) != 0
    ):  # before Linux 5.9
        os.closerange(low, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def kill_after(seconds: float) -> None:
    """The kernel kills this process then: by a timer, whose SIGKILL can't be ignored, and that only `timer_settime` and
    `timer_delete` could stop (timer_create(2)). Raises `OSError`."""
    event = struct.pack("=Qii48x", 0, SIGKILL, SIGEV_SIGNAL)
    whole = int(seconds)
    due = struct.pack("=4q", 0, 0, whole, int((seconds - whole) * 1e9))
    timer = ctypes.c_int()
    create, arm = (
        ctypes.c_long(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, call))
        for call in ("timer_create", "timer_settime")
    )
    for number, *arguments in (
        (create, CLOCK_MONOTONIC, event, ctypes.byref(timer)),
        (arm, timer, 0, due, None),
    ):
        if _libc.syscall(number, *arguments) != 0:
            raise OSError(ctypes.get_errno(), f"timer: {os.strerror(ctypes.get_errno())}")


def empty_standard_streams() -> None:
    """Standard input and output become /dev/null: a child has no use for its parent's, and low descriptors stay
    taken (libseccomp does not recognise a listener that got descriptor 0)."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    if null > 2:
        os.close(null)


def open_sockets() -> dict[int, int]:
    """This process' open sockets: descriptor → address family."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                with socket.socket(fileno=os.dup(fd)) as copy:
                    found[fd] = int(copy.family)
        except OSError:
            continue
    return found


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")
