"""What an update came to, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from overt.channel.client.objections import Objection
from overt.rules.subscribed import Installed


@dataclass(frozen=True, slots=True)
class UpToDate:
    """Everything held, and nothing is newer than what is in use (or than what the user rolled back from)."""

    channel: str
    serial: int
    rolled_back: bool = False


@dataclass(frozen=True, slots=True)
class Available:
    """A newer release is in the log, and was not asked for."""

    channel: str
    serial: int
    current: int | None


@dataclass(frozen=True, slots=True)
class Updated:
    """A release was verified and installed."""

    channel: str
    installed: Installed
    before: int | None
    left_out: tuple[str, ...] = ()
    """Rules that the engine rejects, and why."""
    fetched_bytes: int = 0
    """Compressed bytes of the bundle or patch."""
    patched: bool = False
    objections: tuple[Objection, ...] = ()
    """What its publisher's review said against, and he published all the same."""


@dataclass(frozen=True, slots=True)
class Stale:
    """It failed: the old rules stay."""

    channel: str
    family: str
    """`refused`: what was served failed a check. `failed`: it could not be had, or not be kept."""
    why: str
    since_s: int
    """Seconds since the Epoch: when everything held for the last time; 0: never."""
    serial: int | None
    """The release that stays in use."""


Outcome = UpToDate | Available | Updated | Stale
