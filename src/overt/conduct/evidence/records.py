"""The records of evidence: one type for each line that an observer writes. Pure values; nothing here judges, and what
is made of them is in `conclusions`.

Times (`at_s`) are seconds since the run began, on the monotonic clock. Paths are as the product saw them inside the
chamber. Numbers of processes, flows and canaries are the lab's own, unique within one run, and never reused.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every record: immutable, and read back strictly."""


class Mode(StrEnum):
    """What answers the product's network traffic."""

    DEAD = "dead"
    """Nothing: no route, no name server."""
    SINK = "sink"
    """The lab answers everything itself; nothing reaches anybody."""
    REPLAY = "replay"
    """As the sink, with recorded answers for the hosts that the profile names."""
    PASS_THROUGH = "pass-through"
    """Traffic really goes out, and is recorded on its way. Only on the owner's explicit word."""


class StepKind(StrEnum):
    """What a step of a profile exercises."""

    INSTALL = "install"
    START = "start"
    UPDATE = "update"
    SCAN = "scan"
    SCAN_DETECTION = "scan-detection"
    ON_ACCESS = "on-access"
    IDLE = "idle"
    COMMAND = "command"
    STOP = "stop"
    UNINSTALL = "uninstall"


class StepRun(Record, frozen=True, kw_only=True):
    """One step as it ran."""

    number: int
    kind: StepKind
    command: tuple[str, ...]
    began_s: float
    ended_s: float
    exit_status: int | None
    """What waitpid gave: negative for a signal; None while it went on in the background, or was ended by the lab."""
    timed_out: bool
    expected: bool
    """Whether the exit status is one that the profile expects."""
    output: str
    """The file below the run's folder that holds what it printed (stdout and stderr together)."""
    found: str = ""
    """The line of its output that has the words of the profile's `finds`; empty if there is none."""
    repeated: bool = False
    """Whether the lab repeated it of its own accord: an update, with forged answers, or a use of what that brought."""


class Losses(Record, frozen=True, kw_only=True):
    """What the observers know that they did not record. A report is complete only where all of these are 0."""

    file_events: int = 0
    """fanotify's queue overflowed this often (FAN_Q_OVERFLOW)."""
    unnamed_processes: int = 0
    """File events whose process could not be identified."""
    packets: int = 0
    """Dropped by the capture (PACKET_STATISTICS)."""
    stream_bytes: int = 0
    """Payload bytes past the limit on what is kept of one flow."""
    trace_lines: int = 0
    """Lines of the call trace that could not be read."""
    other: int = 0


class Blind(Record, frozen=True, kw_only=True):
    """Something that could not be seen, or that the product did in order not to be seen."""

    at_s: float | None
    what: str
    """One sentence for a person: what was not seen, or what was attempted."""
    by: int | None
    """The process that caused it, if one did."""
    attempt: bool
    """Whether the product did something that hides from an observer; else it is a limit of the lab."""
    defeated: bool
    """Whether nothing is hidden by it: an attempt that failed, or something that the lab allows for."""


class Process(Record, frozen=True, kw_only=True):
    """One program that ran: a new record for each exec, so that arguments and digests are those of what really ran."""

    number: int
    pid: int
    """As the lab's process namespace counts."""
    parent: int | None
    """The `number` of what started it, if that ran in the chamber too."""
    at_s: float
    ended_s: float | None
    """None: it was there when the run ended. As `at_s`: when it ended was not seen."""
    step: int
    """The step under way when it began."""
    program: str
    """Path of the executable."""
    sha256: str
    """Of the executable, in hex; empty if it could not be read."""
    arguments: tuple[str, ...]
    user: int
    """Effective user number inside the chamber."""
    capabilities: tuple[str, ...] = ()
    """Effective capabilities, as capabilities(7) names them, when it began."""


class Access(StrEnum):
    """What was done with a file."""

    OPEN = "open"
    READ = "read"
    EXECUTE = "execute"
    LIST = "list"


class FileAccess(Record, frozen=True, kw_only=True):
    """What one process did with one file: repeated events of one kind are one record."""

    at_s: float
    """The first time."""
    process: int
    step: int
    access: Access
    path: str
    count: int
    ranges: tuple[tuple[int, int], ...] = ()
    """(offset, length) in bytes, merged and in order, where the kernel tells them; empty: not known."""


class Call(Record, frozen=True, kw_only=True):
    """One system call of the second layer (strace): exec, connect, send, rename, unlink, mount, ptrace, …"""

    at_s: float
    process: int
    step: int
    name: str
    arguments: str
    result: str


class Opened(StrEnum):
    """How much of a flow's content could be read."""

    PLAIN = "plain"
    """It was not encrypted on the wire."""
    DECRYPTED = "decrypted"
    """TLS, opened with the lab's own certificate authority."""
    OPAQUE = "opaque"
    """Encrypted, and not opened: only name, size and time are known."""


class Offered(Record, frozen=True, kw_only=True):
    """A forged update that the lab put in its maker's place, as the answer to one request."""

    kind: str
    """What it was made as: `zip`, `script`, `deb`, `file of a channel`, …"""
    varies: bool
    """Whether it stands for a true answer that was recorded for the same request; else it was made up."""
    digests: tuple[str, ...]
    """SHA-256, in hex, of the answer and of what unpacking it gives."""
    mark: str = ""
    """What its text holds (`evidence.marks`); empty if it is somebody else's whole, as a file of a forged channel."""


class Request(Record, frozen=True, kw_only=True):
    """One request that a flow carried: an HTTP request, an SMTP command that names an address, a DNS question."""

    at_s: float
    method: str
    """`GET`, `POST`, `MAIL FROM`, `TXT`, …"""
    target: str
    """URL with host and path, address, or domain name."""
    headers: tuple[tuple[str, str], ...] = ()
    sent_bytes: int = 0
    """Of its body."""
    status: int | None = None
    offered: Offered | None = None
    """If the answer was a forged update."""


class Flow(Record, frozen=True, kw_only=True):
    """One connection, or one conversation of datagrams between the same two ports."""

    number: int
    at_s: float
    ended_s: float
    step: int
    process: int | None
    """Who opened it, where the lab could tell."""
    protocol: str
    """`tcp`, `udp`, `icmp`, …"""
    application: str
    """`http`, `https`, `smtp`, `dns`, `tls`, `quic`, `raw`."""
    address: str
    """The true destination, IPv4 or IPv6."""
    port: int
    source_port: int = 0
    """The product's own port; 0 for protocols without ports."""
    name: str
    """The name that the chamber's DNS had given this address, or the SNI; empty if neither is known."""
    resolved: bool = True
    """Whether the address is known to be that name's: from the chamber's DNS, or by a true server's certificate. Else
    the name is no more than what the product said."""
    server_name: str = ""
    """SNI."""
    alpn: tuple[str, ...] = ()
    opened: Opened = Opened.PLAIN
    why_opaque: str = ""
    sent_bytes: int = 0
    """Payload bytes from the product."""
    received_bytes: int = 0
    sent: str = ""
    """File below the run's folder with what the product sent, after decryption; empty if it sent nothing."""
    received: str = ""
    hello: str = ""
    """File with what the product said in the clear before it encrypted: the ClientHello of TLS or QUIC."""
    requests: tuple[Request, ...] = ()

    @property
    def destination(self) -> str:
        """`name:port`, or `address:port` where the address is not known to be a name's; where its protocol knows no
        ports, that protocol in their place: `address (icmp)`."""
        name = self.name if self.resolved else ""
        host = name or (f"[{self.address}]" if ":" in self.address else self.address)
        return f"{host}:{self.port}" if self.port else f"{host} ({self.protocol})"


class Changed(StrEnum):
    """How a path differs from before."""

    ADDED = "added"
    MODIFIED = "modified"
    REMOVED = "removed"
    ATTRIBUTES = "attributes"


class Change(Record, frozen=True, kw_only=True):
    """One path that differs, at the end of a step, from how it was at its beginning."""

    step: int
    path: str
    changed: Changed
    kind: str
    """`file`, `folder`, `link`, `socket`, `fifo`, `device`."""
    size: int
    sha256: str
    """Of a file's new content, in hex; empty for others."""
    detail: str = ""
    """What changed of its attributes: mode, owner, capabilities, set-user-ID, link target."""
    mark: str = ""
    """The mark of a forged update of the lab's, if its new content holds one."""
    tokens: tuple[str, ...] = ()
    """Of planted files, as they are in its new content."""


class Listening(Record, frozen=True, kw_only=True):
    """A port or socket on which the product waited for others."""

    at_s: float
    step: int
    protocol: str
    address: str
    port: int
    process: int | None

    @property
    def place(self) -> str:
        """Where, in one word: `tcp:127.0.0.1:3310`, `udp:[::]:53`, `unix:/run/example.sock`."""
        if self.protocol == "unix":
            return f"unix:{self.address}"
        return f"{self.protocol}:{f'[{self.address}]' if ':' in self.address else self.address}:{self.port}"


class Side(StrEnum):
    """Which half of a matched pair a canary is."""

    MARKED = "marked"
    """Carries a classification, a handling marking or a professional secret's notice."""
    PLAIN = "plain"
    """The same but for a neutral phrase of equal length in its place."""
    ALONE = "alone"
    """In no pair: a key, a browser profile, a decoy."""


class Canary(Record, frozen=True, kw_only=True):
    """One planted file."""

    number: int
    path: str
    token: str
    """`ovt` + 24 lower-case letters and digits: in its content and nowhere else."""
    pair: int | None
    side: Side
    format: str
    """`text`, `docx`, `pdf`, `mail`, `zip`, `image`, `source`, `key`, `sqlite`, …"""
    language: str
    """BCP 47 tag; empty where there is none."""
    system: str
    """The marking system: `uk`, `us`, `nato`, `eu`, `de`, `fr`, `commercial`, `medical`, `banking`; or empty."""
    marking: str
    """The marking's own words, or the neutral phrase in their place."""
    size: int
    sha256: str
    anchors: tuple[str, ...] = ()
    """Hex of byte strings (16 bytes) that occur in this file and in no other, for slices that miss the token."""
    detected: bool = False
    """Whether it holds the EICAR test file, so that a product should report it."""
    secret: str = ""
    """What kind of secret it is (`ssh key`, `browser profile`, `shadow`), if it is one."""


class Arm(StrEnum):
    """What was planted in a run, for runs that are compared."""

    MIXED = "mixed"
    """Both halves of every pair."""
    NONE = "none"
    """The same homes without any canary's token or marking."""
    PLAIN = "plain"
    MARKED = "marked"


class Machine(Record, frozen=True, kw_only=True):
    """The virtual machine that a run was in. Nothing of it is what the machine says of itself."""

    system: str
    """What was installed in it: `Debian GNU/Linux 12 (bookworm)`, `busybox`."""
    emulator: str
    clock: str
    """What its clock showed when it was turned on: ISO 8601, UTC, to the second."""
    memory_mb: int


class System(Record, frozen=True, kw_only=True):
    """The system that a chamber shows below what the product writes."""

    name: str
    """As it calls itself: `Debian GNU/Linux 12 (bookworm)`; empty if it does not."""
    snapshot: bool
    """Whether it is a root file system of its own (`--snapshot`); else it is that of the machine that ran the lab."""
    sha256: str = ""
    """Of a snapshot: of its files, in hex."""


class Run(Record, frozen=True, kw_only=True):
    """One run in one chamber, or in one virtual machine."""

    name: str
    """Its folder's name: `mixed-1`, `marked-3`, …"""
    arm: Arm
    seed: int
    mode: Mode
    began: str
    """ISO 8601, UTC, to the second."""
    kernel: str
    layers: tuple[str, ...]
    """The observers that were at work: `open`, `ranges`, `trace`, `network`, `sockets`, `changes`, `calls`."""
    capabilities: tuple[str, ...]
    """Given to the product, as capabilities(7) names them."""
    steps: tuple[StepRun, ...]
    losses: Losses
    blind: tuple[Blind, ...]
    system: System | None = None
    """None: it was a virtual machine."""
    machine: Machine | None = None
    """None: it was a chamber."""


class Package(Record, frozen=True, kw_only=True):
    """One file that the product came in."""

    name: str
    sha256: str
    """Hex."""
    size: int
    files: tuple[str, ...] = ()
    """Of a Debian package: what it lists that it installs, as absolute paths, without folders."""
    set_id: tuple[str, ...] = ()
    """Those of them that it lists as set-user-ID or set-group-ID."""


class Subject(Record, frozen=True, kw_only=True):
    """What was examined: `subject.json`."""

    name: str
    maker: str = ""
    homepage: str = ""
    version: str
    """As it prints it; empty if it does not."""
    packages: tuple[Package, ...]
