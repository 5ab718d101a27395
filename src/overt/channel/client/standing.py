"""How each channel of this machine stands: what status and every scan report say of it. Reads only."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from overt.channel.client.checked import Check, read_check
from overt.core.model import StaleChannel
from overt.rules import subscribed
from overt.rules.subscribed import Subscription

MAX_AGE_S = 48 * 3600
"""Seconds after the last good check from which a channel is stale though no check failed: nobody checks."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One channel."""

    subscription: Subscription
    check: Check
    now_s: int

    @property
    def stale_since_s(self) -> int | None:
        """Since when (seconds since the Epoch) its rules are not known to be the newest; None when they are."""
        last = self.check.fresh_s or self.subscription.added_s
        if self.check.failure or not self.check.fresh_s or self.now_s - self.check.fresh_s > MAX_AGE_S:
            return last
        return None

    @property
    def why(self) -> str:
        """Why it is stale; empty when it is not."""
        if self.stale_since_s is None:
            return ""
        if self.check.failure:
            return f"{self.check.family}: {self.check.failure}"
        if not self.check.checked_s:
            return "it was never checked"
        return "no check since then"

    @property
    def advice(self) -> str:
        """What to do about it; empty when nothing is."""
        if self.stale_since_s is None:
            return ""
        name = self.subscription.name
        if not self.check.failure:
            return f"run 'overt update --channel {name}', and set up its timer (docs/updates.md)"
        if self.check.family == "refused":
            return (
                f"the old rules stay; if 'overt update --channel {name}' says the same tomorrow, ask the publisher "
                "over another line, and send him this text"
            )
        return f"run 'overt update --channel {name}' when the cause is gone"


def standings(data: Path, now_s: int | None = None) -> list[Standing]:
    """All channels, by name. Raises `PackError` when the index is damaged."""
    now = int(time.time()) if now_s is None else now_s
    index = subscribed.read_index(data)
    folder = subscribed.folder(data)
    return [Standing(one, read_check(folder / one.name), now) for one in index.channels]


def stale(data: Path, now_s: int | None = None) -> tuple[StaleChannel, ...]:
    """The stale ones, as reports say it. Raises `PackError` when the index is damaged."""
    return tuple(
        StaleChannel(one.subscription.name, since, one.why, one.advice)
        for one in standings(data, now_s)
        if (since := one.stale_since_s) is not None
    )
