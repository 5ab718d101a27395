"""The words of a verdict as frozen values. Pure: no input or output happens here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What is said about one file (promise 2)."""

    CLEAN = "clean"
    INFECTED = "infected"
    INCOMPLETE = "incomplete"


class Severity(StrEnum):
    """How bad a finding is. A `note` is worth knowing and never makes a file infected."""

    NOTE = "note"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (note) to 4 (critical)."""
        return list(Severity).index(self)


class Reason(StrEnum):
    """Why something was not examined; the value is what people and machines read."""

    FILE_BYTES = "max_file_bytes"
    UNPACKED_BYTES = "max_unpacked_bytes"
    MEMBER_BYTES = "max_member_bytes"
    DEPTH = "max_depth"
    ENTRIES = "max_entries"
    RATIO = "max_ratio"
    MEMORY = "max_memory_bytes"
    MATCHES = "max_matches"
    DEADLINE = "deadline"
    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    UNSUPPORTED = "unsupported"
    CRASHED = "crashed"
    FORBIDDEN_CALL = "forbidden system call"
    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    CHANGED = "changed while read"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not examined: the reason, more in words, and where (path inside the file)."""

    reason: Reason
    detail: str = ""
    inside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PatternMatch:
    """One place where a pattern matched: offset and length in bytes of the innermost content."""

    pattern: str
    offset: int
    length: int
    data: bytes = b""
    """The first bytes matched (at most 64)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule or hash that matched, with where."""

    rule: str
    pack: str
    severity: Severity
    author: str = ""
    description: str = ""
    reference: str = ""
    licence: str = ""
    tags: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    """Names from the outermost member to the content that matched; empty when the file itself matched."""
    sha256: str = ""
    """Of the content that matched, lower-case hexadecimal."""
    matches: tuple[PatternMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """What the engine says of one file's bytes."""

    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()
    kind: str = "data"
    """File type by content, e.g. `zip`."""
    bytes_examined: int = 0
    """Bytes of the file itself that the rules saw."""
    bytes_unpacked: int = 0
    """Bytes produced by unpacking and examined too."""
    entries: int = 0

    @property
    def verdict(self) -> Verdict:
        """`infected` wins over `incomplete`, which wins over `clean`."""
        return verdict_of(self.findings, self.gaps)


def verdict_of(findings: Sequence[Finding], gaps: Sequence[Gap]) -> Verdict:
    """The only place where a verdict is decided: notes don't infect, and any gap forbids `clean`."""
    if any(finding.severity is not Severity.NOTE for finding in findings):
        return Verdict.INFECTED
    return Verdict.INCOMPLETE if gaps else Verdict.CLEAN


@dataclass(frozen=True, slots=True)
class FileReport:
    """The outcome for one file of a scan session."""

    path: str
    """As found, with undecodable bytes as surrogate escapes (`os.fsdecode`)."""
    examination: Examination
    size: int = 0
    """Bytes on disk when the file was opened."""
    elapsed_s: float = 0.0
    cached: bool = False
    """The verdict came from the cache: the file, the rules and the engine had not changed."""
    quarantined: str = ""
    """Identifier in the vault when the file was moved there."""
    quarantine_error: str = ""
    """Why it was not (or not all of it), when that was asked for; the message says where the file is."""
    ignored: tuple[Finding, ...] = ()
    """Findings of rules that the user chose to ignore: reported, and no part of the verdict."""

    @property
    def verdict(self) -> Verdict:
        return self.examination.verdict


@dataclass(frozen=True, slots=True)
class StaleChannel:
    """A rule channel whose rules are not known to be the newest; they are used all the same."""

    channel: str
    since_s: int
    """Seconds since the Epoch."""
    why: str
    advice: str


@dataclass(frozen=True, slots=True)
class ChannelNotice:
    """What everybody who uses a rule channel is to be told, stale or not."""

    channel: str
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Totals of one scan session."""

    clean: int = 0
    infected: int = 0
    incomplete: int = 0
    excluded: int = 0
    """Files and folders left out because the user said so."""
    not_files: int = 0
    """Sockets, devices, pipes and pseudo file systems: nothing to examine."""
    links: int = 0
    """Symbolic links not followed."""
    cached: int = 0
    quarantined: int = 0
    bytes_examined: int = 0
    bytes_unpacked: int = 0
    elapsed_s: float = 0.0
    interrupted: bool = False
    confinement: str = ""
    """`confined` or `unconfined`, as every report must say."""
    packs: tuple[str, ...] = ()
    rules: int = 0
    hashes: int = 0
    stale: tuple[StaleChannel, ...] = ()
    """Channels whose rules may be old."""
    notices: tuple[ChannelNotice, ...] = ()

    @property
    def files(self) -> int:
        return self.clean + self.infected + self.incomplete
