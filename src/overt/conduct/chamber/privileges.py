"""Capabilities: which the product has, and which it never has without its profile's asking (capabilities(7))."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection, Iterable
from functools import lru_cache

from overt.sandbox import capabilities

_NAMES = """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace
sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control
setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore""".split()

NUMBERS = {f"CAP_{name.upper()}": number for number, name in enumerate(_NAMES)}

USUAL = tuple(
    f"CAP_{name.upper()}"
    for name in """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
    net_bind_service net_broadcast net_raw ipc_lock ipc_owner sys_chroot lease setfcap""".split()
)
"""What root has inside. Absent, since it reaches past the chamber: mknod, rawio, module, boot, time, bpf, ptrace,
admin, syslog, resource limits; audit_write, which forges lines of the host's own log; sys_nice, since whoever runs in
real time leaves observers and host no processor; net_admin, since firewalls are much of the kernel and few need it."""

INITS_OWN = "CAP_WAKE_ALARM"
"""Kept by the chamber's init alone. It does nothing with it; but having one capability more than the product, it can't
be looked into by it (ptrace(2), "Ptrace access mode checking")."""

NEVER = frozenset(
    f"CAP_{name.upper()}"
    for name in "mknod sys_rawio sys_module sys_boot sys_time bpf mac_admin mac_override".split()
) | {INITS_OWN}
"""What no profile can have: with it, the product changes the machine, or the chamber's init, and not its own view."""

PR_CAPBSET_DROP = 24

_libc = ctypes.CDLL(None, use_errno=True)


def bits(names: Iterable[str]) -> int:
    """The bit set of these capabilities."""
    return sum(1 << NUMBERS[name] for name in set(names))


@lru_cache(256)
def names(bit_set: int) -> tuple[str, ...]:
    """The names of the capabilities in a bit set, such as `CapEff` of /proc/PID/status; `CAP_41` and the like for those
    of a later kernel."""
    known = tuple(name for name, number in NUMBERS.items() if bit_set >> number & 1)
    further = range(len(NUMBERS), bit_set.bit_length())
    return known + tuple(f"CAP_{number}" for number in further if bit_set >> number & 1)


def last() -> int:
    """The number of the last capability that this kernel knows."""
    with open("/proc/sys/kernel/cap_last_cap") as stream:
        return int(stream.read())


def keep_for_programs(kept: Collection[str], highest: int) -> None:
    """No program started from here on has more than `kept`, root's and set-user-ID ones included. `highest` is what
    `last()` said. Raises `OSError`."""
    wanted = bits(kept)
    for number in range(highest + 1):
        if not wanted >> number & 1 and _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"prctl: {os.strerror(code)}")


def keep(kept: Collection[str]) -> None:
    """Give up every other capability of this process, for good. Raises `OSError`."""
    capabilities.keep(bits(kept))
