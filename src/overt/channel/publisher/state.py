"""What was published, read from the tree and the journal: there is no second record that could disagree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from overt.channel import layout, release
from overt.channel.charter import Charter
from overt.channel.publisher import high_water, journal, roles
from overt.channel.publisher.desk import Desk
from overt.channel.publisher.journal import Journal
from overt.channel.release import Release
from overt.core.errors import ChannelError
from overt.tlog import note, policy_file
from overt.tlog.keys import VerifierKey
from overt.tlog.merkle import EMPTY_TREE, TreeHead
from overt.tlog.policy import Policy, Witness
from overt.tlog.reader import LogReader
from overt.tlog.signing import open_checkpoint

FORMER_ROOTS = 4
"""Earlier roots whose witnesses are still asked: clients that hold one of these roots want their word."""
_VERSIONED = re.compile(r"metadata/([0-9]+)\.(root|targets|snapshot)\.json", re.ASCII)


@dataclass(frozen=True, slots=True)
class State:
    """The newest of everything, decided ones included."""

    desk: Desk
    waiting: Journal | None
    root: Metadata[Root]
    root_bytes: bytes
    targets: Metadata[Targets]
    targets_bytes: bytes
    snapshot: Metadata[Snapshot]
    snapshot_bytes: bytes
    timestamp: Metadata[Timestamp]
    head: TreeHead
    checkpoint: bytes
    leaf: bytes

    @property
    def charter(self) -> Charter:
        """What root says of its channel. Raises `ChannelError`."""
        return roles.root_charter(self.root.signed)

    @property
    def policy(self) -> Policy:
        """The log policy that root lays down."""
        return policy_of(self.charter)

    @property
    def release(self) -> Release:
        """The newest leaf."""
        return release.parse(self.leaf)

    def fetch(self, path: str) -> bytes:
        """A file of the log by its path below the log's prefix. Raises `FileNotFoundError`."""
        return _content(self.desk, self.waiting, layout.LOG + path)

    def reader(self) -> LogReader:
        """The log as it stands."""
        return LogReader(self.head, self.fetch)


def policy_of(charter: Charter) -> Policy:
    """The charter's policy. Raises `Malformed`."""
    return policy_file.parse(charter.policy.encode("utf-8", "surrogateescape"))


def former_witnesses(desk: Desk, version: int) -> list[Witness]:
    """The witnesses that the roots before `version` named, the latest `FORMER_ROOTS` of them. Raises `Malformed`."""
    found: dict[VerifierKey, Witness] = {}
    for earlier in range(max(1, version - FORMER_ROOTS), version):
        path = desk.public / layout.policy(earlier)
        if path.exists():
            found |= {one.key: one for one in policy_file.parse(path.read_bytes()).witnesses}
    return list(found.values())


def read(desk: Desk) -> State | None:
    """The state; None before the first release. Raises `ChannelError` for a tree that is damaged or an old copy."""
    waiting = journal.read(desk)
    versions = dict(_versions(desk, waiting))
    if "root" not in versions:
        _check_high_water(desk, EMPTY_TREE)
        return None
    try:
        return _read(desk, waiting, versions)
    except (FileNotFoundError, KeyError) as error:
        what = getattr(error, "filename", None) or error
        raise ChannelError(
            f"{desk.public} is not whole, {what} is missing: restore it from a backup"
        ) from None


def _read(desk: Desk, waiting: Journal | None, versions: dict[str, int]) -> State:
    def metadata(role: str) -> bytes:
        return _content(desk, waiting, layout.metadata(role, versions[role]))

    root_bytes, targets_bytes, snapshot_bytes = metadata("root"), metadata("targets"), metadata("snapshot")
    timestamp = waiting.timestamp if waiting else (desk.public / layout.TIMESTAMP).read_bytes()
    checkpoint = waiting.checkpoint if waiting else (desk.public / layout.CHECKPOINT).read_bytes()
    root = roles.parse(root_bytes, Root, layout.metadata("root", versions["root"]))
    policy = policy_of(roles.root_charter(root.signed))
    head = open_checkpoint(note.parse(checkpoint), [log.key for log in policy.logs]).head
    _check_high_water(desk, head)
    fetched = LogReader(head, lambda path: _content(desk, waiting, layout.LOG + path))
    return State(
        desk=desk,
        waiting=waiting,
        root=root,
        root_bytes=root_bytes,
        targets=roles.parse(targets_bytes, Targets, "targets.json"),
        targets_bytes=targets_bytes,
        snapshot=roles.parse(snapshot_bytes, Snapshot, "snapshot.json"),
        snapshot_bytes=snapshot_bytes,
        timestamp=roles.parse(timestamp, Timestamp, layout.TIMESTAMP),
        head=head,
        checkpoint=checkpoint,
        leaf=fetched.entry(head.size - 1),
    )


def _versions(desk: Desk, waiting: Journal | None) -> Iterator[tuple[str, int]]:
    """Role and version of the versioned metadata, ascending: the last of each role is its newest."""
    paths = {f"metadata/{path.name}" for path in (desk.public / "metadata").glob("*.json")}
    if waiting:
        paths |= {*waiting.early, *waiting.roots}
    found = (match for match in map(_VERSIONED.fullmatch, paths) if match)
    yield from sorted(((match[2], int(match[1])) for match in found), key=lambda pair: pair[1])


def _content(desk: Desk, waiting: Journal | None, path: str) -> bytes:
    for part in (waiting.early, waiting.roots) if waiting else ():
        if path in part:
            return part[path]
    return (desk.public / path).read_bytes()


def _check_high_water(desk: Desk, head: TreeHead) -> None:
    signed = high_water.read(desk.published)
    if head.size < signed.size or (head.size == signed.size and head != signed):
        raise ChannelError(
            f"{desk.public} ends at release {head.size}, and {signed.size} were published: it is an old copy, and "
            "publishing on it would fork the log. Bring back the newest one"
        )
