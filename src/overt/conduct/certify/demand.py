"""What somebody who relies on certificates demands of the witnesses of an issuer's log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from overt.conduct.certify.certificate import TIME
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
        since_s, until_s = int(now.timestamp()) - self.max_age_s, int(now.timestamp()) + MAX_AHEAD_S
        try:
            accepted = self.policy.accept(checkpoint, since_s, until_s)
        except LogError as error:
            return Check("witnesses", False, f"{error}; what was cosigned since {_time(since_s)} counts")
        names = ", ".join(name for name, _ in accepted.cosigned_s)
        oldest_s = min(time_s for _, time_s in accepted.cosigned_s)
        return Check("witnesses", True, f"cosigned by {names}, first at {_time(oldest_s)}")


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


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(max(0, seconds), UTC).strftime(TIME)
