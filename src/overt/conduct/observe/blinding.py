"""What a product did in order not to be seen, as far as its calls tell; and what the lab can't see by its nature."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from overt.conduct.evidence.records import Blind, Call

Reader = Callable[[str, str], "Sign | None"]
"""(arguments, name) of a call."""

MAX_BLIND = 200
"""Different ones in a report: whoever does more has shown enough."""

NAMESPACES = re.compile(r"CLONE_NEW(NS|USER|PID|NET|IPC|UTS|CGROUP|TIME)\b")


MOUNT_CALLS = (
    "mount",
    "umount2",
    "move_mount",
    "fsopen",
    "fsmount",
    "open_tree",
    "mount_setattr",
    "pivot_root",
)
MOUNTED = "tried to change what is mounted where"
KNOWN_TYPES = frozenset({"tmpfs", "ramfs", "proc", "devpts", "mqueue"})
"""File systems that show nothing of others. An overlay does: what is read through it, no observer hears of."""
NO_NEW_MOUNT = frozenset("MS_BIND MS_MOVE MS_REMOUNT MS_PRIVATE MS_SLAVE MS_SHARED MS_UNBINDABLE".split())
"""Flags with which mount(2) mounts no file system that is not there already."""
_WORD = r'"(?:[^"\\]|\\.)*"(?:\.\.\.)?|[^",]+'
_MOUNT = re.compile(rf"(?:{_WORD}), (?:{_WORD}), (?P<type>{_WORD}), (?P<flags>[^\",]+), (?:{_WORD})")
FILTERING = frozenset({"seccomp"})
"""What a program calls that listens to a filter of its own."""
NETWORKING = frozenset({"sendto", "sendmsg", "sendmmsg"})
"""What a program calls that sets firewalls, links and routes."""
REFUSED = ("-1 EPERM", "-1 EACCES")
MOUNTING = frozenset({*MOUNT_CALLS, "unshare", "clone", "clone3"})
"""What a program calls that confines itself by namespaces and mounts."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What a call means for those who watch."""

    what: str
    attempt: bool = True
    harmless: bool = False
    """Even where it succeeds, nothing is hidden by it."""
    declarable: bool = True
    """Whether a profile that declares such calls means this by it."""
    only_refused: bool = False
    """Only where it was refused it means this: who may do it, as an on-access scanner may, does it openly."""
    allowed_for: bool = False
    """Where the profile declares it, the lab observes so that nothing is hidden by it."""


def attempts(calls: Iterable[Call], declared: Collection[str] = ()) -> list[Blind]:
    """One for each different sign and process, in the order of first times. `declared`: calls of which the product's
    profile says that it makes them, so that they are no attempt to hide (`FILTERING`, `MOUNTING`).
    """
    found: dict[tuple[str, int, bool], Blind] = {}
    times: dict[tuple[str, int, bool], int] = {}
    for call in calls:
        reader = READERS.get(call.name)
        sign = reader(call.arguments, call.name) if reader is not None else None
        if sign is None:
            continue
        if call.name in declared and sign.declarable:
            hidden = not (sign.harmless or sign.allowed_for)
            sign = Sign(f"{sign.what}, as it had declared", attempt=False, harmless=not hidden)
        failed = call.result.startswith("-1 ")
        if failed and not sign.attempt:
            continue
        if sign.only_refused and not call.result.startswith(REFUSED):
            continue
        key = sign.what, call.process, failed
        times[key] = times.get(key, 0) + 1
        if key not in found and len(found) < MAX_BLIND:
            found[key] = Blind(
                at_s=call.at_s,
                what=sign.what + (f": {call.result[3:]}" if failed else ""),
                by=call.process,
                attempt=sign.attempt,
                defeated=failed or sign.harmless,
            )
    return [_counted(blind, times[key]) for key, blind in found.items()]


def tells(name: str, arguments: str) -> bool:
    """Whether a call of this name with these arguments is such a sign."""
    reader = READERS.get(name)
    return reader is not None and reader(arguments, name) is not None


def _counted(blind: Blind, times: int) -> Blind:
    if times == 1:
        return blind
    return Blind(
        at_s=blind.at_s,
        what=f"{blind.what} ({times:,} times)",
        by=blind.by,
        attempt=blind.attempt,
        defeated=blind.defeated,
    )


def _ptrace(arguments: str, name: str) -> Sign | None:
    request = arguments.partition(",")[0]
    if request == "PTRACE_TRACEME":
        return Sign(
            "asked to be traced by its parent, which tells whether it is observed already", harmless=True
        )
    if request in ("PTRACE_ATTACH", "PTRACE_SEIZE"):
        return Sign("tried to take another process over by ptrace")
    return None


def _clone(arguments: str, name: str) -> Sign | None:
    if "CLONE_UNTRACED" in arguments:
        return Sign(
            "made a process that its tracer can't follow: what it executes or connects to fails there, and its files "
            "are seen",
            harmless=True,
            declarable=False,
        )
    return _namespace(arguments, name)


def _namespace(arguments: str, name: str) -> Sign | None:
    kinds = sorted(set(NAMESPACES.findall(arguments)))
    if kinds or name == "setns":
        what = f"tried to enter other namespaces ({name} {' '.join(kinds) or 'by descriptor'})"
        return Sign(what, allowed_for=True)
    return None


def _prctl(arguments: str, name: str) -> Sign | None:
    option = arguments.partition(",")[0]
    return Sign("tried to change what /proc tells about it (PR_SET_MM)") if option == "PR_SET_MM" else None


def _seccomp(arguments: str, name: str) -> Sign | None:
    if "SECCOMP_FILTER_FLAG_NEW_LISTENER" not in arguments or arguments.endswith("NULL"):
        return None  # without a filter it only asks what the kernel knows
    return Sign(
        "made a filter that answers its own system calls: those may pass by the call layer; files and network are seen",
        allowed_for=True,
    )


def _mount(arguments: str, name: str) -> Sign | None:
    """A file that is mounted elsewhere keeps its name in the record (`observe.naming`)."""
    call = _MOUNT.fullmatch(arguments)
    old = call is not None and not NO_NEW_MOUNT.isdisjoint(call["flags"].split("|"))
    known = call is not None and (old or call["type"].strip('"') in KNOWN_TYPES)
    return Sign(f"{MOUNTED} ({name})", allowed_for=known)


def _fsopen(arguments: str, name: str) -> Sign | None:
    kind = arguments.partition(",")[0].strip('"')
    return Sign(f"{MOUNTED} ({name})", allowed_for=kind in KNOWN_TYPES)


def _mount_change(arguments: str, name: str) -> Sign | None:
    return Sign(f"{MOUNTED} ({name})", allowed_for=True)


def _signal(arguments: str, name: str) -> Sign | None:
    target = arguments.split(",")[0].strip()
    if target not in ("-1", "1") or not ("SIGKILL" in arguments or "SIGSTOP" in arguments):
        return None
    whom = "every process in reach" if target == "-1" else "the chamber's first process"
    return Sign(f"tried to end or stop {whom}; the observers are not in reach", harmless=True)


_MESSAGE = re.compile(
    r"nlmsg_len=(?P<length>\d+), nlmsg_type=(?P<type>[^ ,]+)[^\"{}]*(?:}, \"(?P<payload>[^\"]*))?"
)
_NAMED = re.compile(r"(?:.*\b)?(RTM_(?:NEW|DEL|SET)|NFT_MSG_(?:NEW|DEL|DESTROY))[A-Z_]+")
NFTABLES, GETTING = 10, frozenset({1, 4, 7, 10, 13, 16, 17, 19, 21, 23, 25})
"""The kernel's number for the firewall, and those of its messages that only ask (linux/netfilter/nf_tables.h)."""
LINKS, ROUTES = frozenset({16, 17, 19}), frozenset({24, 25})
"""Types of messages that make, remove or set them (rtnetlink(7))."""
LEAST_LINK_BYTES = 32
_LINK, _ROUTE = re.compile(r"\\x00\\x00"), re.compile(r"(?:\\x..){2}\\x00\\x00\\xf[ef]")
"""How these begin: struct ifinfomsg of no family; struct rtmsg with no source, in the main or the local table. The same
numbers are other things to other parts of the kernel, and strace can't always tell which part it is."""


def _netlink(arguments: str, name: str) -> Sign | None:
    """Its answer, mostly a refusal, comes by another call, which is not recorded."""
    if "<NETLINK:" not in arguments.partition(",")[0]:
        return None
    if not any(_sets_network(message) for message in _MESSAGE.finditer(arguments)):
        return None
    return Sign(
        "tried to change its firewall, links or routes; the lab's own are out of reach, and no other way leads out",
        harmless=True,
    )


def _sets_network(message: re.Match[str]) -> bool:
    kind, payload = message["type"], message["payload"] or ""
    if not kind.startswith("0x"):
        return _NAMED.fullmatch(kind) is not None
    number = int(kind, 16)
    if number >> 8 == NFTABLES:
        return number & 0xFF not in GETTING
    if number in LINKS:
        return int(message["length"]) >= LEAST_LINK_BYTES and _LINK.match(payload) is not None
    return number in ROUTES and _ROUTE.match(payload) is not None


_OWN_PACKETS = re.compile(r"\d+<(?:RAW|PACKET|PING)(?:v6)?:")


def _own_packets(arguments: str, name: str) -> Sign | None:
    """A socket whose packets' heads a program writes itself (raw(7), packet(7)), or numbers (icmp(7))."""
    if not _OWN_PACKETS.match(arguments):
        return None
    return Sign(
        "made packets of its own (raw socket): what their heads tell is in the capture, and not searched",
        attempt=False,
        declarable=False,
    )


def _sending(arguments: str, name: str) -> Sign | None:
    return _netlink(arguments, name) or _own_packets(arguments, name)


def _device(arguments: str, name: str) -> Sign | None:
    special = "S_IFBLK" in arguments or ("S_IFCHR" in arguments and not arguments.endswith("makedev(0, 0)"))
    return Sign(f"tried to make a device ({name})") if special else None


def _root(arguments: str, name: str) -> Sign | None:
    return (
        Sign("tried to enter the root of another process (chroot)")
        if arguments.startswith('"/proc/')
        else None
    )


def _io_uring(arguments: str, name: str) -> Sign | None:
    return Sign(
        "used io_uring, whose operations are no system calls: files and network are seen, other calls may not be",
        attempt=False,
    )


def _handle(arguments: str, name: str) -> Sign | None:
    return Sign("opened a file by its handle, past all names; the file layer sees it", harmless=True)


def _tried(what: str) -> Reader:
    def sign(arguments: str, name: str) -> Sign | None:
        return Sign(f"tried to {what} ({name})")

    return sign


def _refused(what: str) -> Reader:
    def sign(arguments: str, name: str) -> Sign | None:
        return Sign(f"tried to {what} ({name})", only_refused=True)

    return sign


READERS: dict[str, Reader] = {
    "ptrace": _ptrace,
    "clone": _clone,
    "clone3": _clone,
    "unshare": _namespace,
    "setns": _namespace,
    "prctl": _prctl,
    "seccomp": _seccomp,
    "kill": _signal,
    "tkill": _signal,
    **dict.fromkeys(sorted(NETWORKING), _sending),
    **dict.fromkeys(("bind", "connect"), _own_packets),
    **dict.fromkeys(("mknod", "mknodat"), _device),
    "chroot": _root,
    "fanotify_init": _refused("watch what is opened, as the observers do"),
    **dict.fromkeys(
        ("process_vm_readv", "process_vm_writev", "pidfd_getfd"), _refused("reach into another process")
    ),
    "io_uring_setup": _io_uring,
    "open_by_handle_at": _handle,
    **dict.fromkeys(MOUNT_CALLS, _mount_change),
    "mount": _mount,
    "fsopen": _fsopen,
    **dict.fromkeys(("init_module", "finit_module", "delete_module"), _tried("change the kernel's modules")),
    **dict.fromkeys(("kexec_load", "kexec_file_load", "reboot"), _tried("restart the machine or its kernel")),
    **dict.fromkeys(("bpf", "perf_event_open"), _tried("run or count inside the kernel")),
    **dict.fromkeys(("settimeofday", "clock_settime"), _tried("set the clock")),
}
