"""How each channel of this machine stands: what status and every scan report say of it. Reads only."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from overt.channel.client import objections
from overt.channel.client.checked import Check, read_check
from overt.channel.client.objections import Objection
from overt.core.model import ChannelNotice, StaleChannel
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

    def objections(self, data: Path) -> tuple[Objection, ...]:
        """What its publisher's review did not pass in the release in use; `data` is the data folder."""
        one = self.subscription
        if one.current is None or not one.current.objections:
            return ()
        return objections.read(subscribed.release_folder(data, one.name, one.current))


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


def notices(data: Path, now_s: int | None = None) -> tuple[ChannelNotice, ...]:
    """What every report says of channels, stale or not: who holds their keys alone, and how many rules are published
    against their review. Raises `PackError` when the index is damaged."""
    return tuple(
        ChannelNotice(one.subscription.name, text) for one in standings(data, now_s) for text in _notices(one)
    )


def _notices(one: Standing) -> Iterator[str]:
    if one.check.warning:
        yield one.check.warning
    current = one.subscription.current
    if current and current.refused:
        what = (
            "1 rule or hash list is"
            if current.refused == 1
            else f"{current.refused:,} rules or hash lists are"
        )
        yield f"{what} published although the review refused: 'overt status' says which, and the publisher's reasons"


def origins(data: Path) -> dict[str, Origin]:
    """Name that findings give a pack → the channel whose rules it has. Raises `PackError`, as `standings`."""
    return {
        one.subscription.pack: Origin(
            one.subscription.name,
            one.subscription.url,
            one.check.warning,
            {told.name: told for told in one.objections(data)},
        )
        for one in standings(data)
    }


@dataclass(frozen=True, slots=True)
class Origin:
    """The channel that rules came by."""

    channel: str
    url: str
    warning: str
    objections: Mapping[str, Objection]
    """By the rule's name, those that its review did not pass."""
