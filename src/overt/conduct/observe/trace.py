"""The call layer: strace's arguments, and a parser of what it writes.

strace(1) sees calls by ptrace and a seccomp filter that stops only at those that are asked for, in every calling
convention of the machine. A process that got rid of its tracer can't make them any more: they fail with ENOSYS. What
goes through io_uring makes no calls, and is left to the file layer and the network's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "execve execveat clone clone3 fork vfork "
    "connect bind listen sendto sendmsg sendmmsg "
    "rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat mknod mknodat "
    "setxattr lsetxattr fsetxattr capset "
    "open_by_handle_at memfd_create io_uring_setup fanotify_init bpf perf_event_open userfaultfd "
    "ptrace process_vm_readv process_vm_writev pidfd_open pidfd_getfd pidfd_send_signal kill tkill tgkill "
    "prctl seccomp "
    "mount umount2 move_mount open_tree fsopen fsmount mount_setattr pivot_root chroot setns unshare "
    "init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff acct syslog "
    "settimeofday clock_settime adjtimex clock_adjtime sethostname ioperm iopl add_key request_key keyctl"
).split()
"""Without opens, reads and writes, which are the file layer's and the network's; and without chmod, chown and rmdir,
which the comparison of before and after tells: a scanner that makes itself a folder for each file that it looks at
calls them as often as it opens files."""

FIRST = "set_robust_list"
"""What a forked process calls first in the C library. strace stops a new process at every call until the filter shows
it one: who begins with this is spared the others (of what strace costs a shell that forks, two thirds)."""

MAX_STRING_BYTES = 256
"""Shown of each string that a call passes, but for paths, which are shown whole."""

_LINE = re.compile(rb"(\d+) +(\d+\.\d+) (.*)", re.DOTALL)
_BEGUN = re.compile(rb"(\w+|\?{4})\((.*)", re.DOTALL)
_RESUMED = re.compile(rb"<\.\.\. (\w+|\?{4}) resumed>(.*)", re.DOTALL)
_ENDED = re.compile(rb"\+\+\+ (exited with (\d+)|killed by (\w+)(?: \(core dumped\))?) \+\+\+")
_SUPERSEDED = re.compile(rb"\+\+\+ superseded by execve in pid (\d+)[^+]*\+\+\+")
_SIGNAL = re.compile(rb"--- .* ---", re.DOTALL)
_UNFINISHED = b" <unfinished ...>"
_TOKEN = re.compile(
    rb'"(?:[^"\\]|\\.)*"'  # a string
    rb"|/\*.*?\*/"  # strace's comment
    rb"|(?<=[0-9D])<(?:->|[^<>\\]|\\.)*>"  # what a descriptor is: in names, angle brackets are escaped
    rb"|\)\s+= |[()\[\]{}]|[^\"/()\[\]{}<0-9D]+|.",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Called:
    """One system call."""

    thread: int
    at: float
    """Seconds since 1970, when it began."""
    name: str
    arguments: str
    result: str
    """`0`, `-1 ENOENT (No such file or directory)`, `?` for one that did not return."""

    @property
    def failed(self) -> bool:
        """Whether it is known that it had no effect."""
        return self.result.startswith("-1 ")

    @property
    def value(self) -> int | None:
        """The number that it returned; None if there is none."""
        found = re.match(r"(?:0x[0-9a-f]+|-?\d+)", self.result)
        return int(found[0], 0) if found else None


@dataclass(frozen=True, slots=True)
class Ended:
    """A thread ended; the last one of a process is its end."""

    thread: int
    at: float
    status: int
    """As waitpid tells it; minus 1 for any signal."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The first thread ended because `by` executed a program: that one goes on under the first one's number."""

    thread: int
    at: float
    by: int


Line = Called | Ended | Superseded


def command(log: Path, calls: Iterable[str] = CALLS, whole: bool = False) -> tuple[str, ...]:
    """strace with its arguments, to be followed by the program to trace and its own. It writes `log`.

    `whole`: stop at every call, which is slow, but comes before any filter, so that none of the product's own can
    answer a call unseen (ptrace(2): a system call's entry is told before seccomp looks at it, since Linux 4.8).
    """
    asked = calls if whole else (*calls, FIRST)
    known = ",".join(
        f"?{call}" for call in asked
    )  # `?`: a machine without such a call is asked for the others
    return (
        "env",
        "TZ=UTC0",  # or the C library looks at /etc/localtime for each line
        "strace",
        "--env=TZ",  # not for the program
        "--follow-forks",
        *(() if whole else ("--seccomp-bpf",)),
        "--absolute-timestamps=format:unix,precision:us",
        "--decode-fds=all",
        f"--string-limit={MAX_STRING_BYTES}",
        f"--trace={known}",
        "--signal=none",
        f"--output={log}",
        "--",
    )


class TraceReader:
    """Reads strace's lines in their order. `unreadable` counts those that are none of the forms it writes."""

    def __init__(self) -> None:
        self.unreadable = 0
        self._begun: dict[int, tuple[float, bytes, bytes]] = {}
        self._told: set[int] = set()

    def lines(self, stream: Iterable[bytes]) -> Iterator[Line]:
        """What they say. Calls that never returned come last, with `?` as their result."""
        for raw in stream:
            found = _LINE.fullmatch(raw.rstrip(b"\n"))
            if found is None:
                self.unreadable += 1
                continue
            yield from self._line(int(found[1]), float(found[2]), found[3])
        for thread, (at, name, arguments) in self._begun.items():
            yield Called(thread, at, _text(name), _text(arguments), "?")
        self._begun.clear()

    def _line(self, thread: int, at: float, text: bytes) -> Iterator[Line]:
        if begun := _BEGUN.fullmatch(text):
            if begun[2].endswith(_UNFINISHED):
                self._begun[thread] = at, begun[1], begun[2].removesuffix(_UNFINISHED)
                return
            yield from self._whole(thread, at, begun[1], begun[2])
        elif resumed := _RESUMED.fullmatch(text):
            if thread in self._told:
                self._told.remove(thread)
                return
            before = self._begun.pop(thread, None)
            if before is None or before[1] != resumed[1]:
                self.unreadable += 1
                return
            yield from self._whole(thread, before[0], before[1], before[2] + resumed[2])
        elif ended := _ENDED.fullmatch(text):
            yield from self._left(thread)
            yield Ended(thread, at, int(ended[2]) if ended[2] else -1)
        elif superseded := _SUPERSEDED.fullmatch(text):
            yield from self._supersede(thread, at, int(superseded[1]))
        elif not _SIGNAL.fullmatch(text):
            self.unreadable += 1

    def _whole(self, thread: int, at: float, name: bytes, rest: bytes) -> Iterator[Line]:
        parts = split(rest)
        if parts is None:
            self.unreadable += 1
            return
        yield Called(thread, at, _text(name), _text(parts[0]), _text(parts[1]))

    def _left(self, thread: int) -> Iterator[Line]:
        """A call that its thread did not return from."""
        if before := self._begun.pop(thread, None):
            yield Called(thread, before[0], _text(before[1]), _text(before[2]), "?")

    def _supersede(self, thread: int, at: float, by: int) -> Iterator[Line]:
        """The other thread's call succeeded, and is resumed under the first thread's number."""
        mine, theirs = self._begun.pop(thread, None), self._begun.pop(by, None)
        if mine is not None:
            yield Called(thread, mine[0], _text(mine[1]), _text(mine[2]), "?")
        yield Superseded(thread, at, by)
        if theirs is not None:
            self._told.add(thread)
            yield Called(thread, theirs[0], _text(theirs[1]), _text(theirs[2]), "0")


def split(rest: bytes) -> tuple[bytes, bytes] | None:
    """`arguments) = result` in its two parts; None if it has no such form. Strings may hold anything."""
    depth = 0
    for token in _TOKEN.finditer(rest):
        text = token[0]
        if text in (b"(", b"[", b"{"):
            depth += 1
        elif text.startswith(b")") and depth == 0:
            tail = rest[token.start() + 1 :].lstrip()
            return (rest[: token.start()], tail[2:]) if tail.startswith(b"= ") else None
        elif text in (b")", b"]", b"}") or text.startswith(b")"):
            depth -= 1
        elif text == b'"':  # of a string without an end
            return None
    return None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
