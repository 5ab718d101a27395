"""How a channel is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from overt.channel.manifest import Manifest
from overt.channel.publisher.status import RoleStatus, Status
from overt.channel.release import Release
from overt.cli.quantities import counted

SCHEMA = "overt-channel-status/1"
SOON = {"root": timedelta(days=60), "targets": timedelta(days=10), "snapshot": timedelta(days=7)}
"""Less time left than this, and status says so; a timestamp lives two days by design."""


def counted_bundle(manifest: Manifest) -> str:
    """`12 rules, 3 hashes`."""
    hashes = sum(item.entries for item in manifest.hashes)
    return f"{counted(len(manifest.rules), 'rule')}, {counted(hashes, 'hash', 'es')}"


def release(published: Release) -> Iterator[str]:
    """What clients get now."""
    yield f"published release {published.serial}"
    yield f"  root {published.root.version} {published.root.sha256}"
    yield f"  targets {published.targets.version} {published.targets.sha256}"
    for name, sha256 in published.bundles.items():
        yield f"  {name} {sha256}"


def status(found: Status, now: datetime) -> Iterator[str]:
    """The whole, one fact a line."""
    yield f"channel {found.channel}, log {found.origin}"
    yield from (f"log key {key}" for key in found.log_keys)
    if found.warning:
        yield f"DEVELOPMENT: {found.warning}"
    yield f"releases in the log: {found.size}; clients get " + (
        "none yet" if found.served is None else f"release {found.served}"
    )
    for role in found.roles:
        yield f"{role.role:<10} {_life(role, now):<38} {role.threshold} of {', '.join(role.holders)}"
    for witness in found.witnesses:
        when = f"cosigned {witness.cosigned:%Y-%m-%d %H:%M} UTC" if witness.cosigned else "has not cosigned"
        yield f"witness    {witness.name}: {when}"
    yield _tolerance(found)
    if found.cosigned_until:
        yield f"clients    accept what is served until {found.cosigned_until:%Y-%m-%d %H:%M} UTC: 'overt channel renew'"
    if found.proposed:
        yield f"proposed   {', '.join(found.proposed)}"
    yield from (f"missing    {one}" for one in found.missing)
    if found.interrupted:
        yield "interrupted: a release is decided and not wholly public: run 'overt channel publish' to go on"
    yield from soon(found, now)


def _life(role: RoleStatus, now: datetime) -> str:
    if role.expires is None:
        return "not published yet"
    left = role.expires - now
    said = f"{left.days} days" if left.days >= 3 else f"{left // timedelta(hours=1)} hours"
    return (
        f"version {role.version}, {said} left" if left > timedelta(0) else f"version {role.version}, EXPIRED"
    )


def _tolerance(found: Status) -> str:
    if not found.witnesses:
        return "witnesses  none: nobody but the publisher vouches that all clients see the same log"
    if found.faults_tolerated is None:
        return "quorum     two quorums need not share a witness: the log could be shown in two versions"
    faulty = counted(found.faults_tolerated, "faulty witness", "es")
    return f"quorum     tolerates {faulty}, and {found.outages_tolerated} out of reach"


def soon(found: Status, now: datetime) -> Iterator[str]:
    """What must be done before it is too late."""
    for role in found.roles:
        if role.expires and role.role in SOON and role.expires - now < SOON[role.role]:
            how = {"root": "'overt channel rotate'", "targets": "a new bundle"}.get(
                role.role, "'overt channel renew'"
            )
            yield f"{role.role} expires on {role.expires:%Y-%m-%d}: {how} renews it"


def overdue(found: Status, now: datetime) -> bool:
    """Whether clients refuse the channel now."""
    expired = any(role.expires is not None and role.expires <= now for role in found.roles)
    witnessed = bool(found.witnesses) and found.served is not None
    return expired or (witnessed and (found.cosigned_until is None or found.cosigned_until <= now))


def as_json(found: Status) -> str:
    """The schema `overt-channel-status/1`."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "channel": found.channel,
            "origin": found.origin,
            "development": bool(found.warning),
            "size": found.size,
            "served": found.served,
            "roles": [
                {
                    "role": role.role,
                    "version": role.version,
                    "expires": role.expires.isoformat() if role.expires else None,
                    "holders": list(role.holders),
                    "threshold": role.threshold,
                }
                for role in found.roles
            ],
            "log_keys": list(found.log_keys),
            "cosigned_until": found.cosigned_until.isoformat() if found.cosigned_until else None,
            "witnesses": [
                {"name": one.name, "cosigned": one.cosigned.isoformat() if one.cosigned else None}
                for one in found.witnesses
            ],
            "faults_tolerated": found.faults_tolerated,
            "outages_tolerated": found.outages_tolerated,
            "interrupted": found.interrupted,
            "proposed": list(found.proposed),
            "missing": list(found.missing),
        }
    )
