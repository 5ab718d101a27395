"""From a release that is believed to rules in use: fetch the bundle, have it read and compiled, install it.

The one step that changes what scans use is the replacement of the index, after everything else is durable. Whatever
fails or dies before it, the release before stays, whole.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from tuf.api.exceptions import LengthOrHashMismatchError

from overt.channel import layout
from overt.channel.client import checks, objections, place
from overt.channel.client.attempt import Attempt
from overt.channel.client.believing import Believed
from overt.channel.client.jobs import Contents, Unpack
from overt.channel.client.objections import Objection
from overt.channel.client.outcome import Outcome, Updated
from overt.channel.client.place import BUNDLE, RELEASE, Place
from overt.channel.client.source import content
from overt.channel.release import Release
from overt.core.errors import LogError, Malformed, PeerAtFault, PeerLied
from overt.ledger import Kind
from overt.rules import active, subscribed
from overt.rules.subscribed import ChannelSet, Index, Installed, Subscription
from overt.sandbox.expendable import WorkerDied

FRAME_OVERHEAD_BYTES = 1 << 20
"""Bytes that a compressed bundle may be longer than the bundle."""


@dataclass(frozen=True, slots=True)
class _Bundle:
    """Uncompressed, checked against the release."""

    data: bytes
    fetched: int
    patched: bool


def install(attempt: Attempt, believed: Believed) -> Outcome:
    """Fetch, read, compile, and install it in place of the release before. Raises as `checks`, `WorkerDied`."""
    assert attempt.staged is not None
    one, found = attempt.subscription, believed.served.release
    got = _fetched(attempt, believed)
    contents = attempt.means.workers.read(got.data)
    _check_meant(contents, believed)
    rules = ChannelSet(one.name, found.serial, contents.texts)
    encoded, hashes = place.write_set(attempt.staged, rules, contents)
    place.store_bundle(attempt.staged, got.data)
    objections.write(attempt.staged, contents.objections)
    (attempt.staged / RELEASE).write_bytes(believed.served.leaf)
    installed = _installed(attempt, found.serial, contents, hashes)
    changed = msgspec.structs.replace(
        one,
        current=installed,
        previous=one.current,
        newest=installed,
        unvouched_root=one.unvouched_root if believed.vouched else believed.authority.version,
    )
    left_out = _commit(attempt, changed, rules, encoded, found)
    before = one.current.serial if one.current else None
    return Updated(one.name, installed, before, left_out, got.fetched, got.patched, contents.objections)


def use_again(attempt: Attempt, installed: Installed) -> Outcome:
    """Take a release that lies here into use again. Raises as `install`."""
    one = attempt.subscription
    before = one.current
    previous = before if before != installed else one.previous
    changed = msgspec.structs.replace(one, current=installed, previous=previous, newest=installed)
    _commit(attempt, changed, None, b"", attempt.place.newest(one))
    told: tuple[Objection, ...] = objections.read(attempt.place.release(installed))
    return Updated(attempt.place.name, installed, before.serial if before else None, objections=told)


def _installed(attempt: Attempt, serial: int, contents: Contents, hashes: int) -> Installed:
    assert attempt.staged is not None
    folder = f"{serial:08d}-{attempt.staged.name.lstrip('.')}"
    refused = sum(one.refused for one in contents.objections)
    return Installed(
        serial, folder, contents.rules, hashes, attempt.now_s(), len(contents.objections), refused
    )


def _check_meant(contents: Contents, believed: Believed) -> None:
    """That the bundle was built for this channel, and for no later release. Raises `PeerLied`."""
    serial, channel = believed.served.release.serial, believed.authority.charter.channel
    if contents.channel != channel or contents.serial > serial:
        raise PeerLied(
            f"the bundle was built for release {contents.serial} of channel {contents.channel}, and this is "
            f"release {serial} of {channel}"
        )


def _fetched(attempt: Attempt, believed: Believed) -> _Bundle:
    """The release's bundle, which is also what TUF's targets say."""
    target = believed.refreshed.files[layout.TARGET]
    sha256 = checks.same_bundles(believed.served.release, believed.refreshed.bundles)
    got = _bundle(attempt, sha256, target.length)
    try:
        target.verify_length_and_hashes(got.data)
    except LengthOrHashMismatchError as error:
        raise PeerLied(f"bundle: not what TUF's targets say: {error}") from None
    return got


def _bundle(attempt: Attempt, sha256: str, length: int) -> _Bundle:
    """The uncompressed bundle: the one that is here, by a patch, or whole. Raises `PeerLied` when it is another."""
    if length > layout.MAX_BUNDLE_BYTES:
        raise Malformed(f"bundle: {length:,} bytes are more than {layout.MAX_BUNDLE_BYTES:,}")
    newest = attempt.subscription.newest
    known = attempt.place.newest(attempt.subscription)
    if known and newest and (old := known.bundles.get(layout.TARGET)):
        stored = (attempt.place.release(newest) / BUNDLE).read_bytes()
        with suppress(LogError, WorkerDied, FileNotFoundError, PeerAtFault):  # the whole bundle will do
            return _from_old(attempt, stored, old, sha256, length)
    frame = content(attempt.source, layout.bundle(sha256), length + FRAME_OVERHEAD_BYTES)
    data = attempt.means.workers.unpack(Unpack(frame, sha256, length))
    checks.bundle(data, sha256)
    return _Bundle(data, len(frame), False)


def _from_old(attempt: Attempt, stored: bytes, old: str, sha256: str, length: int) -> _Bundle:
    workers = attempt.means.workers
    if old == sha256:
        data = workers.unpack(Unpack(stored, sha256, length))
        checks.bundle(data, sha256)
        return _Bundle(data, 0, False)
    frame = content(attempt.source, layout.patch(old, sha256), length + FRAME_OVERHEAD_BYTES)
    data = workers.unpack(Unpack(frame, sha256, length, stored, old))
    checks.bundle(data, sha256)
    return _Bundle(data, len(frame), True)


def _commit(
    attempt: Attempt, changed: Subscription, rules: ChannelSet | None, encoded: bytes, found: Release | None
) -> tuple[str, ...]:
    """Compile everything as it will be; make it durable; record it; then one rename of the index."""
    means = attempt.means
    index = _after(subscribed.read_index(means.data), changed, attempt.replaces)
    planned = active.recipe(means.data, index, encoded[8:40].hex(), rules.pack if rules else "")
    built = means.workers.build(planned.texts(rules), planned.names, means.tell)
    pack = active.finished(planned, built.pack)
    if attempt.staged and changed.current and rules:
        place.settle(attempt.staged, changed.current.folder)
        attempt.staged = None
    _record_installed(attempt, changed, found)
    _record_switch(attempt, changed)
    subscribed.write_index(means.data, index)
    with suppress(OSError):  # the next scan compiles it again
        active.keep(planned, pack)
    attempt.subscription = changed
    for name in filter(None, (attempt.place.name, attempt.replaces)):
        Place(means.data, name).sweep(index)
    return tuple(str(problem) for problem in built.problems)


def _after(index: Index, changed: Subscription, replaces: str) -> Index:
    index = index.with_one(changed)
    return index.without(replaces) if replaces else index


def _record_installed(attempt: Attempt, changed: Subscription, found: Release | None) -> None:
    if changed.current is None or found is None:
        return
    before, check = attempt.subscription.current, attempt.check
    facts: dict[str, str | int | list[str]] = {
        "what": "rules",
        "channel": changed.name,
        "serial": changed.current.serial,
        "release_sha256": hashlib.sha256(found.encode()).hexdigest(),
        "checkpoint": f"{check.seen_size} {check.seen_root}",
        "bundles": [f"{name} {sha256}" for name, sha256 in sorted(found.bundles.items())],
    }
    attempt.means.append(Kind.INSTALLED, facts | ({"previous": before.serial} if before else {}))


def _record_switch(attempt: Attempt, changed: Subscription) -> None:
    if attempt.replaces:
        facts = {"subject": "channel", "decision": "switched", "by": "user", "channel": changed.name}
        attempt.means.append(Kind.DECIDED, {**facts, "detail": [attempt.replaces, changed.url]})
