"""What is checked before a release is believed, in this order; pure: no file, no network, no clock.

    read → witnessed → included → newest → grown → (TUF refresh, `metadata`) → pinned

Each step takes what the one before returned, so that none can be left out. A step raises `PeerLied` (false),
`Malformed` (not in its format) or `Unproven` (a signature that is needed is absent, too few or too old).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root

from overt.channel import layout, release
from overt.channel.charter import Charter, charter_of
from overt.channel.release import Pinned, Release
from overt.core.errors import Malformed, PeerLied, Unproven
from overt.tlog import policy_file, proof
from overt.tlog.merkle import TreeHead, leaf_hash, verify_inclusion
from overt.tlog.policy import Accepted, Policy
from overt.tlog.proof import LogProof
from overt.tlog.reader import LogReader
from overt.tlog.text import MAX_NUMBER
from overt.tlog.tiles import Fetch

MAX_COSIGNATURE_AGE_S = 24 * 3600
"""Seconds after which a cosignature no longer shows that a release is the newest: so long can a mirror freeze us."""
MAX_AHEAD_S = 600
"""Seconds that a witness's clock may be ahead of this machine's."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A root that TUF verified (or the trust anchor), and what it lays down."""

    root: bytes
    version: int
    charter: Charter
    policy: Policy

    @property
    def sha256(self) -> str:
        """Of the root file, in lower-case hexadecimal."""
        return hashlib.sha256(self.root).hexdigest()


@dataclass(frozen=True, slots=True)
class Served:
    """A parsed proof and the release in it; nothing is known of either yet."""

    proof: LogProof
    release: Release

    @property
    def leaf(self) -> bytes:
        """The release's bytes."""
        return self.proof.extra


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The log signed the checkpoint and a quorum of witnesses cosigned it lately."""

    served: Served
    accepted: Accepted

    @property
    def head(self) -> TreeHead:
        """The log's tree."""
        return self.accepted.checkpoint.head


@dataclass(frozen=True, slots=True)
class Included:
    """The release is in that log."""

    witnessed: Witnessed


@dataclass(frozen=True, slots=True)
class Newest:
    """It is the last one."""

    witnessed: Witnessed


def authority(root: bytes) -> Authority:
    """What a root file lays down; whether it may is for TUF. Raises `Malformed`."""
    try:
        metadata: Metadata[Root] = Metadata.from_bytes(root)
    except RepositoryError as error:
        raise Malformed(f"root metadata: {error}") from None
    if not isinstance(metadata.signed, Root):
        raise Malformed("root metadata: it is metadata of another role")
    charter = charter_of(metadata.signed.unrecognized_fields)
    policy = policy_file.parse(charter.policy.encode("utf-8", "surrogateescape"))
    if not policy.logs or any(log.key.name != charter.origin for log in policy.logs):
        raise Malformed("root metadata: its log policy has no log, or one of another origin")
    return Authority(root, metadata.signed.version, charter, policy)


def successor(old: Authority, new: Authority) -> None:
    """That the root `new`, which TUF verified after `old`, is of the same channel. Raises `PeerLied`."""
    if (new.charter.channel, new.charter.origin) != (old.charter.channel, old.charter.origin):
        raise PeerLied(
            f"root {new.version} names the channel {new.charter.channel} with the log {new.charter.origin}, and root "
            f"{old.version} named {old.charter.channel} with {old.charter.origin}"
        )


def read(data: bytes) -> Served:
    """Parse `latest.tlog-proof` (c2sp.org/tlog-proof, "Format"); `extra` is the release. Raises `Malformed`."""
    if len(data) > layout.MAX_PROOF_BYTES:
        raise Malformed(f"log proof: {len(data):,} bytes are more than {layout.MAX_PROOF_BYTES:,}")
    parsed = proof.parse(data)
    return Served(parsed, release.parse(parsed.extra))


def witnessed(served: Served, policy: Policy, now_s: int) -> Witnessed:
    """The log's signature, then the quorum, with cosignatures under 24 hours old (c2sp.org/tlog-proof, "Verifying a
    tlog proof"; c2sp.org/tlog-policy). Raises `Unproven`, `PeerLied`."""
    note = served.proof.checkpoint
    try:
        accepted = policy.accept(note, now_s - MAX_COSIGNATURE_AGE_S, now_s + MAX_AHEAD_S)
    except Unproven as error:
        raise Unproven(f"{error}{_about_time(served, policy, now_s)}") from None
    return Witnessed(served, accepted)


def fresh_until(found: Witnessed, policy: Policy) -> int:
    """Until when (seconds since the Epoch) a quorum of the cosignatures is young enough: when the youngest that
    completes a quorum is 24 hours old. A policy without witnesses never ages: `MAX_NUMBER`."""
    names: set[str] = set()
    for name, time_s in sorted(found.accepted.cosigned_s, key=lambda one: -one[1]):
        if policy.satisfied_by(names):
            break
        names.add(name)
        oldest_s = time_s
    return oldest_s + MAX_COSIGNATURE_AGE_S if names else MAX_NUMBER


def _about_time(served: Served, policy: Policy, now_s: int) -> str:
    """When time is the only thing that is wrong: by how much."""
    try:
        times = [time for _, time in policy.accept(served.proof.checkpoint).cosigned_s]
    except Unproven:
        return ""
    hours = (now_s - max(times, default=now_s)) / 3600
    if hours < 0:
        return f"; by this machine's clock the newest is {-hours:.1f} hours in the future: set the clock"
    return (
        f"; by this machine's clock the newest is {hours:.1f} hours old, and at most "
        f"{MAX_COSIGNATURE_AGE_S // 3600} are allowed: the mirror is frozen, the publisher rests, or the clock is wrong"
    )


def included(found: Witnessed) -> Included:
    """The inclusion proof of the release (RFC 9162, 2.1.3.2). Raises `PeerLied`."""
    served = found.served
    verify_inclusion(leaf_hash(served.leaf), served.proof.index, found.head, served.proof.hashes)
    return Included(found)


def newest(found: Included) -> Newest:
    """That the release is the log's last leaf and says so itself: older ones are refused. Raises `PeerLied`."""
    served, size = found.witnessed.served, found.witnessed.head.size
    if not served.release.serial == served.proof.index == size - 1:
        raise PeerLied(
            f"release {served.release.serial} at index {served.proof.index} is not the newest of a log of {size}"
        )
    return Newest(found.witnessed)


def grown(found: Newest, seen: TreeHead | None, fetch: Fetch, known_serial: int = -1) -> TreeHead:
    """That the log only appended since `seen`, by its tiles (RFC 9162, 2.1.4.2; c2sp.org/tlog-tiles).

    `known_serial`: the newest release that was installed. Returns the new head. Raises `PeerLied`, `Malformed`, and
    what `fetch` (path below the log's prefix → bytes) raises.
    """
    head = found.witnessed.head
    if head.size <= known_serial:
        raise PeerLied(
            f"the log ends with release {head.size - 1}, and release {known_serial} is installed here: a rollback"
        )
    if seen is None or seen == head:
        return head
    if seen.size >= head.size:
        shrunk = f"shrank from release {seen.size - 1} to {head.size - 1}"
        what = shrunk if seen.size > head.size else "was rewritten"
        raise PeerLied(f"the log {what}: a rollback, or a log made for this machine")
    try:
        LogReader(head, fetch).extends(seen)
    except PeerLied as error:
        raise PeerLied(
            f"the log was not shown to continue the one seen here before, to release {seen.size - 1}: it was "
            f"rewritten, or made for this machine, or its tiles are damaged ({error})"
        ) from None
    return head


def pinned(name: str, data: bytes, version: int, wanted: Pinned) -> None:
    """That a TUF metadata file, as stored, is the one that the release names. Raises `PeerLied`."""
    sha256 = hashlib.sha256(data).hexdigest()
    if (version, sha256) != (wanted.version, wanted.sha256):
        raise PeerLied(
            f"{name} version {version} with the SHA-256 {sha256} is not in the log: the newest release names version "
            f"{wanted.version} with {wanted.sha256}"
        )


def same_bundles(wanted: Release, signed: Mapping[str, str]) -> str:
    """That TUF's targets are the release's bundles; returns the rules' SHA-256. Raises `PeerLied`, `Malformed`."""
    if dict(wanted.bundles) != dict(signed):
        raise PeerLied("the targets that TUF signed are not the bundles that the release names")
    if layout.TARGET not in wanted.bundles:
        raise Malformed(f"release {wanted.serial} has no {layout.TARGET}")
    return wanted.bundles[layout.TARGET]


def bundle(data: bytes, sha256: str) -> None:
    """That an uncompressed bundle is the one that the release names. Raises `PeerLied`."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise PeerLied(f"the bundle has the SHA-256 {found}, and the release names {sha256}")
