"""How a channel stands: what is published, what expires when, who may sign, and what waits for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from overt.channel import layout
from overt.channel.publisher import proposal, propose, roles, state
from overt.channel.publisher.desk import Desk
from overt.channel.publisher.keys import holder_of
from overt.channel.publisher.state import State
from overt.tlog import proof
from overt.tlog.policy import Policy
from overt.tlog.signing import verify

COSIGNATURE_LIFE = timedelta(hours=24)
"""Clients refuse older cosignatures."""


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """One TUF role: version in force (0: none yet), expiry, holders and threshold."""

    role: str
    version: int
    expires: datetime | None
    holders: tuple[str, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class WitnessStatus:
    """One witness, and when it cosigned what clients get now (None: it has not)."""

    name: str
    cosigned: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    """A channel's state. `size`: releases in the log; `served`: serial that clients get, None before the first."""

    channel: str
    origin: str
    warning: str
    size: int
    served: int | None
    roles: tuple[RoleStatus, ...]
    log_keys: tuple[str, ...]
    """As verifier keys: what a witness, and whoever follows the log, needs."""
    witnesses: tuple[WitnessStatus, ...]
    cosigned_until: datetime | None
    """Until when clients accept what is served; None without witnesses, or before a quorum cosigned."""
    faults_tolerated: int | None
    outages_tolerated: int
    interrupted: bool
    """A release or renewal is decided and not wholly in the tree."""
    missing: tuple[str, ...]
    """Signatures that the proposal waits for."""
    proposed: tuple[str, ...]


def status(desk: Desk) -> Status:
    """How the channel in the folder stands. Raises `ChannelError` when there is none."""
    with desk.locked():
        present = state.read(desk)
        proposed = propose.read(desk, present)
        root = present.root.signed if present else proposed.new_root
        charter = roles.root_charter(root)
        policy = state.policy_of(charter)
        cosigned, served = _served(desk, present)
        return Status(
            channel=charter.channel,
            origin=charter.origin,
            warning=charter.warning,
            size=present.head.size if present else 0,
            served=served,
            roles=_roles(present, roles.roles_of(root)),
            log_keys=tuple(log.key.encode() for log in policy.logs),
            cosigned_until=_until(policy, cosigned),
            witnesses=tuple(WitnessStatus(one.name, cosigned.get(one.name)) for one in policy.witnesses),
            faults_tolerated=policy.faults_tolerated,
            outages_tolerated=policy.outages_tolerated,
            interrupted=bool(present and present.waiting),
            missing=tuple(str(one) for one in proposal.missing(proposed)),
            proposed=tuple(f"{role} {metadata.signed.version}" for role, metadata in proposed.documents()),
        )


def _until(policy: Policy, cosigned: Mapping[str, datetime]) -> datetime | None:
    """When the youngest cosignature that completes a quorum is too old for clients."""
    names: set[str] = set()
    for name, time in sorted(cosigned.items(), key=lambda one: one[1], reverse=True):
        names.add(name)
        if policy.satisfied_by(names):
            return time + COSIGNATURE_LIFE
    return None


def _roles(present: State | None, trusted: roles.Roles) -> tuple[RoleStatus, ...]:
    found = []
    for name, quorum in trusted.items():
        signed = getattr(present, name).signed if present else None
        holders = tuple(sorted(holder_of(key) for key in quorum.keys))
        version, expires = (signed.version, signed.expires) if signed else (0, None)
        found.append(RoleStatus(name, version, expires, holders, quorum.threshold))
    return tuple(found)


def _served(desk: Desk, present: State | None) -> tuple[dict[str, datetime], int | None]:
    """When each witness cosigned the proof that is served, and for which serial."""
    path = desk.public / layout.PROOF
    if present is None or not path.exists():
        return {}, None
    served = proof.parse(path.read_bytes())
    names = {witness.key: witness.name for witness in present.policy.witnesses}
    times = {
        names[one.key]: datetime.fromtimestamp(one.timestamp_s or 0, desk.now().tzinfo)
        for one in verify(served.checkpoint, names)
    }
    return times, served.index
