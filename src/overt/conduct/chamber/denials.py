"""The chamber's filter of system calls: a list of what is refused inside, and the record of each attempt.

Capabilities refuse most of these already; the filter also refuses them to whoever gained some, and what needs none: new
user namespaces, keyrings, the kernel's log. A refused call never runs and fails with EPERM. strace can't see it (its
stop ranks below a filter's refusal, seccomp(2)), so the kernel tells the warden instead, who notes it and answers.
adjtimex and clock_adjtime only read without CAP_SYS_TIME, as programs do. io_uring and open_by_handle_at stay allowed:
the file observer sees what is opened with them.
"""

from __future__ import annotations

import atexit  # noqa: F401  (weakref.finalize, which the filter uses, imports it at its first use)
import errno
import fcntl
import os
import select
import struct
import threading
import time

import pyseccomp

from overt.conduct.chamber import kernel
from overt.conduct.chamber.plan import Denied

NOTIF_RECV, NOTIF_SEND = 0xC050_2100, 0xC018_2101
NOTIFICATION = struct.Struct("=QIIiIQ6Q")
"""seccomp_unotify(2): id, pid, flags, then struct seccomp_data: number, architecture, address, arguments."""
RESPONSE = struct.Struct("=QqiI")
MAX_KEPT = 10_000
"""Different (process, call) pairs kept; later ones are counted together."""

ALWAYS = """keyctl add_key request_key bpf perf_event_open userfaultfd kexec_load kexec_file_load init_module
finit_module delete_module create_module settimeofday clock_settime swapon swapoff reboot acct
quotactl quotactl_fd ioperm iopl syslog vhangup nfsservctl lookup_dcookie uselib setns stime""".split()
MOUNTS = """mount umount umount2 pivot_root move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick
mount_setattr""".split()
NAMESPACES = (
    kernel.CLONE_NEWNS,
    kernel.CLONE_NEWCGROUP,
    kernel.CLONE_NEWUTS,
    kernel.CLONE_NEWIPC,
    kernel.CLONE_NEWUSER,
    kernel.CLONE_NEWPID,
    kernel.CLONE_NEWNET,
)
FAMILIES = frozenset((1, 2, 10, 16, 17, 38))
"""Of sockets, that are allowed: UNIX, INET, INET6, NETLINK, PACKET, ALG. Others know no namespaces (VSOCK talks to the
hypervisor), or make the kernel load modules for them."""
LAST_FAMILY = 64
NETLINK, AUDIT = 16, 9
SYS_SOCKET = 1
"""The first argument of socketcall(2), the 32-bit way to make a socket, in which no filter can see the family."""
UNKNOWN_CALL = -1
"""What libseccomp says for a name it does not know (__NR_SCMP_ERROR)."""


def load(allow_mounts: bool, record: bool) -> int:
    """Hold this process and all it starts to the filter, for good; set-user-ID programs go on to work (no
    no_new_privs), so it takes CAP_SYS_ADMIN. Returns the descriptor that reports refused calls, -1 if not to `record`.
    Raises `OSError`."""
    table = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    table.set_attr(pyseccomp.Attr.CTL_NNP, 0)
    table.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.ERRNO(errno.ENOSYS))
    if os.uname().machine == "x86_64":
        table.add_arch(pyseccomp.Arch.X86)
    refuse = pyseccomp.NOTIFY if record else pyseccomp.ERRNO(errno.EPERM)
    for call in ALWAYS + ([] if allow_mounts else MOUNTS):
        _add(table, refuse, call)
    for family in set(range(LAST_FAMILY)) - FAMILIES:
        for call in ("socket", "socketpair"):
            _add(table, refuse, call, pyseccomp.Arg(0, pyseccomp.EQ, family))
    _add(table, refuse, "socket", pyseccomp.Arg(0, pyseccomp.GE, LAST_FAMILY))
    _add(table, refuse, "socketcall", pyseccomp.Arg(0, pyseccomp.EQ, SYS_SOCKET))
    # The audit of the whole machine. Programs that log in or add users take this for a kernel without it: no attempt.
    no_audit = pyseccomp.ERRNO(errno.EPROTONOSUPPORT)
    _add(
        table,
        no_audit,
        "socket",
        pyseccomp.Arg(0, pyseccomp.EQ, NETLINK),
        pyseccomp.Arg(2, pyseccomp.EQ, AUDIT),
    )
    # Of the same user, so that nothing else keeps the product from leaving init without memory, descriptors or time.
    for call in ("prlimit64", "sched_setscheduler", "sched_setattr", "sched_setaffinity"):
        _add(table, refuse, call, pyseccomp.Arg(0, pyseccomp.EQ, 1))
    for which in (os.PRIO_PROCESS, os.PRIO_PGRP):
        _add(
            table,
            refuse,
            "setpriority",
            pyseccomp.Arg(0, pyseccomp.EQ, which),
            pyseccomp.Arg(1, pyseccomp.EQ, 1),
        )
    _add(table, refuse, "setpriority", pyseccomp.Arg(0, pyseccomp.EQ, os.PRIO_USER))
    if not allow_mounts:
        for flag in NAMESPACES:
            for call in ("unshare", "clone"):
                _add(table, refuse, call, pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
        _add(
            table,
            refuse,
            "unshare",
            pyseccomp.Arg(0, pyseccomp.MASKED_EQ, kernel.CLONE_NEWTIME, kernel.CLONE_NEWTIME),
        )
    if not record:  # what is refused is known from the tracer, which no process may do without
        untraced = kernel.CLONE_UNTRACED
        _add(table, refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, untraced, untraced))
    if not (allow_mounts and record):
        # Its flags are behind a pointer, where no filter looks; the C library then uses clone.
        _add(table, pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    table.load()
    return int(pyseccomp._libseccomp.seccomp_notify_fd(table._filter)) if record else -1


def _add(table: pyseccomp.SyscallFilter, action: int, call: str, *conditions: pyseccomp.Arg) -> None:
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, call)
    if number != UNKNOWN_CALL:  # libseccomp has its own negative numbers for calls of other architectures
        table.add_rule(action, number, *conditions)


class Warder:
    """The warden's thread that answers refused calls and keeps the record of them."""

    def __init__(self, listener: int) -> None:
        """Takes over the descriptor that `load` returned in the chamber's init."""
        self._listener = listener
        self._waking, self._wake = os.pipe()
        self._kept: dict[tuple[int, str], Denied] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="denials", daemon=True)
        self._thread.start()

    def denied(self) -> tuple[Denied, ...]:
        """What was refused so far, in the order of the first time."""
        with self._lock:
            return tuple(sorted(self._kept.values(), key=lambda denied: denied.at_s))

    def close(self) -> None:
        """End the thread; the chamber's processes must have ended before, or their refused calls get ENOSYS."""
        os.write(self._wake, b"x")
        self._thread.join()
        for fd in (self._listener, self._waking, self._wake):
            os.close(fd)

    def _serve(self) -> None:
        waiting = select.poll()
        waiting.register(self._listener, select.POLLIN)
        waiting.register(self._waking, select.POLLIN)
        while True:
            for fd, event in waiting.poll():
                if fd == self._waking:
                    return
                if event & select.POLLIN:
                    self._answer()
                else:
                    waiting.unregister(fd)  # nobody is left inside

    def _answer(self) -> None:
        buffer = bytearray(NOTIFICATION.size)
        try:
            fcntl.ioctl(self._listener, NOTIF_RECV, buffer, True)
            number, pid, _, call, architecture, _, *arguments = NOTIFICATION.unpack(buffer)
            self._keep(pid, _name(architecture, call), tuple(arguments))
            fcntl.ioctl(self._listener, NOTIF_SEND, RESPONSE.pack(number, 0, -errno.EPERM, 0))
        except FileNotFoundError:
            pass  # the caller was killed meanwhile

    def _keep(self, pid: int, name: str, arguments: tuple[int, ...]) -> None:
        with self._lock:
            key = (pid, name) if len(self._kept) < MAX_KEPT or (pid, name) in self._kept else (0, name)
            before = self._kept.get(key)
            self._kept[key] = (
                Denied(before.at_s, before.pid, name, before.arguments, before.count + 1)
                if before
                else Denied(time.monotonic(), key[0], name, arguments, 1)
            )


def _name(architecture: int, number: int) -> str:
    try:
        return bytes(pyseccomp.resolve_syscall(architecture, number)).decode()
    except (ValueError, OSError):
        return f"number {number}"
