"""One release, judged from the bytes of its metadata and bundles: what is wrong with it, and what it says.

The checks are the archive cosigner's (`channel.inspection`); a monitor goes on after one that fails, and says all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tuf.api.metadata import Metadata, Root, Targets

from overt.channel import layout
from overt.channel.charter import Charter
from overt.channel.contents import Contents
from overt.channel.inspection import Followed, check_bundle, check_place, check_root, check_targets
from overt.channel.manifest import Manifest
from overt.channel.monitor.alarm import Alarm, Kind, readable
from overt.channel.monitor.record import Signer
from overt.channel.monitor.remembered import Remembered
from overt.channel.publisher.build import NEED_REASON
from overt.channel.publisher.keys import holder_of
from overt.channel.publisher.roles import parse, roles_of, root_charter
from overt.channel.release import Release
from overt.core.errors import ChannelError, Malformed, OvertError, PeerLied
from overt.sandbox.expendable import WorkerDied

NAMED = 8
"""Rules named in one text."""

Read = Callable[[bytes], Contents]
"""Bundle (uncompressed) → what it holds. Raises `Malformed`, `PeerLied`, `WorkerDied`."""


@dataclass(frozen=True, slots=True)
class Files:
    """What a release names: each is the file with the SHA-256 that the release states. Bundles are uncompressed."""

    root: bytes
    targets: bytes
    bundles: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of one release."""

    followed: Followed | None
    """The root in force afterwards."""
    alarms: tuple[Alarm, ...]
    rules: Contents | None
    """The bundle of rules, when it can be read."""
    signers: tuple[Signer, ...]
    targets_expire: str
    root_changes: tuple[str, ...]


def judge(
    release: Release,
    files: Files,
    before: Followed | None,
    trusted: bytes,
    origin: str,
    read: Read,
    review: Remembered,
) -> Judged:
    """Check a release after the root in force `before` it; `trusted`: the root that the operator gave as true."""
    alarms: list[Alarm] = []
    followed = _root(release, files.root, before, trusted, origin, alarms)
    told: tuple[str, ...] = ()
    if followed and followed is not before:
        earlier = before.root.signed if before else None
        told = tuple(map(readable, root_changes(earlier, followed.root.signed)))
        alarms += _about_root(release, followed, before, told)
    if followed:
        try:
            check_targets(files.targets, release, followed)
        except (OvertError, ValueError) as error:
            alarms.append(_false(release, error))
    rules = None
    for name, data in files.bundles.items():
        charter = root_charter(followed.root.signed) if followed else None
        found = _bundle(release, data, charter, read, review, alarms)
        rules = found if name == layout.TARGET else rules
    signers, expire = _signers(files, followed)
    return Judged(followed, tuple(alarms), rules, signers, expire, told)


def _root(
    release: Release,
    data: bytes,
    before: Followed | None,
    trusted: bytes,
    origin: str,
    alarms: list[Alarm],
) -> Followed | None:
    """The root in force with this release; a false one changes nothing."""
    try:
        start = parse(trusted, Root, "the root given")
        given = start.signed
        first = Followed(start, trusted) if given.version < release.root.version else None
        followed = check_root(data, release, before or first, origin)
        if given.version == followed.root.signed.version and trusted != data:
            raise PeerLied(f"root {given.version} of the release is not the root that this monitor was given")
        return followed
    except (OvertError, ValueError) as error:
        alarms.append(_false(release, error))
        return before


def _false(release: Release, error: Exception) -> Alarm:
    text = f"release {release.serial}: {error}"
    return Alarm(Kind.FALSE_RELEASE, _digest(text), text, release.serial, {"release.json": release.encode()})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _about_root(
    release: Release, followed: Followed, before: Followed | None, told: tuple[str, ...]
) -> Iterator[Alarm]:
    root = followed.root.signed
    charter = root_charter(root)
    was = before is not None and root_charter(before.root.signed).development
    if before:
        text = f"release {release.serial} brings root {root.version}: {'; '.join(told) or 'nothing else changed'}"
        yield Alarm(
            Kind.NEW_ROOT, release.root.sha256, text, release.serial, {"root.json": followed.root_bytes}
        )
    if charter.development and not was:
        text = f"release {release.serial}: {charter.warning}"
        yield Alarm(Kind.DEVELOPMENT, release.root.sha256, text, release.serial)


def root_changes(before: Root | None, after: Root) -> Iterator[str]:
    """What a root changes of the one before it, a clause each; of a first root, what it lays down."""
    old = dict(roles_of(before).items()) if before else {}
    for name, quorum in roles_of(after).items():
        keys = {key.keyid: holder_of(key) for key in quorum.keys}
        if name not in old:
            yield f"{name}: {quorum.threshold} of {', '.join(sorted(keys.values()))}"
            continue
        known = {key.keyid: holder_of(key) for key in old[name].keys}
        yield from (f"{name}: new key {keys[id]} {id[:8]}" for id in sorted(keys.keys() - known.keys()))
        yield from (f"{name}: key {known[id]} {id[:8]} is gone" for id in sorted(known.keys() - keys.keys()))
        if old[name].threshold != quorum.threshold:
            yield f"{name}: threshold {quorum.threshold}, {old[name].threshold} before"
    charter, earlier = root_charter(after), root_charter(before) if before else None
    if earlier and charter.development != earlier.development:
        yield "development mode is " + ("on" if charter.development else "off")
    lines = set(earlier.policy.splitlines()) if earlier else set()
    if earlier:
        now = charter.policy.splitlines()
        yield from (f"log policy: new line “{line}”" for line in now if line not in lines)
        yield from (
            f"log policy: line “{line}” is gone" for line in earlier.policy.splitlines() if line not in now
        )


def _bundle(
    release: Release,
    data: bytes,
    charter: Charter | None,
    read: Read,
    review: Remembered,
    alarms: list[Alarm],
) -> Contents | None:
    """One bundle: readable, this channel's, its manifest true, its reasons written."""
    try:
        found = read(data)
    except (Malformed, PeerLied) as error:
        alarms.append(_false(release, error))
        return None
    except WorkerDied as error:
        alarms.append(_about(Kind.UNREADABLE, release, f"the bundle could not be read: {error}"))
        return None
    review.last = ()
    if charter is None:
        return found
    try:
        check_place(found.manifest, release.serial, charter)
    except PeerLied as error:
        alarms.append(_false(release, error))
        return found
    try:
        check_bundle(found, release.serial, charter, review)
    except PeerLied as error:
        alarms.append(_about(Kind.REVIEW_MISMATCH, release, str(error)))
    except ChannelError:
        pass  # said by `_without_reason`, for what this review says as well as for what the manifest does
    except (WorkerDied, Malformed) as error:
        alarms.append(_about(Kind.UNREADABLE, release, f"the rules could not be reviewed: {error}"))
    if lacking := _without_reason(found.manifest, review):
        more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
        text = f"published without a reason: {', '.join(lacking[:NAMED])}{more}"
        alarms.append(_about(Kind.NO_REASON, release, text))
    return found


def _about(kind: Kind, release: Release, text: str) -> Alarm:
    """The same finding in a later release that carries the same rules on is the same occasion."""
    return Alarm(kind, _digest(text), f"release {release.serial}: {text}", release.serial)


def _without_reason(contents: Manifest, review: Remembered) -> list[str]:
    """Rules and lists that their manifest's review, or this monitor's, does not pass, without a written reason."""
    mine = {(one.source, one.rule): one.level.value for one in review.last}
    lacking = []
    for rule in contents.rules:
        said = rule.review.get("level")
        levels = {said, mine.get((rule.file, rule.name))} & set(NEED_REASON)
        if levels and not (rule.override or "").strip():
            lacking.append(f"{rule.name} ({' / '.join(sorted(map(str, levels)))})")
    for item in contents.hashes:
        if item.review.get("level") in NEED_REASON and not (item.override or "").strip():
            lacking.append(f"{item.file} ({item.review['level']})")
    return lacking


def _signers(files: Files, followed: Followed | None) -> tuple[tuple[Signer, ...], str]:
    """Who signed root and targets, each signature verified; and when targets expire."""
    if followed is None:
        return (), ""
    root = followed.root.signed
    try:
        targets = parse(files.targets, Targets, "targets")
    except (OvertError, ValueError):
        return tuple(signed("root", root, followed.root)), ""
    made = (*signed("targets", root, targets), *signed("root", root, followed.root))
    return made, f"{targets.signed.expires:%Y-%m-%d}"


def signed(role: str, root: Root, metadata: Metadata[Targets] | Metadata[Root]) -> Iterator[Signer]:
    """Whose signatures on `metadata` are good by `root`, in `role`."""
    result = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    for key in result.signed.values():
        yield Signer(role, readable(holder_of(key)), readable(key.keyid))
