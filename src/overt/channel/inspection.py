"""Whether a release and its bundles are what they say, judged from their bytes alone.

What is checked of a release: its root names this log and is followed from the root before it by TUF's rules (1.0.34,
5.3), its targets are signed by that root's threshold and name the bundles. Of a bundle: that it is this channel's, and
that whoever builds its manifest again from the rules in it gets the same: every rule, its text's hash, its author and
licence, and the review's result; every list of hashes, and the review that its declared content gets. What the review
does not pass needs a written reason.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace
from tuf.api.metadata import Metadata, Root, Targets

from overt.channel import manifest
from overt.channel.charter import Charter
from overt.channel.contents import Contents
from overt.channel.manifest import HashList, Manifest, Rule
from overt.channel.publisher.build import NEED_REASON, TOOL, Reviewer
from overt.channel.publisher.roles import parse, root_charter
from overt.channel.release import Pinned, Release
from overt.core.errors import ChannelError, PeerLied
from overt.rules.review import RuleReview
from overt.rules.review.hashes import review_hashes

Entry = Rule | HashList

SHOWN = 5
"""Rules named in one message."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What the next release is judged from: the root in force."""

    root: Metadata[Root]
    root_bytes: bytes


def check_pinned(data: bytes, pinned: Pinned, what: str) -> None:
    """That `data` is the file that the release names. Raises `PeerLied`."""
    if hashlib.sha256(data).hexdigest() != pinned.sha256:
        raise PeerLied(f"{what} {pinned.version} is not the file that the release names")


def check_root(data: bytes, release: Release, before: Followed | None, origin: str) -> Followed:
    """The root of `release`, which is the one in force or its successor. Raises `PeerLied`, `ChannelError`.

    The first root of a channel is believed, as far as it signs itself: the operator compares it (`status` shows it).
    """
    check_pinned(data, release.root, "root")
    if before and data == before.root_bytes:
        return before
    root = parse(data, Root, "root")
    signers = [("itself", root.signed)]
    if before:
        signers.append(("the root before it", before.root.signed))
        if root.signed.version != before.root.signed.version + 1:
            raise PeerLied(f"root {before.root.signed.version} is followed by root {root.signed.version}")
        if root_charter(root.signed).channel != root_charter(before.root.signed).channel:
            raise PeerLied("the channel changed its name")
    if root.signed.version != release.root.version:
        raise PeerLied(f"root {release.root.version} of the release says it is {root.signed.version}")
    for whose, trusted in signers:
        if not trusted.get_verification_result("root", root.signed_bytes, root.signatures):
            raise PeerLied(f"root {root.signed.version} lacks the signatures that {whose} demands")
    if root_charter(root.signed).origin != origin:
        raise PeerLied(f"root {root.signed.version} is for another log than {origin}")
    return Followed(root, data)


def check_targets(data: bytes, release: Release, followed: Followed) -> None:
    """That targets are signed by the root and name exactly the release's bundles. Raises `PeerLied`, `ChannelError`."""
    check_pinned(data, release.targets, "targets")
    targets = parse(data, Targets, "targets")
    root = followed.root.signed
    if targets.signed.version != release.targets.version:
        raise PeerLied(
            f"targets {release.targets.version} of the release says it is {targets.signed.version}"
        )
    if not root.get_verification_result("targets", targets.signed_bytes, targets.signatures):
        raise PeerLied(f"targets {targets.signed.version} lacks the signatures that root demands")
    named = {name: target.hashes.get("sha256") for name, target in targets.signed.targets.items()}
    if named != dict(release.bundles):
        raise PeerLied(f"targets {targets.signed.version} names other bundles than the release")


def check_bundle(found: Contents, serial: int, charter: Charter, review: Reviewer) -> None:
    """That a bundle, as it was read, is this channel's and its manifest true; `serial`: the release that names it.

    Raises `PeerLied`, `ChannelError` for a rule that the review did not pass and nobody explained, and what `review`
    raises.
    """
    check_place(found.manifest, serial, charter)
    if found.broken:
        raise PeerLied(found.broken)
    contents = found.manifest
    built = f" (built by {contents.tool}, reviewed by {TOOL})" if contents.tool != TOOL else ""
    _check_rules(found, review, built)
    _check_lists(found)
    reviewed = [(rule.name, rule.review.get("level"), rule.override) for rule in contents.rules]
    reviewed += [(item.file, item.review.get("level"), item.override) for item in contents.hashes]
    lacking = [
        f"{name}: {level}"
        for name, level, why in reviewed
        if level in NEED_REASON and not (why or "").strip()
    ]
    if lacking:
        first = ", ".join(lacking[:SHOWN])
        raise ChannelError(
            f"the review did not pass {len(lacking)} rules, and no reason is written ({first})"
        )


def check_place(contents: Manifest, serial: int, charter: Charter) -> None:
    """That a bundle is this channel's, and not from the future. Raises `PeerLied`."""
    if contents.channel != charter.channel:
        raise PeerLied(f"the bundle is of channel {contents.channel!r}, not {charter.channel!r}")
    if contents.serial > serial:
        raise PeerLied(f"the bundle was built for release {contents.serial}, and this is {serial}")


def _check_rules(found: Contents, review: Reviewer, built: str) -> None:
    """Make the manifest's rules again; overrides are as stated, since nothing else says them."""
    stated = {(rule.file, rule.name): rule for rule in found.manifest.rules}
    reviews = {(one.source, one.rule): _judgement(one) for one in review(found.texts)}
    true = {}
    for rule in found.rules:
        key = rule.file, rule.name
        override = stated[key].override if key in stated else None
        true[key] = replace(rule, review=reviews.get(key, manifest.NOT_REVIEWED), override=override)
    wrong = [key for key in sorted(stated.keys() | true.keys()) if stated.get(key) != true.get(key)]
    if wrong or len(stated) != len(found.manifest.rules):
        first = ", ".join(f"{key[1]}: {_difference(stated.get(key), true.get(key))}" for key in wrong[:SHOWN])
        raise PeerLied(
            f"the manifest is not true of {len(wrong)} rules{built}: {first or 'one is listed twice'}"
        )


def _judgement(review: RuleReview) -> dict[str, Any]:
    told = review.to_json()
    return {key: told[key] for key in ("level", "score", "grounds")}


def _difference(stated: Entry | None, true: Entry | None) -> str:
    if stated is None:
        return "not listed"
    if true is None:
        return "not in its file"
    for field in stated.__struct_fields__:
        said, found = getattr(stated, field), getattr(true, field)
        if said != found:
            return f"{field} is {_short(found)}, not {_short(said)}"
    return "the same"


def _short(value: Any) -> str:
    shown = value.get("level", value) if isinstance(value, dict) else value
    return repr(shown)[:80]


def _check_lists(found: Contents) -> None:
    """Each list is what the manifest says, with the review that the content declared for it gets: a hash does not tell
    what it is of, so the publisher must, and everyone can read that."""
    if len(found.manifest.hashes) != len(found.lists):
        raise PeerLied("the manifest is not true of the lists of hashes")
    for stated, true in zip(found.manifest.hashes, found.lists, strict=True):
        review = _judgement(review_hashes(stated.part, stated.file, true.entries, stated.content))
        if stated != replace(true, review=review):
            raise PeerLied(
                f"the manifest is not true of {stated.file}: {_difference(stated, replace(true, review=review))}"
            )
