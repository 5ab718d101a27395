"""What an update of one channel works with and has found so far; the steps are `believing` and `installing`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from overt.channel.client.checked import Check
from overt.channel.client.jobs import Workers
from overt.channel.client.place import Place
from overt.channel.client.source import Source
from overt.ledger import Facts
from overt.rules.compile import Tell, silent
from overt.rules.subscribed import Subscription

Append = Callable[[str, Facts], object]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for."""

    check: bool = False
    """Look only; install nothing."""
    scheduled: bool = False
    """Nobody is asking: a release that was rolled back stays out."""
    again: bool = False
    """Install the newest release even if it is installed."""


@dataclass(frozen=True)
class Means:
    """This machine's side of an update: its data folder, its ledger, its workers and its clock."""

    data: Path
    append: Append
    workers: Workers
    now: Callable[[], float]
    wishes: Wishes = field(default_factory=Wishes)
    tell: Tell = silent


@dataclass(slots=True)
class Attempt:
    """One update of one channel."""

    means: Means
    place: Place
    subscription: Subscription
    source: Source
    replaces: str = ""
    """The channel that is retired in the same step; empty for none."""
    check: Check = field(default_factory=Check)
    """What is known of the log and of the last checks, as it will be kept."""
    etag: str = ""
    """Of the proof that was read."""
    staged: Path | None = None
    """The folder of a release in the making."""

    @property
    def wishes(self) -> Wishes:
        """What the user asked for."""
        return self.means.wishes

    def now_s(self) -> int:
        """Seconds since the Epoch."""
        return int(self.means.now())

    def drop_staged(self) -> None:
        """Remove what was staged and not installed."""
        if self.staged:
            shutil.rmtree(self.staged, ignore_errors=True)
