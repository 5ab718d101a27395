"""Trust policies (c2sp.org/tlog-policy): which logs, which witnesses, and which of them together are enough."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from overt.core.errors import Malformed, Unproven
from overt.tlog.checkpoint import Checkpoint
from overt.tlog.keys import SignatureType, VerifierKey
from overt.tlog.note import Note
from overt.tlog.quorum import Group, blockers, overlap, satisfied
from overt.tlog.signing import Verified, signed_checkpoint, verify
from overt.tlog.text import shown

NONE = "none"
"""The quorum that needs no cosignature; no witness and no group may have this name."""

MAX_MEMBERS = 1024
"""Logs, witnesses and groups that a policy may have, of each; the specification asks for at least 32."""

LOG_TYPES = (SignatureType.ED25519, SignatureType.ML_DSA_44_COSIGNATURE)
WITNESS_TYPES = (SignatureType.ED25519_COSIGNATURE, SignatureType.ML_DSA_44_COSIGNATURE)


@dataclass(frozen=True)
class Log:
    """A log that is accepted; its key's name is its origin ("Defining a log")."""

    key: VerifierKey
    url: str = ""


@dataclass(frozen=True)
class Witness:
    """A witness, by the name that this policy gives it ("Defining a witness")."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True)
class Accepted:
    """A checkpoint that met a policy: the keys of the log that signed it, and who cosigned when."""

    checkpoint: Checkpoint
    log_keys: tuple[VerifierKey, ...]
    cosigned_s: tuple[tuple[str, int], ...]
    """Witness name and time (seconds since the Epoch) of each cosignature that counted, in the policy's order."""


@dataclass(frozen=True)
class Policy:
    """Who is trusted to have signed and witnessed a checkpoint. Raises `Malformed` for what the format forbids."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...] = ()
    quorum: str = NONE

    def __post_init__(self) -> None:
        for kind, members in (("logs", self.logs), ("witnesses", self.witnesses), ("groups", self.groups)):
            if len(members) > MAX_MEMBERS:
                raise Malformed(f"log policy: {len(members)} {kind} are more than {MAX_MEMBERS}")
        _check_keys("log", (log.key for log in self.logs), LOG_TYPES)
        _check_keys("witness", (witness.key for witness in self.witnesses), WITNESS_TYPES)
        for url in (*(log.url for log in self.logs), *(witness.url for witness in self.witnesses)):
            _check_word(f"x{url}")
        self._check_names()

    def _check_names(self) -> None:
        """One namespace; groups refer backwards; each name is a member at most once ("Defining a witness group")."""
        free = _distinct(witness.name for witness in self.witnesses)
        defined = set(free)
        for group in self.groups:
            _check_group(group, free)
            free -= set(group.members)
            free |= _distinct([group.name], defined)
            defined.add(group.name)
        if self.quorum != NONE and self.quorum not in defined:
            raise Malformed(f"log policy: its quorum {shown(self.quorum)} is no witness or group")

    @property
    def overlap(self) -> int:
        """The fewest witnesses that two quorums share. 0: two honest quorums may cosign two different logs."""
        return 0 if self.quorum == NONE else overlap(self.groups, self.quorum)

    @property
    def faults_tolerated(self) -> int | None:
        """How many faulty witnesses cannot together split the view; `None` when it takes none (`overlap` is 0)."""
        return self.overlap - 1 if self.overlap else None

    @property
    def outages_tolerated(self) -> int:
        """How many witnesses may be out of reach, whichever they are, with a quorum still to be had."""
        return len(self.witnesses) if self.quorum == NONE else blockers(self.groups, self.quorum) - 1

    def satisfied_by(self, cosigned: Collection[str]) -> bool:
        """Whether the witnesses of these names are enough."""
        return self.quorum == NONE or satisfied(self.groups, self.quorum, cosigned)

    def accept(self, note: Note, after_s: int | None = None, before_s: int | None = None) -> Accepted:
        """The checkpoint that `note` is, signed by one of the logs and cosigned by the quorum.

        Only cosignatures made from `after_s` to `before_s` (seconds since the Epoch, both included) count, so that a
        caller can refuse frozen logs and wrong clocks. Raises `Unproven` when a log's signature or the quorum is
        missing, `PeerLied` for a false signature of any known key, `Malformed` for a note that is no checkpoint.
        """
        checkpoint, signed = signed_checkpoint(note, (log.key for log in self.logs))
        made = _newest(verify(note, (witness.key for witness in self.witnesses)))
        times = {witness.name: made[witness.key] for witness in self.witnesses if witness.key in made}
        counted = {name: time for name, time in times.items() if _within(time, after_s, before_s)}
        if not self.satisfied_by(counted):
            raise Unproven(_unmet(self, times, counted))
        return Accepted(checkpoint, tuple(found.key for found in signed), tuple(counted.items()))


def _newest(found: Iterable[Verified]) -> dict[VerifierKey, int]:
    """When each witness cosigned last. A time of 0 states nothing (tlog-cosignature) and does not count."""
    times: dict[VerifierKey, int] = {}
    for one in found:
        if one.timestamp_s:
            times[one.key] = max(one.timestamp_s, times.get(one.key, 0))
    return times


def _within(time_s: int, after_s: int | None, before_s: int | None) -> bool:
    return (after_s is None or time_s >= after_s) and (before_s is None or time_s <= before_s)


def _unmet(policy: Policy, times: Collection[str], counted: Collection[str]) -> str:
    absent = [witness.name for witness in policy.witnesses if witness.name not in times]
    untimely = [name for name in times if name not in counted]
    return (
        f"checkpoint: cosigned by {_listed(counted)}, which is not the quorum {_listed([policy.quorum])} of the log "
        f"policy; not cosigned by {_listed(absent)}; cosigned at a time that does not count by {_listed(untimely)}"
    )


def _listed(names: Collection[str]) -> str:
    """Names for a message; they are octets that need not be UTF-8."""
    return (
        ", ".join(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for name in names)
        or "nobody"
    )


def _check_keys(kind: str, keys: Iterable[VerifierKey], types: Collection[SignatureType]) -> None:
    seen = set()
    for key in keys:
        if key.type not in types:
            raise Malformed(
                f"log policy: {kind} {key.name} has a key of type 0x{key.type:02x}, not for a {kind}"
            )
        if key.public_key in seen:
            raise Malformed(f"log policy: {kind} {key.name} has a key that is there twice")
        seen.add(key.public_key)


def _check_group(group: Group, free: Collection[str]) -> None:
    where = f"log policy: group {shown(group.name)}"
    if not 1 <= group.threshold <= len(group.members):
        raise Malformed(f"{where} wants {group.threshold} of {len(group.members)} members")
    if len(set(group.members)) != len(group.members):
        raise Malformed(f"{where} has a member twice")
    for member in group.members:
        if member not in free:
            raise Malformed(
                f"{where}: {shown(member)} is not defined before it, or is in another group already"
            )


def _distinct(names: Iterable[str], taken: Collection[str] = ()) -> set[str]:
    found = set(taken)
    fresh = set()
    for name in names:
        _check_word(name)
        if name == NONE or name in found:
            raise Malformed(f"log policy: the name {shown(name)} is taken")
        found.add(name)
        fresh.add(name)
    return fresh


def _check_word(word: str) -> None:
    """Names and URLs are opaque octets without blanks and control characters ("Character set")."""
    if not word or any(char <= " " or char == "\x7f" for char in word):
        raise Malformed(f"log policy: {shown(word)} is empty or has a blank or a control character")
