"""What a chamber is to be, and what it tells about itself: pure values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from overt.conduct.chamber.privileges import NEVER, NUMBERS
from overt.core.errors import ConductError

MIB = 1 << 20
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class User:
    """Who runs a step. The chamber has two: root and the plan's user."""

    name: str
    uid: int
    gid: int
    home: str

    @property
    def environment(self) -> dict[str, str]:
        """What every step of theirs finds; nothing of the lab's own environment is in it."""
        return {
            "PATH": PATH,
            "HOME": self.home,
            "USER": self.name,
            "LOGNAME": self.name,
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
        }


ROOT = User("root", 0, 0, "/root")
ALICE = User("alice", 1000, 1000, "/home/alice")


def account(name: str, user: User) -> User:
    """Root or `user`, by name. Raises `ConductError`."""
    found = {one.name: one for one in (ROOT, user)}.get(name)
    if found is None:
        raise ConductError(f"no user {name!r} in the chamber: there are root and {user.name}")
    return found


@dataclass(frozen=True, slots=True)
class Limits:
    """What the product may use; kept by the kernel, outside the product."""

    homes_bytes: int = 256 * MIB
    """Size of the file system (ext4) that holds /home and /root."""
    upper_bytes: int = 1024 * MIB
    """Memory for everything written below / (tmpfs)."""
    tmp_bytes: int = 256 * MIB
    """The same for each of /tmp, /run and /dev/shm."""
    memory_bytes: int = 4096 * MIB
    """Of all processes of the chamber, what they wrote to memory file systems included (memory control group)."""
    processes: int = 4096
    """That exist at one time (pids control group; RLIMIT_NPROC for users other than root)."""
    output_bytes: int = 16 * MIB
    """Kept of what one step prints; the rest is read and counted."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A folder or file of this machine that is visible inside, whatever is masked around it.

    What is written there stays inside."""

    outside: Path
    inside: str


@dataclass(frozen=True, slots=True)
class ChamberPlan:
    """What a chamber is to be. Raises `ConductError` for what would let the product change the host."""

    root: Path = Path("/")
    """What the product sees as the system: the live one or the folder of a snapshot. Never written to."""
    layers: tuple[Path, ...] = ()
    """Laid over it, topmost first: folders that `Chamber.keep` made (an installed product)."""
    shown: tuple[Shown, ...] = ()
    limits: Limits = Limits()
    user: User = ALICE
    hostname: str = "alice-laptop"
    capabilities: tuple[str, ...] = ()
    """Beyond `privileges.USUAL`, as capabilities(7) names them."""
    allow_mounts: bool = False
    """Whether the product may make namespaces and mount in them (without CAP_SYS_ADMIN: user namespaces)."""
    record_denied: bool = True
    """Whether calls that the chamber's filter refuses are recorded. The product then can't have a seccomp listener of
    its own (EBUSY); False: they fail unrecorded, and whoever reports must say so."""
    resolvers: tuple[str, ...] = ("192.0.2.53", "2001:db8::53")
    """Name servers in /etc/resolv.conf; addresses off the link, so that questions go through the sink."""

    def __post_init__(self) -> None:
        if why := refusal(self.capabilities, self.allow_mounts):
            raise ConductError(why)


def refusal(capabilities: Iterable[str], allow_mounts: bool = False) -> str:
    """Why no chamber gives these rights beyond `privileges.USUAL`, named as in capabilities(7); empty if it does."""
    asked = set(capabilities)
    if unknown := sorted(asked - set(NUMBERS)):
        return f"no such capability: {', '.join(unknown)}: capabilities(7) lists them"
    if never := sorted(NEVER & asked):
        return (
            f"no product in a chamber is given {', '.join(never)}: it would reach past it. In a virtual machine "
            "(--clock now) root has them all"
        )
    if allow_mounts and "CAP_SYS_ADMIN" in asked:
        return (
            "a chamber that gives CAP_SYS_ADMIN must not allow mounts: the product could make /proc/sys of the "
            "host writable. Ask for one of them; mounts work in user namespaces without it"
        )
    return ""


@dataclass(frozen=True, slots=True)
class Watched:
    """One of the chamber's own file systems. None is shared with the host, so a mark on it sees the chamber alone."""

    mount: Path
    """Where it is mounted as the warden sees it."""
    inside: str
    """The same for the product; "/" for the overlay, of which everything is below. The homes are at two places: the
    first of them."""
    ranges: bool
    """Whether the kernel can tell which bytes are read (FAN_PRE_ACCESS: ext4 yes, overlay no)."""


@dataclass(frozen=True, slots=True)
class Command:
    """What a step runs in a chamber, or in a virtual machine."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    """Beside what every step of its user finds."""
    cwd: str = "/"
    user: str = "root"
    """Or the plan's user, by name."""
    timeout_s: float = 600.0
    """Then it is ended, with all that it started; in the background, it has so long to get ready, and goes on."""
    background: bool = False
    capabilities: Collection[str] | None = None
    """Root has no others; None: all that the chamber gives."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a step's command ended."""

    exit_status: int | None
    """As waitpid gives it, negative for a signal; None: it goes on in the background, or the lab ended it."""
    timed_out: bool
    pid: int
    """Inside the chamber; 0: it could not be started."""
    lab_pid: int
    """The same in the warden's process namespace, which is the lab's; 0: it had ended before it was looked up."""
    leftover: int = 0
    """Processes of the step that resisted its end and were alive when the lab gave up; 0 in all that is known."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Calls of one kind that the chamber's filter refused one process."""

    at_s: float
    """time.monotonic() at the first."""
    pid: int
    """In the warden's process namespace."""
    name: str
    arguments: tuple[int, ...]
    """Of the first, as the kernel got them."""
    count: int
