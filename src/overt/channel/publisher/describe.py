"""What a proposal means, in lines for the person who is about to sign it: never only hashes, never without them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tuf.api.metadata import Root

from overt.channel import bundle, layout
from overt.channel.publisher import roles
from overt.channel.publisher.keys import holder_of
from overt.channel.publisher.proposal import Proposal
from overt.channel.publisher.roles import Quorum
from overt.core.errors import ChannelError


def lines(proposed: Proposal) -> Iterator[str]:
    """The proposal, one fact a line. Raises `ChannelError` for a root without a charter."""
    charter = roles.root_charter(proposed.new_root)
    yield f"channel {charter.channel}, log {charter.origin}"
    if charter.warning:
        yield f"DEVELOPMENT: {charter.warning}"
    if proposed.root:
        yield from _root(proposed.root.signed, proposed.previous.signed if proposed.previous else None)
    if proposed.targets:
        signed = proposed.targets.signed
        yield f"targets {signed.version}, expires {signed.expires:%Y-%m-%d}"
        for name, target in signed.targets.items():
            yield f"  {name}: {target.length:,} bytes, sha256 {target.hashes['sha256']}"
    for role, metadata in proposed.documents():
        yield f"{role} to sign: sha256 {hashlib.sha256(metadata.signed_bytes).hexdigest()}"


def bundle_lines(proposed: Proposal, data: bytes) -> Iterator[str]:
    """What is in the bundle that the proposal names. Raises `ChannelError` when `data` is another one, `Malformed`."""
    sha256 = hashlib.sha256(data).hexdigest()
    named = proposed.targets.signed.targets if proposed.targets else {}
    if layout.TARGET not in named or named[layout.TARGET].hashes["sha256"] != sha256:
        raise ChannelError(f"the bundle given has sha256 {sha256}: it is not what is to be signed")
    contents = bundle.read(data).manifest
    hashes = sum(item.entries for item in contents.hashes)
    rules = _counted(len(contents.rules), "rule")
    yield f"bundle for release {contents.serial}: {rules}, {_counted(hashes, 'hash', 'es')}"
    for part in contents.parts:
        yield f"  {part.name}: by {part.author}, {part.licence}, from {part.origin}"
    for rule in contents.rules:
        if rule.override:
            yield f"  OVERRIDE {rule.name}: refused by the review, published because: {rule.override}"
    for revoked in contents.revoked:
        yield f"  revoked since release {revoked.serial}: {revoked.rule}: {revoked.reason}"


def _root(root: Root, previous: Root | None) -> Iterator[str]:
    yield f"root {root.version}, expires {root.expires:%Y-%m-%d}"
    before = dict(roles.roles_of(previous).items()) if previous else {}
    for name, quorum in roles.roles_of(root).items():
        yield f"  {name}: {quorum.threshold} of {_names(quorum)}"
        if name in before:
            yield from _difference(name, before[name], quorum)
    policy = roles.root_charter(root).policy
    old_policy = roles.root_charter(previous).policy if previous else ""
    yield "  log policy:" if policy != old_policy else "  log policy: unchanged"
    if policy != old_policy:
        yield from (f"    {line}" for line in policy.splitlines())


def _difference(name: str, old: Quorum, new: Quorum) -> Iterator[str]:
    before, after = {k.keyid: k for k in old.keys}, {k.keyid: k for k in new.keys}
    for keyid in sorted(after.keys() - before.keys()):
        yield f"    NEW in {name}: {holder_of(after[keyid])} {keyid}"
    for keyid in sorted(before.keys() - after.keys()):
        yield f"    GONE from {name}: {holder_of(before[keyid])} {keyid}"
    if old.threshold != new.threshold:
        yield f"    THRESHOLD of {name}: {old.threshold} before"


def _names(quorum: Quorum) -> str:
    return ", ".join(f"{holder_of(key)} {key.keyid[:8]}" for key in quorum.keys)


def _counted(number: int, what: str, ending: str = "s") -> str:
    return f"{number:,} {what}{'' if number == 1 else ending}"
