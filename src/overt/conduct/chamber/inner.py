"""The program that becomes the chamber's init: `python -m overt.conduct.chamber.inner DESCRIPTOR`.

The warden starts it, by itself or below a tracer. It enters the network namespace that it is given, makes the others,
and forks process 1 of them, which gives up the host's file system, its privileges and the calls of `denials`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from overt.conduct.chamber import denials, kernel, privileges, steps

NAMESPACES = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
    | kernel.CLONE_NEWPID
)
READ_ONLY = "sys sysrq-trigger irq bus fs acpi asound scsi 1".split()
"""Of /proc: settings of the whole machine, and init's own: when it has its turn, and whether it is ended for want of
memory, is not the product's to say."""
HIDDEN = """kcore kmsg keys key-users kallsyms kpagecount kpageflags kpagecgroup timer_list sched_debug cmdline
latency_stats""".split()
"""Of /proc: the machine's memory, log, keys and start parameters."""
HIDDEN_SYS = """firmware devices/virtual/dmi class/dmi fs kernel/debug kernel/security kernel/tracing
kernel/boot_params hypervisor""".split()
"""Of /sys: serial numbers and firmware tables, the kernel's own file systems."""
NO_WAY = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


def main() -> None:
    """Live as the launcher; its child is init."""
    control = socket.socket(fileno=int(sys.argv[1]))
    kernel.die_with_parent()
    try:
        control.send(json.dumps({"launcher": os.getpid()}).encode())
        message, fds, _, _ = socket.recv_fds(control, steps.MAX_MESSAGE_BYTES, 1)
        if not message:
            steps.leave(1)
        spec = json.loads(message)
        kernel.setns(fds[0], kernel.CLONE_NEWNET)
        os.close(fds[0])
        highest = privileges.last()
        kernel.unshare(NAMESPACES)
        child = os.fork()
        if child == 0:
            _be_init(control, spec, highest)
        control.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _, status = os.waitpid(child, 0)
        steps.leave(0 if status == 0 else 1)
    except OSError as error:
        _fail(control, error)


def _be_init(control: socket.socket, spec: Mapping[str, Any], highest: int) -> None:
    try:
        kernel.die_with_parent()
        kernel.be_closed_to_others()
        socket.sethostname(spec["hostname"])
        _enter(Path(spec["root"]))
        _close_all_but(control.fileno())
        kernel.leave_keyring()
        kernel.name_process("init", "/sbin/init")
        os.umask(0o022)
        os.setsid()
        os.setpriority(os.PRIO_PROCESS, 0, steps.FIRST_IN_LINE)
        kept = spec["capabilities"]
        listener = denials.load(spec["allow_mounts"], spec["record_denied"])
        privileges.keep_for_programs(kept, highest)
        privileges.keep([*kept, privileges.INITS_OWN])
        kernel.be_closed_to_others()
        socket.send_fds(control, [b'{"ready":1}'], [listener] if listener >= 0 else [])
        if listener >= 0:
            os.close(listener)
    except OSError as error:
        _fail(control, error)

    def become(uid: int, granted: Sequence[str]) -> None:
        steps.limit(spec["processes"], uid)
        privileges.keep_for_programs(granted, highest)
        os.setresuid(uid, uid, uid)
        privileges.keep(granted if uid == 0 else [])

    steps.serve(control, become)
    steps.leave(0)


def _enter(root: Path) -> None:
    """Make `root` all that has a name, with /proc and /sys of the new namespaces."""
    kernel.make_private()
    kernel.mount("proc", root / "proc", "proc", NO_WAY)
    kernel.mount("sysfs", root / "sys", "sysfs", NO_WAY | kernel.MS_RDONLY)
    for name in READ_ONLY:
        if (path := root / "proc" / name).exists():
            kernel.bind(path, path, NO_WAY | kernel.MS_RDONLY)
    for name in HIDDEN:
        _hide(root / "proc" / name, root)
    for name in HIDDEN_SYS:
        _hide(root / "sys" / name, root)
    kernel.pivot(root)


def _hide(path: Path, root: Path) -> None:
    if path.is_symlink() or not path.exists():
        return
    if path.is_dir():
        kernel.mount("none", path, "tmpfs", NO_WAY | kernel.MS_RDONLY, "size=4k,nr_inodes=2,mode=0555")
    else:
        kernel.bind(root / "dev/null", path, kernel.MS_NOSUID | kernel.MS_NOEXEC | kernel.MS_RDONLY)


def _close_all_but(keep: int) -> None:
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.closerange(3, keep)
    os.closerange(keep + 1, 1 << 16)
    os.set_inheritable(keep, False)


def _fail(control: socket.socket, error: OSError) -> None:
    with contextlib.suppress(OSError):
        control.send(json.dumps({"error": str(error)}).encode())
    steps.leave(1)


if __name__ == "__main__":
    main()
