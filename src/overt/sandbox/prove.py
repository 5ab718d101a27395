"""Attempts, from inside each kind of process, what that process must not be able to do; and tells the answers.

The attempts are raw system calls, so that what answers is the kernel and not a library. Each is aimed at something
that would succeed without confinement (a readable file, a listening socket's family, the own parent), so an answer
other than a denial is a hole.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import select
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyseccomp

from overt.core.errors import ConfinementError
from overt.sandbox import landlock
from overt.sandbox.lockdown import lock
from overt.sandbox.nursery import Nursery
from overt.sandbox.policy import (
    BUILDER,
    COURIER,
    EXAMINER,
    KEEPER,
    MONITOR,
    NURSERY,
    READER,
    VERIFIER,
    Denial,
    Policy,
)
from overt.sandbox.view import (
    RESOLVER_FILES,
    Bounds,
    Enclosure,
    Shown,
    confine_writing,
    enclose,
    namespace_refusal,
)

DENIED = frozenset((errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS))
CLONE_NEWUSER, CLONE_NEWNS, SIGCHLD = 0x1000_0000, 0x0002_0000, 17
PTRACE_SEIZE = 0x4206
MEMORY_BYTES = 1 << 30
COURIER_BOUNDS = Bounds(extra_memory_bytes=1 << 28, max_cpu_s=60, max_descriptors=300)
SPOOL = "/spool"
DNS_PORT = 53

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Bait:
    """What the attempts aim at, made before the process under test is confined."""

    file: bytes
    """A file that this user may read and write."""
    fresh: bytes
    """A path where this user may create a file."""
    handed_file: int
    """An open descriptor that the process must not inherit."""
    handed_socket: int
    parent: int
    spool: bytes
    """A folder that a courier may read, and a verifier change."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One forbidden thing: a name for people, the system call, and its arguments."""

    name: str
    call: str
    arguments: Callable[[Bait], tuple[object, ...]]
    closed_is_denied: bool = False
    """EBADF counts as denied: the descriptor was closed at lock-down."""
    absent_is_denied: bool = False
    """ENOENT counts as denied: the path is not in the process' view."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the kernel said to one attempt from inside one kind of process."""

    process: str
    attempt: str
    call: str
    denied: bool
    answer: str


def _path(flags: int) -> Callable[[Bait], tuple[object, ...]]:
    return lambda bait: (-100, bait.file, flags, 0)


def _socket(family: int, kind: int = socket.SOCK_STREAM) -> Callable[[Bait], tuple[object, ...]]:
    return lambda bait: (family, kind, 0)


def _open_folder(path: str) -> Callable[[Bait], tuple[object, ...]]:
    return lambda bait: (-100, os.fsencode(os.path.expanduser(path)), os.O_RDONLY, 0)


READ = Attempt("open a file for reading", "openat", _path(os.O_RDONLY))
ELSEWHERE = (
    replace(READ, absent_is_denied=True),
    Attempt("open the home folder", "openat", _open_folder("~"), absent_is_denied=True),
    Attempt("open /etc/shadow", "openat", _open_folder("/etc/shadow"), absent_is_denied=True),
    Attempt("open /usr", "openat", _open_folder("/usr"), absent_is_denied=True),
    Attempt("open its own memory in /proc", "openat", _open_folder("/proc/self/mem"), absent_is_denied=True),
    Attempt("open a device", "openat", _open_folder("/dev/null"), absent_is_denied=True),
)
IN_SPOOL = Attempt(
    "create a file in the spool",
    "openat",
    lambda bait: (-100, bait.spool + b"/new", os.O_RDWR | os.O_CREAT, 0o600),
)
WRITE = (
    Attempt("open a file for writing", "openat", _path(os.O_WRONLY)),
    Attempt("open a file for appending", "openat", _path(os.O_RDWR | os.O_APPEND)),
    Attempt("truncate while opening for reading", "openat", _path(os.O_RDONLY | os.O_TRUNC)),
    Attempt("create a file", "openat", lambda bait: (-100, bait.fresh, os.O_RDONLY | os.O_CREAT, 0o600)),
    Attempt(
        "open through openat2", "openat2", lambda bait: (-100, bait.file, (ctypes.c_uint64 * 3)(2, 0, 0), 24)
    ),
    Attempt("truncate a file", "truncate", lambda bait: (bait.file, 1)),
    Attempt("rename a file", "renameat2", lambda bait: (-100, bait.file, -100, bait.fresh, 0)),
    Attempt("remove a file", "unlinkat", lambda bait: (-100, bait.file, 0)),
    Attempt("change a file's mode", "fchmodat", lambda bait: (-100, bait.file, 0o600)),
    Attempt("make a folder", "mkdirat", lambda bait: (-100, bait.fresh, 0o700)),
)
INTERNET = (
    Attempt("make an IPv4 socket", "socket", _socket(socket.AF_INET)),
    Attempt("make an IPv6 socket", "socket", _socket(socket.AF_INET6)),
    Attempt("make a UDP socket", "socket", _socket(socket.AF_INET, socket.SOCK_DGRAM)),
)
OTHER_NETWORK = (
    Attempt("make a UNIX socket", "socket", _socket(socket.AF_UNIX)),
    Attempt("make a netlink socket", "socket", _socket(16, socket.SOCK_RAW)),
    Attempt(
        "connect to IPv4", "connect", lambda bait: (bait.handed_socket, _address(socket.AF_INET), 16), True
    ),
    Attempt(
        "connect to IPv6", "connect", lambda bait: (bait.handed_socket, _address(socket.AF_INET6), 28), True
    ),
    Attempt(
        "connect to a UNIX socket",
        "connect",
        lambda bait: (bait.handed_socket, _address(socket.AF_UNIX), 16),
        True,
    ),
    Attempt("use io_uring", "io_uring_setup", lambda bait: (4, (ctypes.c_uint8 * 120)())),
)
NETWORK = (*INTERNET, *OTHER_NETWORK)
BEYOND_CLIENT = (
    Attempt(
        "make a raw socket", "socket", lambda bait: (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    ),
    Attempt(
        "make a ping socket", "socket", lambda bait: (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    ),
    Attempt("make a packet socket", "socket", _socket(17, socket.SOCK_DGRAM)),
    Attempt("make a pair of UNIX sockets", "socketpair", lambda bait: (1, 1, 0, (ctypes.c_int * 2)())),
    Attempt("bind a socket", "bind", lambda bait: (_own_socket(), bytes((2, 0)) + bytes(14), 16)),
    Attempt("listen", "listen", lambda bait: (_own_socket(), 1)),
)
POWER = (
    Attempt(
        "run a program", "execve", lambda bait: (b"/bin/true", (ctypes.c_char_p * 2)(b"true", None), None)
    ),
    Attempt("run a program by descriptor", "execveat", lambda bait: (-100, b"/bin/true", None, None, 0)),
    Attempt("trace another process", "ptrace", lambda bait: (PTRACE_SEIZE, bait.parent, 0, 0)),
    Attempt(
        "read another process' memory", "process_vm_readv", lambda bait: (bait.parent, None, 0, None, 0, 0)
    ),
    Attempt(
        "take a descriptor of another process", "pidfd_getfd", lambda bait: (bait.handed_file, 0, 0), True
    ),
    Attempt("signal another process", "kill", lambda bait: (bait.parent, 0)),
    Attempt("enter new namespaces", "unshare", lambda bait: (CLONE_NEWUSER | CLONE_NEWNS,)),
    Attempt("mount a file system", "mount", lambda bait: (b"none", b"/mnt", b"no-such-type", 0, None)),
    Attempt("load a BPF program", "bpf", lambda bait: (0, None, 0)),
    Attempt("open a file by handle", "open_by_handle_at", lambda bait: (-100, None, 0)),
    Attempt(
        "map executable memory", "mmap", lambda bait: (0, 4096, mmap.PROT_READ | mmap.PROT_EXEC, 0x22, -1, 0)
    ),
    Attempt(
        "make memory executable", "mprotect", lambda bait: (_page(), 4096, mmap.PROT_READ | mmap.PROT_EXEC)
    ),
    Attempt(
        "make memory executable by key", "pkey_mprotect", lambda bait: (_page(), 4096, mmap.PROT_EXEC, -1)
    ),
    Attempt("make a file in memory", "memfd_create", lambda bait: (b"bait", 0)),
    Attempt("read an inherited file", "read", lambda bait: (bait.handed_file, _space(), 1), True),
    Attempt("write to an inherited socket", "write", lambda bait: (bait.handed_socket, b"x", 1), True),
)
FORK = Attempt("start another process", "clone", lambda bait: (SIGCHLD, 0, 0, 0, 0))

ATTEMPTS: dict[str, tuple[Attempt, ...]] = {
    EXAMINER.name: (READ, *WRITE, *NETWORK, *POWER, FORK),
    READER.name: (*WRITE, *NETWORK, *POWER, FORK),
    NURSERY.name: (READ, *WRITE, *NETWORK, *POWER),
    KEEPER.name: (*NETWORK, *POWER, FORK),
    COURIER.name: (*ELSEWHERE, *WRITE, IN_SPOOL, *OTHER_NETWORK, *BEYOND_CLIENT, *POWER, FORK),
    VERIFIER.name: (*WRITE, *NETWORK, *POWER, FORK),
    MONITOR.name: (*WRITE, *NETWORK, *POWER, FORK),
    BUILDER.name: (*WRITE, *NETWORK, *POWER, FORK),
}
"""What each kind of process must not do: the keeper may change files; verifier, monitor and builder may change those in
their folders (the bait is not); the nursery may fork, the reader may read; the courier alone may connect, and sees no
file but its spool's."""


IN_FORKS = (READER, NURSERY, KEEPER, COURIER, VERIFIER, MONITOR, BUILDER)
"""Policies that a fork of this process takes on for the attempts; an examiner is a real one."""
WRITING_IN_FOLDERS = (VERIFIER, MONITOR, BUILDER)


def prove(confined: bool = True) -> Iterator[Answer]:
    """Make every attempt and yield the answers; with `confined` off it shows what happens without confinement.

    Raises `ConfinementError` when a process could not be confined in the first place.
    """
    with tempfile.TemporaryDirectory(prefix="overt-prove-") as folder:
        for process, attempts in ATTEMPTS.items():
            for attempt in attempts:
                with _bait(folder) as bait:
                    yield _ask(process, attempt, bait.value, confined)


def layers() -> dict[str, str]:
    """Which confinement layers this kernel gives."""
    abi, why = landlock.abi(), namespace_refusal()
    return {
        "seccomp": "in force",
        "landlock": f"in force (ABI {abi})" if abi else "this kernel has none: seccomp alone holds",
        "mount namespace": f"not to be had ({why}): Landlock alone holds" if why else "in force (courier)",
    }


class _bait:
    """A fresh bait in `folder`, cleaned up after the attempt."""

    def __init__(self, folder: str) -> None:
        file = os.path.join(folder, "bait").encode()
        with open(file, "wb") as stream:
            stream.write(b"bait")
        spool = os.path.join(folder, "spool")
        os.makedirs(spool, exist_ok=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._file = os.open(file, os.O_RDWR)
        fresh = os.path.join(folder, "fresh").encode()
        # High numbers: not among the few that a locked process keeps for itself.
        handed = os.dup2(self._file, 200), os.dup2(self._socket.fileno(), 201)
        self.value = Bait(file, fresh, *handed, os.getpid(), os.fsencode(spool))

    def __enter__(self) -> _bait:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.value.handed_file)
        os.close(self.value.handed_socket)
        os.close(self._file)
        self._socket.close()
        if os.path.exists(made := os.path.join(self.value.spool, b"new")):
            os.unlink(made)
        if os.path.isdir(self.value.fresh):
            os.rmdir(self.value.fresh)
        elif os.path.exists(self.value.fresh):
            os.unlink(self.value.fresh)


def _ask(process: str, attempt: Attempt, bait: Bait, confined: bool) -> Answer:
    if process == EXAMINER.name:
        denied, answer = _from_examiner(attempt, bait, confined)
    else:
        policy = {policy.name: policy for policy in IN_FORKS}[process]
        denied, answer = _from_fork(policy, attempt, bait, confined)
    return Answer(process, attempt.name, attempt.call, denied, answer)


def _from_examiner(attempt: Attempt, bait: Bait, confined: bool) -> tuple[bool, str]:
    """In a real examiner: a denied call is reported by the kernel and ends it."""

    def serve(connection: socket.socket) -> None:
        connection.recv(16)
        connection.send(b"%d" % _try(attempt, bait))

    nursery = Nursery(lambda: serve, MEMORY_BYTES, confined)
    worker = nursery.worker()
    try:
        worker.socket.send(b"go")
        select.select(worker.descriptors, [], [], 10)
        call = worker.forbidden_call()
        if call is not None:
            return True, f"never ran: forbidden system call {call}, examiner killed"
        said = worker.socket.recv(64)
        return _judge(attempt, int(said)) if said else (False, "the examiner died without a report")
    finally:
        worker.kill()
        nursery.reap(worker)
        worker.close()
        nursery.close()


def _from_fork(policy: Policy, attempt: Attempt, bait: Bait, confined: bool) -> tuple[bool, str]:
    """In a process locked down like the real one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        try:
            if confined:
                bait = _confine(policy, bait, (0, 1, 2, theirs.fileno()))
            theirs.send(b"%d" % _try(attempt, bait))
        except ConfinementError as error:
            theirs.send(b"failed " + str(error).encode())
        finally:
            os._exit(0)
    theirs.close()
    with ours:
        said = ours.recv(4096)
    os.waitpid(pid, 0)
    if said.startswith(b"failed "):
        raise ConfinementError(said[7:].decode())
    return _judge(attempt, int(said)) if said else (False, "the process died without a report")


def _confine(policy: Policy, bait: Bait, keep: tuple[int, ...]) -> Bait:
    """Confine this process as the real one is; the bait as it is named from inside. Raises `ConfinementError`."""
    spool = Path(os.fsdecode(bait.spool))
    if policy is COURIER:
        enclosure = _enclosed(spool, keep)
        return replace(bait, spool=os.fsencode(enclosure.places[SPOOL]))
    if policy in WRITING_IN_FOLDERS:
        confine_writing(policy, (spool,), keep)
    else:
        lock(policy, keep)
    return bait


def _enclosed(spool: Path, keep: tuple[int, ...]) -> Enclosure:
    shown = (Shown(spool, SPOOL), *RESOLVER_FILES)
    return enclose(COURIER, shown, spool, keep, (DNS_PORT,), COURIER_BOUNDS)


def _try(attempt: Attempt, bait: Bait) -> int:
    """0 when the call went through, else its errno."""
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, attempt.call)
    if number < 0:
        return errno.ENOSYS
    arguments = [ctypes.c_long(a) if isinstance(a, int) else a for a in attempt.arguments(bait)]
    own = os.getpid()
    ctypes.set_errno(0)
    result = _libc.syscall(ctypes.c_long(number), *arguments)
    if attempt is FORK and result == 0 and os.getpid() != own:
        os._exit(0)
    return ctypes.get_errno() if result == -1 else 0


def _judge(attempt: Attempt, code: int) -> tuple[bool, str]:
    if code == 0:
        return False, "ALLOWED"
    denied = code in DENIED or (attempt.closed_is_denied and code == errno.EBADF)
    denied = denied or (attempt.absent_is_denied and code == errno.ENOENT)
    name = errno.errorcode.get(code, str(code))
    return denied, f"{name} ({os.strerror(code).lower()})" + ("" if denied else ": not a denial")


def _address(family: int) -> bytes:
    """A sockaddr of the loopback's discard port, or of a UNIX path."""
    if family == socket.AF_UNIX:
        return b"\x01\x00" + b"/run/overt-none".ljust(14, b"\0")
    return family.to_bytes(2, "little") + (9).to_bytes(2, "big") + bytes(24)


def _own_socket() -> int:
    """A TCP socket that the process made itself, which a courier may."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM).detach()


def _page() -> int:
    """The address of one fresh page that nobody else uses."""
    _libc.mmap.restype = ctypes.c_void_p
    return int(_libc.mmap(None, ctypes.c_size_t(4096), mmap.PROT_READ | mmap.PROT_WRITE, 0x22, -1, 0))


def _space() -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(8)


assert EXAMINER.denial is Denial.REPORT
