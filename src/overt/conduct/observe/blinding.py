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
