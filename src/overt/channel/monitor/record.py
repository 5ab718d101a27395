"""What a monitor keeps of releases, rules and checkpoints, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from overt.channel.manifest import Rule
from overt.channel.monitor.alarm import Kind
from overt.channel.monitor.changes import Change, Entry, level
from overt.tlog.merkle import TreeHead


class Signer(msgspec.Struct, frozen=True):
    """Who signed: `role` is `root`, `targets` or `witness`; `time_s` (seconds since the Epoch) is a witness's."""

    role: str
    name: str
    key: str
    time_s: int = 0


class Problem(msgspec.Struct, frozen=True):
    """Something wrong with a release, as an alarm has it."""

    kind: str
    text: str


class ReleaseRow(msgspec.Struct, frozen=True):
    """A release as it was found. Times are seconds since the Epoch."""

    serial: int
    leaf_sha256: str
    """Of the leaf's bytes."""
    seen_s: int
    """When this monitor took it in."""
    bundle: str = ""
    """SHA-256 of the bundle of rules; empty when the release can't be read."""
    root_version: int = 0
    targets_version: int = 0
    targets_expire: str = ""
    bundle_bytes: int = 0
    built_for: int = -1
    """The serial that the bundle was built for: an earlier one when it was carried on."""
    tool: str = ""
    rules: int = 0
    hashes: int = 0
    parts: tuple[str, ...] = ()
    appeared: int = 0
    changed: int = 0
    vanished: int = 0
    signers: tuple[Signer, ...] = ()
    problems: tuple[Problem, ...] = ()
    rebuilt: str = ""
    """In words: whether the sources build this bundle."""
    root_changes: tuple[str, ...] = ()
    revoked: tuple[tuple[str, str], ...] = ()
    """Rules taken back with this release, and why."""
    missing: str = ""
    """What could not be fetched, in words."""
    late: bool = False
    """Whether it was missing at first."""

    def encode(self) -> str:
        """As it is stored."""
        return msgspec.json.encode(self).decode()

    @staticmethod
    def parse(text: str) -> ReleaseRow:
        """What `encode` made."""
        return msgspec.json.decode(text, type=ReleaseRow)


class Side(msgspec.Struct, frozen=True):
    """A rule or hash list as one release had it."""

    file: str
    line: int
    author: str
    licence: str
    source: str
    description: str
    severity: str
    sha256: str
    entries: int
    review: str
    grounds: tuple[str, ...]
    override: str


class Event(msgspec.Struct, frozen=True):
    """What a release did to one item."""

    serial: int
    item: str
    name: str
    part: str
    is_rule: bool
    what: str
    before: Side | None
    after: Side | None
    fields: tuple[tuple[str, str, str], ...]
    before_text: str
    after_text: str
    reason: str

    def encode(self) -> str:
        """As it is stored."""
        return msgspec.json.encode(self).decode()

    @staticmethod
    def parse(text: str) -> Event:
        """What `encode` made."""
        return msgspec.json.decode(text, type=Event)


class ProgramRow(msgspec.Struct, frozen=True):
    """An entry of a program's log as it was found: `seen_s` in seconds since the Epoch, files as path and SHA-256."""

    index: int
    leaf: str
    seen_s: int
    program: str = ""
    version: str = ""
    record: str = ""
    """SHA-256 of the record."""
    wheel: tuple[str, str, int] = ("", "", 0)
    """Name, SHA-256, bytes."""
    sbom: tuple[str, str, int] = ("", "", 0)
    files: int = 0
    changes: tuple[tuple[str, str, str], ...] = ()
    """What became of a file of the wheel since the release before: `added`, `changed`, `removed`; path; SHA-256."""
    requires: tuple[tuple[str, str, str], ...] = ()
    """A locked dependency that changed: its name, version before, version after; empty for none."""
    signers: tuple[Signer, ...] = ()
    problems: tuple[Problem, ...] = ()
    missing: str = ""

    def encode(self) -> str:
        """As it is stored."""
        return msgspec.json.encode(self).decode()

    @staticmethod
    def parse(text: str) -> ProgramRow:
        """What `encode` made."""
        return msgspec.json.decode(text, type=ProgramRow)


@dataclass(frozen=True, slots=True)
class RootRow:
    """A root that a release names, and the first release that does."""

    sha256: str
    version: int
    serial: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item, and whether the newest release has it."""

    id: str
    name: str
    part: str
    is_rule: bool
    present: bool


@dataclass(frozen=True, slots=True)
class SeenHead:
    """A tree head that the log signed, where it was seen first, and the signed note."""

    head: TreeHead
    source: str
    note: bytes


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that lasts."""

    key: str
    kind: Kind
    text: str
    since_s: int
    alarmed: bool


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm that was raised."""

    id: int
    kind: Kind
    key: str
    text: str
    serial: int | None
    time_s: int
    ended_s: int | None
    answer: str
    """What the operator said when ending it."""
    told_s: int | None
    evidence: tuple[str, ...]


def event_of(serial: int, change: Change) -> Event:
    """A change, as it is kept."""
    item = change.item
    return Event(
        serial,
        item.id,
        item.name,
        item.part,
        item.is_rule,
        change.what.value,
        _side(change.before),
        _side(change.after),
        tuple((field.name, field.before, field.after) for field in change.fields),
        change.before_text if change.before_text != change.after_text else "",
        change.after_text,
        change.reason,
    )


def _side(entry: Entry | None) -> Side | None:
    if entry is None:
        return None
    rule = entry if isinstance(entry, Rule) else None
    return Side(
        file=entry.file,
        line=rule.line if rule else 0,
        author=entry.author,
        licence=entry.licence,
        source=entry.source,
        description=rule.description if rule else "",
        severity=rule.severity if rule else "",
        sha256=rule.sha256 if rule else "",
        entries=0 if isinstance(entry, Rule) else entry.entries,
        review=level(entry.review),
        grounds=tuple(_grounds(entry.review)),
        override=entry.override or "",
    )


def _grounds(review: dict[str, Any]) -> list[str]:
    """The grounds in words, whatever a manifest has in their place."""
    found = review.get("grounds")
    lines = []
    for ground in found if isinstance(found, list) else []:
        if isinstance(ground, dict):
            words = [str(ground.get(key, "")) for key in ("kind", "where", "text", "evidence")]
            lines.append(": ".join(word for word in words if word))
    return lines[:50]
