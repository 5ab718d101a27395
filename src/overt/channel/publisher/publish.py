"""From a complete proposal to what clients read: sign, append to the log, have it witnessed, write the tree.

1. bundles and patches are written: content-addressed, and nothing names them yet
2. the journal is written: the release is decided, its serial and version numbers are bound to these bytes
3. tiles, entries and versioned metadata; then the log's checkpoint
4. cosignatures by a quorum of witnesses (until then clients see nothing new)
5. timestamp.json (it and snapshot are signed by the old and the new root's keys); new roots; `latest.tlog-proof`
6. the journal is removed

Whatever ends it in between, the next start does the rest, and writes the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from securesystemslib.signer import Key
from tuf.api.metadata import Root, Targets

from overt.channel import layout
from overt.channel.publisher import (
    deliveries,
    high_water,
    journal,
    online,
    proposal,
    propose,
    roles,
    state,
    witnesses,
)
from overt.channel.publisher.desk import Desk, write_once, write_public
from overt.channel.publisher.journal import Journal
from overt.channel.publisher.proposal import Missing, Proposal
from overt.channel.publisher.state import State
from overt.channel.publisher.witnesses import WaitingForWitnesses
from overt.channel.release import Release
from overt.core.errors import ChannelError
from overt.tlog import note, writer
from overt.tlog.checkpoint import Checkpoint
from overt.tlog.merkle import EMPTY_TREE
from overt.tlog.note import Note
from overt.tlog.proof import LogProof
from overt.tlog.signing import sign

SNAPSHOT_RENEWED = timedelta(days=15)
"""A snapshot with less time left is made anew by `renew`."""
TIMESTAMP_RENEWED = timedelta(hours=24)
"""A timestamp that waited for witnesses so long that less time is left is followed by another."""


@dataclass(frozen=True, slots=True)
class Published:
    """The release that clients get now."""

    release: Release


@dataclass(frozen=True, slots=True)
class Waiting:
    """Signatures that are missing, and the request to send to their holders."""

    missing: tuple[Missing, ...]
    request: Path


def publish(desk: Desk, bundle: bytes | None = None, signed: Sequence[Path] = ()) -> Published | Waiting:
    """Propose `bundle` if one is given, add the holders' signature files, and publish when nothing is missing.

    The caller gives nothing to finish what was interrupted. Raises `ChannelError`, among them `WaitingForWitnesses`:
    then the release is in the log, and the same call later goes on.
    """
    with desk.locked():
        found = state.read(desk)
        stuck = _settled(found)
        proposed = propose.read(desk, found)
        if bundle is not None:
            proposed = propose.with_bundles(proposed, found, {layout.TARGET: bundle}, desk)
            deliveries.check(bundle, proposed, found)
            deliveries.keep(desk, bundle)
        proposed = propose.signed_here(propose.with_signatures(proposed, found, signed), desk)
        if proposed.documents():
            propose.write(desk, proposed)
            if lacking := proposal.missing(proposed):
                return Waiting(lacking, propose.request_file(desk))
            decide(desk, found, proposed)
        elif stuck:
            raise stuck
        elif found is None or not found.waiting:
            raise ChannelError("nothing to publish: give a bundle made by 'overt channel build'")
        return Published(finish(desk).release)


def _settled(found: State | None) -> WaitingForWitnesses | None:
    """Finish what was interrupted. Too few witnesses are no error yet: a new root may name others."""
    try:
        if found and found.waiting:
            _finish(found)
    except WaitingForWitnesses as error:
        return error
    return None


def decide(desk: Desk, present: State | None, proposed: Proposal) -> None:
    """Bind the next serial and version numbers to the proposal's bytes. Raises `ChannelError` when it is not whole."""
    root_bytes, targets_bytes = _chosen(present, proposed)
    root, targets = roles.parse(root_bytes, Root, "root"), roles.parse(targets_bytes, Targets, "targets")
    if not root.signed.get_verification_result("targets", targets.signed_bytes, targets.signatures):
        raise ChannelError(
            "the new root's holders must sign targets again: 'overt channel rotate' proposes that"
        )
    release = Release(
        serial=present.head.size if present else 0,
        root=roles.pinned(root_bytes, root.signed.version),
        targets=roles.pinned(targets_bytes, targets.signed.version),
        bundles={name: target.hashes["sha256"] for name, target in targets.signed.targets.items()},
    )
    deliveries.deliver(desk, present, release.bundles)
    checkpoint, tiles = _append(desk, present, root.signed, release)
    version = targets.signed.version
    snapshot, timestamp = _online(desk, present, root.signed, targets_bytes, version)
    early = {
        layout.root(release.root.sha256): root_bytes,
        layout.policy(root.signed.version): roles.root_charter(root.signed).policy.encode(),
        layout.metadata("targets", version): targets_bytes,
    }
    roots = {layout.metadata("root", root.signed.version): root_bytes} if proposed.root else {}
    decided = Journal(early | tiles | snapshot, checkpoint, timestamp, roots, release.encode())
    journal.write(desk, _with_unfinished(decided, present))
    propose.remove(desk)


def _chosen(present: State | None, proposed: Proposal) -> tuple[bytes, bytes]:
    """Root and targets of the next release: what is proposed, else what is in force. Raises `ChannelError`."""
    root = roles.encode(proposed.root) if proposed.root else present.root_bytes if present else None
    targets = (
        roles.encode(proposed.targets) if proposed.targets else present.targets_bytes if present else None
    )
    if root is None or targets is None:
        raise ChannelError("there are no rules yet: build a bundle and publish that")
    return root, targets


def _with_unfinished(decided: Journal, present: State | None) -> Journal:
    """A release that still waits for witnesses is written with the one that follows it."""
    if present is None or present.waiting is None:
        return decided
    before = present.waiting
    return Journal(
        {**before.early, **decided.early},
        decided.checkpoint,
        decided.timestamp,
        {**before.roots, **decided.roots},
        decided.release,
    )


def _append(
    desk: Desk, present: State | None, root: Root, release: Release
) -> tuple[bytes, dict[str, bytes]]:
    """The signed checkpoint and the tiles of the log with this release."""
    origin = roles.root_charter(root).origin
    head = present.head if present else EMPTY_TREE
    appended = writer.append(head, [release.encode()], present.fetch if present else _nothing)
    text = Checkpoint(origin, appended.head).text
    signatures = tuple(sign(text, signer) for signer in online.log_signers(desk.keys, origin, desk.ask))
    return Note(text, signatures).encode(), {layout.LOG + path: data for path, data in appended.tiles.items()}


def _nothing(path: str) -> bytes:
    raise FileNotFoundError(path)


def _online(
    desk: Desk, present: State | None, root: Root, targets: bytes, targets_version: int
) -> tuple[dict[str, bytes], bytes]:
    """The next snapshot (by path) and timestamp for these targets."""
    version = (present.snapshot.signed.version if present else 0) + 1
    signers = online.role_signers(desk.keys, "snapshot", _both("snapshot", present, root), desk.ask)
    snapshot = roles.signed(roles.make_snapshot(version, targets_version, targets, desk.now()), signers)
    return {layout.metadata("snapshot", version): snapshot}, _timestamp(
        desk, present, root, version, snapshot
    )


def _both(role: str, present: State | None, root: Root) -> list[Key]:
    """The role's keys by the new root and by the one before: what they sign is read under both."""
    trusted = [root, present.root.signed] if present else [root]
    return list(
        {key.keyid: key for one in trusted for key in getattr(roles.roles_of(one), role).keys}.values()
    )


def _timestamp(desk: Desk, present: State | None, root: Root, version: int, snapshot: bytes) -> bytes:
    """The next timestamp for this snapshot."""
    number = (present.timestamp.signed.version if present else 0) + 1
    signers = online.role_signers(desk.keys, "timestamp", _both("timestamp", present, root), desk.ask)
    return roles.signed(roles.make_timestamp(number, version, snapshot, desk.now()), signers)


def renew(desk: Desk) -> State:
    """Finish what was interrupted, then a new timestamp, a new snapshot when half its life is over, and fresh
    cosignatures. Run it at least daily. Raises `ChannelError`, `WaitingForWitnesses`."""
    with desk.locked():
        present = state.read(desk)
        if present is None:
            raise ChannelError("nothing is published yet: 'overt channel publish' comes first")
        if present.waiting:
            return finish(desk)
        _decide_renewal(desk, present)
        return finish(desk)


def _decide_renewal(desk: Desk, present: State) -> None:
    root = present.root.signed
    early: dict[str, bytes] = {}
    if present.snapshot.signed.expires - desk.now() < SNAPSHOT_RENEWED:
        early, timestamp = _online(desk, present, root, present.targets_bytes, present.targets.signed.version)
    else:
        version = present.snapshot.signed.version
        timestamp = _timestamp(desk, present, root, version, present.snapshot_bytes)
    journal.write(desk, Journal(early, present.checkpoint, timestamp, {}, present.leaf))


def finish(desk: Desk) -> State:
    """Write what is decided. Raises `WaitingForWitnesses` below the quorum; call it again then."""
    found = state.read(desk)
    if found is None:
        raise ChannelError("nothing is published yet: 'overt channel publish' comes first")
    if found.waiting:
        _finish(found)
        found = replace(found, waiting=None)
    if found.timestamp.signed.expires - desk.now() < TIMESTAMP_RENEWED:
        _decide_renewal(desk, found)
        return finish(desk)
    return found


def _finish(found: State) -> None:
    desk, decided = found.desk, found.waiting
    if decided is None:
        return
    for path, data in decided.early.items():
        write_once(desk.public / path, data)
    high_water.write(desk.published, found.head)
    write_public(desk.public / layout.CHECKPOINT, decided.checkpoint)
    reader = found.reader()
    former = state.former_witnesses(desk, found.root.signed.version)
    cosigned = witnesses.collect(desk, note.parse(decided.checkpoint), found.policy, reader, former)
    write_public(desk.public / layout.TIMESTAMP, decided.timestamp)
    for path, data in decided.roots.items():
        write_once(desk.public / path, data)
    index = found.head.size - 1
    proof = LogProof(index, reader.inclusion_proof(index), cosigned, decided.release)
    write_public(desk.public / layout.PROOF, proof.encode())
    journal.remove(desk)
    deliveries.tidy(found)
