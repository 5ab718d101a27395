"""Alarms: what is worth waking somebody for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SCHEMA = "overt-alarm/1"


class Kind(StrEnum):
    """What an alarm is about; the value is what machines read."""

    SPLIT_VIEW = "split-view"
    """The log's key signed two histories: the signed notes are the evidence."""
    GAP = "gap"
    """A leaf of the log is not the release that its place demands."""
    FALSE_RELEASE = "false-release"
    """A release whose metadata or bundle is not what it says: signatures, versions, hashes, format."""
    UNREADABLE = "unreadable"
    """A process died, hung or ran out of memory while it read a release's bundle."""
    NO_REASON = "no-reason"
    """A rule that the review does not pass is published, and nobody wrote why."""
    REVIEW_MISMATCH = "review-mismatch"
    """The manifest is not true of the rules, or states another review than the monitor's."""
    UNREPRODUCIBLE = "unreproducible"
    """The published sources build another bundle."""
    NO_SOURCES = "no-sources"
    """Sources are published, but not those of this release."""
    FETCH_FAILED = "fetch-failed"
    """Something could not be fetched for longer than the operator's patience."""
    FREEZE = "freeze"
    """What clients are served is not fresh: cosignatures or timestamp too old, or fewer releases than are known."""
    NEW_ROOT = "new-root"
    """Keys, thresholds or the log policy changed."""
    DEVELOPMENT = "development"
    """One person holds every key of the channel."""


LASTING = frozenset({Kind.FETCH_FAILED, Kind.FREEZE, Kind.NO_SOURCES})
"""Kinds that are about a state, which ends and may come back; the others are about something that happened."""

NOTABLE = frozenset({Kind.NEW_ROOT, Kind.DEVELOPMENT})
"""Kinds that are worth knowing, and no fault of the release that brings them."""

MEANING = {
    Kind.SPLIT_VIEW: "Two versions of the log were signed. Somebody may have been shown rules that others did not "
    "get. Publish both notes, and stop trusting the channel until its publisher has explained them.",
    Kind.GAP: "The log does not count its releases without gaps. Clients refuse such a release.",
    Kind.FALSE_RELEASE: "A release is not what it says. Clients refuse it, unless they were served something else.",
    Kind.UNREADABLE: "Whoever reads this bundle may be attacked by it: keep it for an analyst. What is said not to be "
    "read was not checked. Clients that can't read it either keep their old rules.",
    Kind.NO_REASON: "A rule may look for people instead of malware, and its publisher did not say why it is there.",
    Kind.REVIEW_MISMATCH: "The review in the manifest is not the one that the rules get here. Read the rules.",
    Kind.UNREPRODUCIBLE: "The bundle is not built from the sources that are published for it. Compare the rules.",
    Kind.NO_SOURCES: "Nobody can check from which sources this bundle was built.",
    Kind.FETCH_FAILED: "What can't be fetched can't be checked. Ask the publisher, and try from another network.",
    Kind.FREEZE: "Clients may be kept on old rules. Ask the publisher and the witnesses.",
    Kind.NEW_ROOT: "Compare the new keys with what their holders say in public.",
    Kind.DEVELOPMENT: "Not fit for other people's machines: one stolen folder is enough to sign anything.",
}
"""What a person should make of it, and do."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm. `key` names its occasion within its kind: the same occasion is told once, until it has ended.

    `evidence` is what can be published as proof: file name → content.
    """

    kind: Kind
    key: str
    text: str
    serial: int | None = None
    evidence: Mapping[str, bytes] = field(default_factory=dict)


def readable(text: str) -> str:
    """`text` without lone surrogates, which metadata may hold and nothing can store."""
    return text.encode("utf-8", "backslashreplace").decode()
