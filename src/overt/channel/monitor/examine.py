"""A release fetched, judged, rebuilt, compared with the one before it, and taken in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from overt.channel import layout
from overt.channel.inspection import Followed, check_root
from overt.channel.manifest import Manifest
from overt.channel.monitor.alarm import NOTABLE, Alarm, Kind, readable
from overt.channel.monitor.changes import What
from overt.channel.monitor.inspect import Files, Judged, judge
from overt.channel.monitor.readers import Compared, MonitorReaders
from overt.channel.monitor.rebuild import Builders, Rebuilt
from overt.channel.monitor.record import Event, Problem, ReleaseRow, RootRow, Signer
from overt.channel.monitor.remembered import Remembered
from overt.channel.monitor.sources import Find
from overt.channel.monitor.state import State, TakenIn
from overt.channel.release import Pinned, Release
from overt.channel.release import parse as parse_release
from overt.channel.tree import Tree
from overt.core.errors import EgressError, LogError, Malformed
from overt.sandbox.expendable import WorkerDied
from overt.tlog.merkle import TreeHead

NO_SOURCES = "sources"
"""`ReleaseRow.missing` of a release that lacks nothing but its sources."""
NOT_GIVEN = "not built again: this monitor was given no sources"


class NotThere(Exception):
    """A file that a release names is not served, or another is in its place."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every release is examined with."""

    state: State
    tree: Tree
    trusted: bytes
    origin: str
    readers: MonitorReaders
    builders: Builders | None
    find: Find | None
    now_s: Callable[[], int]


def examine(
    context: Context, serial: int, leaf: bytes, head: TreeHead | None, cosigned: tuple[Signer, ...] = ()
) -> ReleaseRow:
    """Take in leaf `serial`, of the tree `head` when it is new; None for one that was taken in and lacked something.

    Raises `OSError` and `EgressError` when the channel can't be read now: then nothing was stored. A file that is
    not there is no error: the release is stored as incomplete, and examined again later.
    """
    known = context.state.release(serial)
    row = ReleaseRow(
        serial=serial,
        leaf_sha256=hashlib.sha256(leaf).hexdigest(),
        seen_s=known.seen_s if known else context.now_s(),
        signers=cosigned if known is None else tuple(one for one in known.signers if one.role == "witness"),
        late=known is not None and (known.late or known.missing not in ("", NO_SOURCES)),
    )
    taken = _examined(context, row, leaf)
    context.state.take_in(taken, head, context.now_s())
    return taken.row


def _examined(context: Context, row: ReleaseRow, leaf: bytes) -> TakenIn:
    try:
        release = parse_release(leaf)
    except Malformed as error:
        return _unreadable(row, leaf, str(error))
    alarms: list[Alarm] = []
    if release.serial != row.serial:
        alarms.append(_gap(row.serial, leaf, f"leaf {row.serial} says that it is release {release.serial}"))
    row = replace(
        row,
        bundle=release.bundles.get(layout.TARGET, ""),
        root_version=release.root.version,
        targets_version=release.targets.version,
    )
    try:
        files = _fetched(context, release)
    except NotThere as error:
        return _taken(replace(row, missing=str(error)), leaf, alarms)
    before = _before(context, row.serial)
    review = Remembered(context.state, context.readers.review)
    judged = judge(release, files, before, context.trusted, context.origin, context.readers.read, review)
    alarms += judged.alarms
    row = replace(
        row,
        signers=(*judged.signers, *row.signers),
        targets_expire=judged.targets_expire,
        root_changes=judged.root_changes,
    )
    return _compared(context, row, leaf, release, files, judged, alarms)


def _unreadable(row: ReleaseRow, leaf: bytes, why: str) -> TakenIn:
    text = f"leaf {row.serial} is no release: {why}"
    return _taken(row, leaf, [_gap(row.serial, leaf, text)])


def _gap(serial: int, leaf: bytes, text: str) -> Alarm:
    return Alarm(Kind.GAP, str(serial), text, serial, {"leaf.bin": leaf})


def _taken(row: ReleaseRow, leaf: bytes, alarms: list[Alarm]) -> TakenIn:
    return TakenIn(replace(row, problems=_problems(alarms)), leaf, None, (), "", (), tuple(alarms))


def _problems(alarms: Sequence[Alarm]) -> tuple[Problem, ...]:
    """What is wrong with the release itself."""
    return tuple(Problem(one.kind.value, readable(one.text)) for one in alarms if one.kind not in NOTABLE)


def _compared(
    context: Context,
    row: ReleaseRow,
    leaf: bytes,
    release: Release,
    files: Files,
    judged: Judged,
    alarms: list[Alarm],
) -> TakenIn:
    """With the bundle before it, and with its sources."""
    nearest = context.state.bundle_near(row.serial)
    before = nearest.data if nearest else None
    events: tuple[Event, ...] = ()
    if judged.rules:
        data = files.bundles[layout.TARGET]
        row = _counted(row, judged.rules.manifest, len(data))
        row, events, found = _changed(context, row, before, data)
        row, built = _rebuilt(context, row, data, judged.rules.manifest.serial, before)
        alarms += (*found, *built)
    new_root = judged.followed and hashlib.sha256(judged.followed.root_bytes).hexdigest()
    root = (
        RootRow(release.root.sha256, release.root.version, row.serial, files.root)
        if new_root == release.root.sha256
        else None
    )
    return TakenIn(
        row=replace(row, problems=_problems(alarms)),
        leaf=leaf,
        root=root,
        bundles=tuple((release.bundles[name], data) for name, data in files.bundles.items()),
        base=nearest.sha256 if nearest else "",
        events=events,
        alarms=tuple(alarms),
    )


def _counted(row: ReleaseRow, contents: Manifest, size: int) -> ReleaseRow:
    return replace(
        row,
        bundle_bytes=size,
        built_for=contents.serial,
        tool=contents.tool,
        rules=len(contents.rules),
        hashes=sum(item.entries for item in contents.hashes),
        parts=tuple(
            f"{part.name}: by {part.author}, {part.licence}, from {part.origin}" for part in contents.parts
        ),
    )


def _changed(
    context: Context, row: ReleaseRow, before: bytes | None, after: bytes
) -> tuple[ReleaseRow, tuple[Event, ...], tuple[Alarm, ...]]:
    """What the release changes, and the row with how much."""
    try:
        found = context.readers.compare(row.serial, before, after)
    except (WorkerDied, Malformed) as error:
        text = f"release {row.serial}: it could not be compared with the release before: {error}"
        return row, (), (Alarm(Kind.UNREADABLE, row.bundle, text, row.serial),)
    return _sum(row, found), found.events, ()


def _sum(row: ReleaseRow, found: Compared) -> ReleaseRow:
    count = {what: sum(one.what == what.value for one in found.events) for what in What}
    return replace(
        row,
        appeared=count[What.APPEARED],
        changed=count[What.CHANGED],
        vanished=count[What.VANISHED],
        revoked=found.revoked,
    )


def _rebuilt(
    context: Context, row: ReleaseRow, data: bytes, serial: int, before: bytes | None
) -> tuple[ReleaseRow, tuple[Alarm, ...]]:
    """Whether the sources build the bundle; one that is carried on was built for an earlier release."""
    if context.find is None or context.builders is None:
        return replace(row, rebuilt=NOT_GIVEN), ()
    if serial != row.serial and context.state.release(serial):
        return replace(row, rebuilt=f"the bundle of release {serial}, carried on"), ()
    try:
        sources = context.find(serial)
    except (FileNotFoundError, EgressError) as error:
        why = "no sources of it are there" if isinstance(error, FileNotFoundError) else str(error)
        return replace(row, rebuilt=f"not built again: {why}", missing=NO_SOURCES), ()
    except Malformed as error:
        found = Rebuilt(f"its sources can't be built: {error}", Kind.UNREPRODUCIBLE)
    else:
        found = context.builders.rebuild(data, before, sources)
    text = f"release {row.serial}: {found.text}"
    alarms = (Alarm(found.kind, row.bundle, text, row.serial),) if found.kind else ()
    return replace(row, rebuilt=readable(found.text)), alarms


def changed_by(context: Context, serial: int) -> None:
    """Compare the next complete release with this one, which arrived late."""
    following = context.state.bundle_near(serial, after=True)
    nearest = context.state.bundle_near(following.serial) if following else None
    row = context.state.release(following.serial) if following else None
    if not following or not nearest or not row:
        return
    row, events, alarms = _changed(context, row, nearest.data, following.data)
    if not alarms:
        context.state.record(following.serial, events, row)


def _before(context: Context, serial: int) -> Followed | None:
    """The root in force with the release before `serial`."""
    found = [row for row in context.state.roots() if row.serial < serial]
    if not found:
        return None
    last = found[-1]
    named = Release(last.serial, Pinned(last.version, last.sha256), Pinned(1, last.sha256), {})
    return check_root(last.data, named, None, context.origin)


def _fetched(context: Context, release: Release) -> Files:
    """All that the release names, each with the hash that it states. Raises `NotThere`."""
    root = _metadata(context, layout.root(release.root.sha256), release.root.sha256)
    place = layout.metadata("targets", release.targets.version)
    targets = _metadata(context, place, release.targets.sha256)
    return Files(root, targets, {name: _bundle(context, one) for name, one in release.bundles.items()})


def _metadata(context: Context, path: str, sha256: str) -> bytes:
    for row in context.state.roots():
        if row.sha256 == sha256:
            return row.data
    data = _served(context, path, layout.MAX_METADATA_BYTES)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise NotThere(f"{path}: another file is served than the release names")
    return data


def _bundle(context: Context, sha256: str) -> bytes:
    known = context.state.bundle(sha256)
    if known is not None:
        return known
    path = layout.bundle(sha256)
    data = _served(context, path, layout.MAX_BUNDLE_BYTES)
    try:
        return context.readers.unpack(data, sha256)
    except (LogError, WorkerDied) as error:
        raise NotThere(f"{path}: {error}") from None


def _served(context: Context, path: str, max_bytes: int) -> bytes:
    try:
        return context.tree(path, max_bytes)
    except FileNotFoundError:
        raise NotThere(f"{path} is not there") from None
    except Malformed as error:
        raise NotThere(f"{path}: {error}") from None
