"""What somebody who relies on certificates demands of the witnesses of an issuer's log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from overt.conduct.certify.log import log_key
from overt.conduct.report.verify import Check
from overt.core.errors import ConductError, LogError
from overt.tlog import policy_file
from overt.tlog.keys import VerifierKey
from overt.tlog.note import Note
from overt.tlog.policy import NONE, Log, Policy

MAX_AGE_S = 7 * 24 * 3600
"""Of the cosignatures that count, in seconds: what was withdrawn since the oldest of them may not show."""
MAX_AHEAD_S = 300
"""Seconds by which a witness's clock may be ahead."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Whom to believe, and for how long."""

    policy: Policy
    """Of the issuer's log."""
    max_age_s: int = MAX_AGE_S

    def check(self, checkpoint: Note, now: datetime) -> Check:
        """Whether the quorum cosigned this checkpoint lately."""
        now_s = int(now.timestamp())
        try:
            accepted = self.policy.accept(checkpoint, now_s - self.max_age_s, now_s + MAX_AHEAD_S)
        except LogError as error:
            return Check(
                "witnesses", False, f"{error} (cosignatures of the last {_span(self.max_age_s)} count)"
            )
        names = ", ".join(name for name, _ in accepted.cosigned_s)
        age_s = max(0, now_s - min(time_s for _, time_s in accepted.cosigned_s))
        return Check("witnesses", True, f"cosigned by {names}; the oldest of them {_span(age_s)} ago")


def demanded(policy: bytes, issuer: VerifierKey, max_age_s: int = MAX_AGE_S) -> Demand:
    """The demand that a file states: a C2SP tlog-policy, with the issuer's log or with none. Raises `Malformed`, and
    `ConductError` for one that demands nothing, or of another log."""
    found, own = policy_file.parse(policy), log_key(issuer)
    if found.quorum == NONE:
        raise ConductError(
            "the policy's quorum is none, which demands no witness: name some, or give no policy"
        )
    if found.logs and own not in (log.key for log in found.logs):
        raise ConductError(f"the policy is of the log {found.logs[0].key.name}, and not of {own.encode()}")
    return Demand(replace(found, logs=(Log(own),)), max_age_s)


def _span(seconds: int) -> str:
    """A time span in whole days, hours or minutes."""
    for unit_s, unit in ((86400, "day"), (3600, "hour")):
        if seconds >= unit_s:
            return f"{seconds // unit_s} {unit}{'s' if seconds >= 2 * unit_s else ''}"
    return f"{seconds // 60} minutes"
