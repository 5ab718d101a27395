"""Loads a `Policy` into the kernel through libseccomp, and reads what a denied process asked for.

Follows seccomp(2) and seccomp_unotify(2). Every failure is a `ConfinementError`: nothing carries on without.
"""

from __future__ import annotations

import atexit  # noqa: F401  (weakref.finalize, which the filter uses, imports it at its first use)
import errno
import fcntl
import struct

import pyseccomp

from overt.core.errors import ConfinementError
from overt.sandbox.constants import addresses
from overt.sandbox.policy import SECCOMP_IOCTL_NOTIF_RECV, Denial, Policy

NOTIFICATION_BYTES = 80
"""sizeof(struct seccomp_notif)."""

_ACTIONS = {
    Denial.REPORT: pyseccomp.NOTIFY,
    Denial.ABSENT: pyseccomp.TRACE(0),
    Denial.ERROR: pyseccomp.ERRNO(errno.EPERM),
}


def load(policy: Policy) -> int:
    """Confine this process for good. Returns the descriptor on which denied calls are reported, or -1 when the
    policy does not report. Raises `ConfinementError` when the kernel or libseccomp refuses."""
    try:
        table = pyseccomp.SyscallFilter(_ACTIONS[policy.denial])
        table.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
        for call in sorted(policy.calls):
            _add(table, pyseccomp.ALLOW, call)
        for call, conditions in policy.guarded:
            _add(
                table,
                pyseccomp.ALLOW,
                call,
                *(pyseccomp.Arg(c.argument, pyseccomp.MASKED_EQ, c.mask, c.value) for c in conditions),
            )
        for call, error in policy.refused:
            _add(table, pyseccomp.ERRNO(error), call)
        for address in addresses(policy.absent_paths) if policy.absent_paths else ():
            _add(table, pyseccomp.ERRNO(errno.ENOENT), "openat", pyseccomp.Arg(1, pyseccomp.EQ, address))
        table.load()
    except OSError as error:
        raise ConfinementError(
            f"the kernel refused the seccomp filter of the {policy.name} ({error}): Overt does not run without it"
        ) from error
    if policy.denial is not Denial.REPORT:
        return -1
    listener = int(pyseccomp._libseccomp.seccomp_notify_fd(table._filter))
    if listener < 0:
        raise ConfinementError("the kernel gave no seccomp listener: Linux 5.0 and libseccomp 2.5 are needed")
    return listener


def _add(table: pyseccomp.SyscallFilter, action: int, call: str, *conditions: pyseccomp.Arg) -> None:
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, call)
    if number >= 0:  # negative: this architecture has no such call
        table.add_rule(action, number, *conditions)


def reported_call(listener: int) -> str:
    """The name of the forbidden system call a process is stopped at. Raises `OSError` if it is gone."""
    buffer = bytearray(NOTIFICATION_BYTES)
    fcntl.ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, buffer, True)
    number = struct.unpack_from("=QIIiI", buffer)[3]
    try:
        return bytes(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, number)).decode()
    except ValueError:
        return f"number {number}"
