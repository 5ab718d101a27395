"""From a served proof to a release that is believed: the steps of `checks` in their order, with what they need read.

First what one file tells (steps 1 to 5 of docs/updates.md), then TUF's metadata and the policy of its root (6 to 8).
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from overt.channel.client import checks, metadata
from overt.channel.client.attempt import Attempt
from overt.channel.client.checks import Authority, Served, Witnessed
from overt.channel.client.metadata import Refreshed
from overt.channel.client.place import METADATA
from overt.channel.client.source import tiles
from overt.channel.release import Release
from overt.core.errors import Unproven
from overt.rules import subscribed
from overt.store import atomic


@dataclass(frozen=True, slots=True)
class Announced:
    """A proof and its release; `witnessed` by the policy that is held, or None: only a newer root may still say so."""

    data: bytes
    held: Authority
    served: Served
    witnessed: Witnessed | None
    now_s: int


@dataclass(frozen=True, slots=True)
class Believed:
    """A release that everybody gets, with the metadata that names its bundles. `vouched`: by the witnesses before."""

    served: Served
    authority: Authority
    refreshed: Refreshed
    vouched: bool


def announced(attempt: Attempt, data: bytes) -> Announced:
    """What the proof `data` says, by the policy that is held. Raises as `checks`."""
    held = attempt.place.authority(attempt.subscription)
    served = checks.read(data)
    now_s = attempt.now_s()
    found = Announced(data, held, served, _witnessed(served, held, now_s), now_s)
    if found.witnessed:
        _accept(attempt, found.witnessed, held, data)
    return found


def believed(attempt: Attempt, found: Announced) -> Believed:
    """TUF's metadata for it, and that its root's own policy holds too. Raises as `checks`; stages a release."""
    attempt.place.sweep(subscribed.read_index(attempt.means.data))
    refreshed = _refreshed(attempt, found.served.release, found.held)
    authority = checks.authority(refreshed.root)
    checks.successor(found.held, authority)
    again = checks.witnessed(found.served, authority.policy, found.now_s)
    if not found.witnessed:
        _check_accepted(attempt, authority, found.held)
    _accept(attempt, again, authority, found.data)
    return Believed(found.served, authority, refreshed, vouched=found.witnessed is not None)


def _witnessed(served: Served, held: Authority, now_s: int) -> Witnessed | None:
    try:
        return checks.witnessed(served, held.policy, now_s)
    except Unproven:
        if served.release.root.version <= held.version:
            raise
        return None


def _check_accepted(attempt: Attempt, authority: Authority, held: Authority) -> None:
    """A root may name other witnesses only when those before vouch for the release that says so, or the user does.
    Raises `Unproven`."""
    if attempt.subscription.accepted_root != authority.sha256:
        raise Unproven(
            f"root {authority.version} of this channel names a log key or witnesses that those of root "
            f"{held.version} don't vouch for: whoever has the root keys could have made them for this machine. "
            f"If the publisher announced the root with SHA-256 {authority.sha256}: overt channel policy "
            f"{attempt.place.name} --accept-root {authority.sha256}"
        )


def _accept(attempt: Attempt, witnessed: Witnessed, by: Authority, data: bytes) -> None:
    """Inclusion, newest, growth; then remember this checkpoint, also when something later fails."""
    found = checks.newest(checks.included(witnessed))
    known = attempt.subscription.newest
    head = checks.grown(found, attempt.check.seen, tiles(attempt.source), known.serial if known else -1)
    attempt.check = msgspec.structs.replace(
        attempt.check,
        seen_size=head.size,
        seen_root=head.root.hex(),
        cosigned=witnessed.accepted.cosigned_s,
        witnesses=len(by.policy.witnesses),
        fresh_until_s=checks.fresh_until(witnessed, by.policy),
        last_cosigned_s=max((time for _, time in witnessed.accepted.cosigned_s), default=0),
        channel=by.charter.channel,
        warning=by.charter.warning,
    )
    proof = attempt.place.proof
    if not proof.exists() or proof.read_bytes() != data:
        atomic.write(proof, data)
    attempt.check = msgspec.structs.replace(attempt.check, etag=attempt.etag)


def _refreshed(attempt: Attempt, found: Release, held: Authority) -> Refreshed:
    """TUF, then that its root and targets are the release's (TUF 1.0.34, 5.3 to 5.6)."""
    attempt.staged = attempt.place.stage()
    folder = attempt.staged / METADATA
    if attempt.subscription.newest:
        metadata.carry_over(attempt.place.release(attempt.subscription.newest) / METADATA, folder)
    refreshed = metadata.refresh(folder, attempt.source, held.root)
    checks.pinned("root.json", refreshed.root, checks.authority(refreshed.root).version, found.root)
    checks.pinned("targets.json", refreshed.targets, refreshed.targets_version, found.targets)
    return refreshed
