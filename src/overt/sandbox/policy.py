"""What each kind of process may ask of the kernel: tables that end in default deny.

One `Policy` per kind of process of the design. A call that is not listed is denied; how the denial shows is the
policy's `denial`. Checked on the processor's own architecture only: calls of any other are killed.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

CLONE_THREAD = 0x0001_0000
CLONE_VM = 0x0000_0100
CLONE_NAMESPACES = 0x7E02_0080
"""CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET | NEWTIME (`linux/sched.h`)."""
AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10
SOCK_STREAM, SOCK_DGRAM, SOCK_TYPE_MASK = 1, 2, 0xF
MSG_FASTOPEN = 0x2000_0000
IPPROTO_ANY, IPPROTO_TCP, IPPROTO_UDP = 0, 6, 17
IPPROTO_IP, IPPROTO_IPV6 = 0, 41
TCP_NODELAY, IP_RECVERR, IPV6_RECVERR, IPV6_V6ONLY = 1, 11, 25, 26
F_GETFD, F_SETFD, F_GETFL, F_SETFL = 1, 2, 3, 4
TIOCGWINSZ, TCGETS, FIONBIO = 0x5413, 0x5401, 0x5421
FIONREAD = 0x541B
FIOCLEX = 0x5451
SECCOMP_IOCTL_NOTIF_RECV = 0xC050_2100
WRITE_FLAGS = (
    os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | (os.O_TMPFILE & ~os.O_DIRECTORY)
)
U32 = 0xFFFF_FFFF


class Denial(Enum):
    """What happens at a call that is not allowed."""

    REPORT = "the call never runs; the reader is told its name and kills the process"
    ABSENT = "the call never runs and fails (ENOSYS); a stricter filter of a child still decides for itself"
    ERROR = "the call never runs and fails with EPERM"


@dataclass(frozen=True, slots=True)
class Where:
    """Condition on one argument of a call: `(argument & mask) == value`."""

    argument: int
    mask: int
    value: int


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything one kind of process may do."""

    name: str
    denial: Denial
    calls: frozenset[str]
    guarded: tuple[tuple[str, tuple[Where, ...]], ...] = ()
    """Calls allowed only when all conditions hold; a call listed twice is allowed when either holds."""
    refused: tuple[tuple[str, int], ...] = ()
    """Calls that libraries ask for without need, with the errno they get instead of the denial."""
    absent_paths: tuple[str, ...] = ()
    """Files that the C library looks for by itself, answered "no such file" (`overt.sandbox.constants`)."""
    capabilities: int = 0
    """Bit set of the Linux capabilities kept when started as root."""
    files: str = "none"
    """`none`, `read` or `write`: what Landlock, where the kernel has it, lets the process do with paths."""


def _no_exec(call: str) -> tuple[str, tuple[Where, ...]]:
    return call, (Where(2, mmap.PROT_EXEC, 0),)


_MEMORY = frozenset(
    "brk munmap mremap madvise mlock munlock membarrier rseq get_robust_list set_robust_list".split()
)
_MEMORY_GUARDED = tuple(_no_exec(call) for call in ("mmap", "mprotect"))
_SELF = frozenset(
    """futex rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall exit exit_group getpid gettid
    getppid getuid geteuid getgid getegid clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time
    times getrandom sched_yield sched_getaffinity getcpu getrusage uname sysinfo""".split()
)
_DESCRIPTORS = frozenset(
    """read readv pread64 preadv write writev pwrite64 close lseek poll ppoll select pselect6 epoll_create1
    epoll_ctl epoll_wait epoll_pwait epoll_pwait2 recvmsg sendmsg recvfrom sendto fcntl""".split()
)
_THREADS = (("clone", (Where(0, CLONE_THREAD | CLONE_VM | CLONE_NAMESPACES, CLONE_THREAD | CLONE_VM),)),)
_OWN_LIMITS = ("prlimit64", (Where(0, U32, 0),))
_READ_ONLY_OPEN = (
    ("openat", (Where(2, WRITE_FLAGS, 0),)),
    ("open", (Where(1, WRITE_FLAGS, 0),)),
)
_LOOK = frozenset(
    """stat lstat fstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink readlinkat getcwd
    getdents64 fadvise64 readahead dup""".split()
)
_CHANGE = frozenset(
    """openat open creat rename renameat renameat2 link linkat unlink unlinkat mkdir mkdirat rmdir fsync fdatasync
    sync ftruncate fallocate chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat utimensat
    fsetxattr setxattr lsetxattr fgetxattr
    getxattr lgetxattr flistxattr listxattr llistxattr fremovexattr copy_file_range flock umask chdir fchdir
    dup3 symlinkat sendfile""".split()
)

EXAMINER = Policy(
    "examiner",
    Denial.REPORT,
    _MEMORY
    | _SELF
    | frozenset("read readv pread64 write close lseek recvmsg sendmsg recvfrom sendto poll ppoll".split()),
    (*_MEMORY_GUARDED, *_THREADS, ("prlimit64", (Where(0, U32, 0), Where(2, -1 & (1 << 64) - 1, 0)))),
    refused=(("clone3", 38), ("prctl", 1), ("stat", 1), ("fstat", 1), ("newfstatat", 1), ("fcntl", 1)),
    absent_paths=("/sys/devices/system/cpu/possible", "/sys/devices/system/cpu/online", "/proc/stat"),
)
"""Parses and matches: no path can be named, nothing opened, nothing made executable."""

READER = Policy(
    "reader",
    Denial.ERROR,
    _MEMORY | _SELF | _DESCRIPTORS | _LOOK | frozenset(("pidfd_send_signal", "fsync", "ftruncate", "flock")),
    (
        *_MEMORY_GUARDED,
        *_READ_ONLY_OPEN,
        _OWN_LIMITS,
        *(("ioctl", (Where(1, U32, request),)) for request in (TIOCGWINSZ, TCGETS, FIONBIO)),
        ("ioctl", (Where(1, U32, SECCOMP_IOCTL_NOTIF_RECV),)),
    ),
    refused=(("clone3", 38),),
    capabilities=1 << 2,  # CAP_DAC_READ_SEARCH
    files="read",
)
"""Walks and opens read-only; writes to (and empties) only what was open for that before; signals only processes that
it can open: those whose descriptors it holds, and by their folder in /proc this user's others."""

NURSERY = Policy(
    "nursery",
    Denial.ABSENT,
    _MEMORY
    | _SELF
    | _DESCRIPTORS
    | frozenset(
        "fork vfork wait4 waitid pidfd_open prctl seccomp prlimit64 capset capget dup dup2 dup3 close_range".split()
    )
    | frozenset("setresuid setresgid setgroups landlock_restrict_self landlock_create_ruleset".split()),
    (
        *_MEMORY_GUARDED,
        *_THREADS,
        ("clone", (Where(0, CLONE_THREAD | CLONE_NAMESPACES, 0),)),
        ("socketpair", (Where(0, U32, AF_UNIX),)),
    ),
    refused=(("clone3", 38),),
)
"""Holds the loaded rules and forks examiners from them; touches no file and parses nothing."""

KEEPER = Policy(
    "keeper",
    Denial.ERROR,
    _MEMORY | _SELF | _DESCRIPTORS | _LOOK | _CHANGE,
    (*_MEMORY_GUARDED, *(("ioctl", (Where(1, U32, request),)) for request in (TCGETS, FIONBIO))),
    refused=(("clone3", 38),),
    capabilities=0b1_1111 | 1 << 31,  # CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID; SETFCAP
    files="write",
)
"""The only one that changes anything: vault and cache. No socket, no exec. As root it keeps CHOWN, DAC_OVERRIDE,
DAC_READ_SEARCH, FOWNER, FSETID and SETFCAP, which putting a file back as it was needs."""


_SOCKET_OPTIONS = (
    (IPPROTO_TCP, TCP_NODELAY),  # urllib3
    (IPPROTO_IP, IP_RECVERR),  # the C library's resolver
    (IPPROTO_IPV6, IPV6_RECVERR),
    (IPPROTO_IPV6, IPV6_V6ONLY),
)


def _internet_sockets() -> Iterator[tuple[str, tuple[Where, ...]]]:
    """TCP and UDP over IPv4 and IPv6; no raw, ping, netlink, packet or UNIX socket, no other protocol."""
    for family in (AF_INET, AF_INET6):
        for kind, protocol in ((SOCK_STREAM, IPPROTO_TCP), (SOCK_DGRAM, IPPROTO_UDP)):
            for number in (IPPROTO_ANY, protocol):
                yield "socket", (Where(0, U32, family), Where(1, SOCK_TYPE_MASK, kind), Where(2, U32, number))


COURIER = Policy(
    "courier",
    Denial.ERROR,
    _MEMORY
    | (_SELF - {"uname", "sysinfo"})  # this machine's name, its memory and how long it has been up
    | frozenset(
        """read readv pread64 write writev close lseek poll ppoll recvmsg recvfrom connect
        getsockname getpeername getsockopt shutdown stat lstat fstat newfstatat statx""".split()
    ),
    (
        # With MSG_FASTOPEN sending connects, past Landlock's view of connect(2).
        *(
            (call, (Where(flags, MSG_FASTOPEN, 0),))
            for call, flags in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3))
        ),
        *(("setsockopt", (Where(1, U32, level), Where(2, U32, option))) for level, option in _SOCKET_OPTIONS),
        *_MEMORY_GUARDED,
        *_READ_ONLY_OPEN,
        *_internet_sockets(),
        *(("ioctl", (Where(1, U32, request),)) for request in (FIONBIO, FIONREAD, TCGETS)),
        *(("fcntl", (Where(1, U32, command),)) for command in (F_GETFD, F_SETFD, F_GETFL, F_SETFL)),
    ),
    refused=(("clone3", 38),),
)
"""The only one with a network: resolves names and connects. It opens what its view holds (`overt.sandbox.view`) for
reading; it writes no file, listens nowhere, starts nothing."""

VERIFIER = Policy(
    "verifier",
    Denial.ERROR,
    _MEMORY
    | _SELF
    | _DESCRIPTORS
    | _LOOK
    | frozenset(
        """openat open creat rename renameat renameat2 link linkat unlink unlinkat symlink symlinkat mkdir mkdirat rmdir
        fsync fdatasync ftruncate fallocate flock umask chdir fchdir dup2 dup3 copy_file_range sendfile
        pidfd_send_signal wait4 waitid""".split()
    ),
    (
        *_MEMORY_GUARDED,
        _OWN_LIMITS,
        *(("ioctl", (Where(1, U32, request),)) for request in (TIOCGWINSZ, TCGETS, FIONBIO, FIOCLEX)),
        ("ioctl", (Where(1, U32, SECCOMP_IOCTL_NOTIF_RECV),)),
    ),
    refused=(("clone3", 38),),
    capabilities=1 << 2,  # CAP_DAC_READ_SEARCH
    files="write",
)
"""Checks what the courier fetched and installs it: no socket, no exec, no new mode or owner for any file. What it may
write to is for `overt.sandbox.view.confine_writing`, since a filter of calls cannot tell paths."""

MONITOR = replace(VERIFIER, name="monitor", capabilities=0)
"""Follows a channel: asks couriers and workers, writes its state and its site. As the verifier, and without any
capability also as root."""

ARCHIVE = replace(VERIFIER, name="archive", capabilities=0)
"""The same for the archive cosigner. Not among `POLICIES`, since it may do nothing that the monitor may not."""

BUILDER = Policy(
    "builder",
    Denial.ERROR,
    VERIFIER.calls - {"pidfd_send_signal", "wait4", "waitid"},
    (
        *_MEMORY_GUARDED,
        *_THREADS,
        _OWN_LIMITS,
        *(("ioctl", (Where(1, U32, request),)) for request in (TCGETS, FIOCLEX)),
    ),
    refused=(("clone3", 38),),
    files="write",
)
"""Builds a bundle from sources that a stranger published: reads files by name and writes below its scratch folder."""

BUILDERS = replace(
    NURSERY,
    name="builders' nursery",
    calls=NURSERY.calls | BUILDER.calls | {"landlock_add_rule"},
    guarded=(*NURSERY.guarded, *BUILDER.guarded),
)
"""Forks builders, one for each bundle, and parses nothing. What it may do, its children may at most, so it has what
they need; its folders were bounded before. Not among `POLICIES`: it differs from both by the other alone."""

POLICIES = (EXAMINER, READER, NURSERY, KEEPER, COURIER, VERIFIER, MONITOR, BUILDER)

WITNESS = Policy(
    "witness",
    Denial.ERROR,
    _MEMORY
    | _SELF
    | _DESCRIPTORS
    | frozenset("stat lstat fstat newfstatat statx access faccessat faccessat2 getcwd".split())
    | frozenset(
        "listen accept accept4 getsockname getpeername getsockopt shutdown fsync fdatasync ftruncate flock".split()
    ),
    (
        *_MEMORY_GUARDED,
        *_THREADS,
        ("setsockopt", (Where(1, U32, IPPROTO_TCP),)),
        *(("ioctl", (Where(1, U32, request),)) for request in (TCGETS, FIONBIO)),
    ),
    refused=(("clone3", 38),),
)
"""Answers on the sockets and changes the database that were open before; opens nothing, connects nowhere, starts
nothing. Not among `POLICIES`: `overt prove` attempts what processes that see a user's files may do."""

_TRANSPARENT_OPTIONS = (
    (1, 2),  # SOL_SOCKET, SO_REUSEADDR
    (IPPROTO_TCP, TCP_NODELAY),
    (IPPROTO_IP, 19),  # IP_TRANSPARENT
    (IPPROTO_IPV6, 75),  # IPV6_TRANSPARENT
    (IPPROTO_IPV6, IPV6_V6ONLY),
)
_ANSWERING_SOCKETS = (
    (AF_INET, SOCK_DGRAM, IPPROTO_ANY),
    (AF_INET6, SOCK_DGRAM, IPPROTO_ANY),
    (AF_INET, 3, 1),
)
"""UDP, and raw ICMP over IPv4."""

SINK = Policy(
    "sink",
    Denial.ERROR,
    _MEMORY
    | _SELF
    | _DESCRIPTORS
    | frozenset("openat open unlink rename stat lstat fstat newfstatat statx wait4".split())
    | frozenset("accept accept4 bind getsockname getpeername getsockopt shutdown".split()),
    (
        *_MEMORY_GUARDED,
        ("socketpair", (Where(0, U32, AF_UNIX),)),
        *(
            ("socket", (Where(0, U32, family), Where(1, SOCK_TYPE_MASK, kind), Where(2, U32, protocol)))
            for family, kind, protocol in _ANSWERING_SOCKETS
        ),
        *(
            ("setsockopt", (Where(1, U32, level), Where(2, U32, option)))
            for level, option in _TRANSPARENT_OPTIONS
        ),
        *(("ioctl", (Where(1, U32, request),)) for request in (TCGETS, FIONBIO, FIOCLEX)),
    ),
    refused=(("clone3", 38),),
    capabilities=1 << 10 | 1 << 12 | 1 << 13,  # NET_BIND_SERVICE, NET_ADMIN, NET_RAW
    files="write",
)
"""Answers what a product sends, from whatever address it was sent to: accepts connections, makes none, starts nothing.
What has a name for it is for `overt.sandbox.view.confine_to`."""

CAPTURE = Policy(
    "capture",
    Denial.ERROR,
    _MEMORY
    | _SELF
    | frozenset("read write close lseek poll ppoll recvmsg recvfrom getsockopt fstat".split()),
    (*_MEMORY_GUARDED,),
    refused=(("clone3", 38),),
)
"""Writes packets to the file that was open before: nothing else."""

UPLINK = Policy(
    "uplink",
    Denial.ERROR,
    _MEMORY
    | _SELF
    | frozenset("read close connect recvmsg recvfrom sendmsg sendto getsockname getsockopt".split()),
    (
        *_MEMORY_GUARDED,
        *_internet_sockets(),
        ("ioctl", (Where(1, U32, FIONBIO),)),
    ),
    refused=(("clone3", 38),),
)
"""Hands out sockets to the sink that it has connected itself: no file, and no other kind of socket."""
