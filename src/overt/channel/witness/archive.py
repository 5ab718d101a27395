"""The archive cosigner: follows a channel, and approves only what it has fetched, stored and reviewed.

It is a process of its own: it has a way to the channel's tree and no key. The witness's server, which has the key and
no way anywhere, cosigns a log with an archive only where this has approved exactly that tree head. Bundles are read by
expendable processes (`overt.channel.readers`): one that dies of a bundle is a refusal of that release.

The archive's folder, content-addressed:

    SHA256-OF-ORIGIN/releases/SERIAL.json     the leaf
    SHA256-OF-ORIGIN/checkpoints/SIZE         the checkpoint as the log signed it
    objects/SHA256                            root and targets metadata, and bundles (uncompressed)
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from overt.channel import layout
from overt.channel.inspection import Followed, check_bundle, check_root, check_targets
from overt.channel.publisher.roles import root_charter
from overt.channel.readers import Readers
from overt.channel.release import Release
from overt.channel.release import parse as parse_release
from overt.channel.tree import Tree
from overt.channel.witness.office import unix_now
from overt.channel.witness.state import LogRow, Refusal
from overt.core.errors import Malformed, OvertError, PeerLied, WitnessError
from overt.store import atomic
from overt.store.folders import make_private
from overt.tlog.merkle import EMPTY_TREE, TreeHead
from overt.tlog.note import MAX_NOTE_BYTES
from overt.tlog.note import parse as parse_note
from overt.tlog.reader import LogReader
from overt.tlog.signing import open_checkpoint
from overt.tlog.tiles import MAX_BUNDLE_BYTES as MAX_ENTRIES_BYTES


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of looking at a channel once."""

    origin: str
    size: int
    """Releases approved now."""
    new: int
    """How many of them were not before."""
    refused: str = ""
    """Why the rest, or anything, was not."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """The operator's word for releases whose bundles the archive would refuse, or can't judge any more."""

    below: int
    """Releases with a smaller serial are stored and not inspected."""
    reason: str
    """Written, kept, and shown."""


class Approvals(Protocol):
    """How far the archive is, and what it refused: a `State`, or the way to one."""

    def approved(self, origin: str) -> tuple[TreeHead, int] | None:
        """The largest tree that was approved, and when."""

    def approve(self, origin: str, head: TreeHead, time_s: int, waiver: str = "") -> None:
        """Record that everything in this tree was stored and reviewed."""

    def refuse(self, refusal: Refusal) -> None:
        """Record a refusal."""


class Kept:
    """What the archive has stored."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def release(self, origin: str, serial: int) -> Path:
        """Where a leaf is."""
        return self.log(origin) / "releases" / f"{serial}.json"

    def log(self, origin: str) -> Path:
        """Where everything of one log is but the objects."""
        return self.folder / hashlib.sha256(origin.encode()).hexdigest()

    def newest(self, origin: str, size: int) -> Release | None:
        """The last of `size` releases that were approved, as it is stored; None when it is not there."""
        try:
            return parse_release(self.release(origin, size - 1).read_bytes())
        except FileNotFoundError:
            return None

    def object(self, sha256: str) -> bytes | None:
        """An object, as long as it is whole. Raises `Malformed` for one that the disk changed."""
        try:
            data = (self.folder / "objects" / sha256).read_bytes()
        except FileNotFoundError:
            return None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Malformed(f"{self.folder / 'objects' / sha256} is damaged: remove it, it is fetched again")
        return data

    def keep_object(self, sha256: str, data: bytes) -> None:
        """Store an object durably. Raises `OSError`."""
        path = self.folder / "objects" / sha256
        if not path.exists():
            keep(path, data)


class Archive:
    """The archive in one folder. One process at a time may follow a log."""

    def __init__(
        self, folder: Path, state: Approvals, readers: Readers, now_s: Callable[[], int] = unix_now
    ) -> None:
        self._kept, self._state, self._readers, self._now_s = Kept(folder), state, readers, now_s

    def follow(self, log: LogRow, tree: Tree, waiver: Waiver | None = None) -> Outcome:
        """Look at the newest checkpoint of the tree, and approve what can be. Raises `WitnessError` only: everything
        else that goes wrong is a refusal, which is recorded with what the log signed."""
        evidence = b""
        before = self._approved(log)
        try:
            evidence = tree(layout.CHECKPOINT, MAX_NOTE_BYTES)
            head = open_checkpoint(parse_note(evidence), log.keys).head
            self._approve(log, tree, evidence, head, waiver or Waiver(0, ""))
        except WitnessError:
            raise
        except (OvertError, OSError, LookupError) as error:
            return self._refused(log, before, error, evidence)
        return Outcome(log.origin, self._approved(log).size, self._approved(log).size - before.size)

    def _refused(self, log: LogRow, before: TreeHead, error: Exception, evidence: bytes) -> Outcome:
        now = self._approved(log)
        reason = f"release {now.size}: {error}"
        self._state.refuse(Refusal(log.origin, self._now_s(), reason, evidence))
        return Outcome(log.origin, now.size, now.size - before.size, reason)

    def _approved(self, log: LogRow) -> TreeHead:
        found = self._state.approved(log.origin)
        return found[0] if found else EMPTY_TREE

    def _approve(self, log: LogRow, tree: Tree, note: bytes, head: TreeHead, waiver: Waiver) -> None:
        """Release by release: each one is durable before it is approved, and approved before the next is looked at."""
        approved = self._approved(log)
        reader = LogReader(head, lambda path: tree(layout.LOG + path, MAX_ENTRIES_BYTES))
        reader.extends(approved)
        followed = self._followed(log, approved.size)
        keep(self._kept.log(log.origin) / "checkpoints" / str(head.size), note)
        for serial, leaf in enumerate(reader.entries(approved.size), approved.size):
            release = parse_release(leaf)
            if release.serial != serial:
                raise PeerLied(f"leaf {serial} says that it is release {release.serial}")
            waived = serial < waiver.below
            followed = self._examine(log, tree, release, followed, waived)
            keep(self._kept.release(log.origin, serial), leaf)
            one = TreeHead(serial + 1, reader.root_at(serial + 1))
            self._state.approve(log.origin, one, self._now_s(), waiver.reason if waived else "")

    def _examine(
        self, log: LogRow, tree: Tree, release: Release, before: Followed | None, waived: bool
    ) -> Followed:
        """Fetch, check and store all that a release names."""
        root = self._metadata(tree, layout.root(release.root.sha256), release.root.sha256)
        followed = check_root(root, release, before, log.origin)
        place = layout.metadata("targets", release.targets.version)
        targets = self._metadata(tree, place, release.targets.sha256)
        check_targets(targets, release, followed)
        charter = root_charter(followed.root.signed)
        for sha256 in release.bundles.values():
            data = self._bundle(tree, sha256)
            if not waived:
                check_bundle(self._readers.read(data), release.serial, charter, self._readers.review)
            self._kept.keep_object(sha256, data)
        self._kept.keep_object(release.root.sha256, root)
        self._kept.keep_object(release.targets.sha256, targets)
        return followed

    def _metadata(self, tree: Tree, path: str, sha256: str) -> bytes:
        stored = self._kept.object(sha256)
        return tree(path, layout.MAX_METADATA_BYTES) if stored is None else stored

    def _bundle(self, tree: Tree, sha256: str) -> bytes:
        stored = self._kept.object(sha256)
        if stored is not None:
            return stored
        return self._readers.unpack(tree(layout.bundle(sha256), layout.MAX_BUNDLE_BYTES), sha256)

    def _followed(self, log: LogRow, size: int) -> Followed | None:
        """The root that was in force with the last release approved."""
        if not size:
            return None
        last = self._kept.newest(log.origin, size)
        root = self._kept.object(last.root.sha256) if last else None
        if last is None or root is None:
            raise WitnessError(
                f"{self._kept.folder} lacks release {size - 1} of {log.origin}: restore the archive"
            )
        return check_root(root, last, None, log.origin)


def keep(path: Path, data: bytes) -> None:
    """Write a file durably; the same bytes again change nothing. Raises `OSError`."""
    make_private(path.parent)
    if not os.path.exists(path) or path.read_bytes() != data:
        atomic.write(path, data)
