"""Channels and updates in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from overt.channel.client.objections import Objection
from overt.channel.client.outcome import Available, Outcome, Stale, Updated, UpToDate
from overt.channel.client.standing import Standing
from overt.cli.quantities import counted
from overt.rules.subscribed import Installed

MAX_OBJECTIONS = 20
"""Rules and hash lists that are named; JSON has all."""
MAX_REASON = 500
"""Characters of a publisher's reason that people are shown."""


def outcome_lines(outcome: Outcome) -> Iterator[str]:
    """What came of one channel's update."""
    match outcome:
        case UpToDate(channel, serial, rolled_back):
            yield f"{channel}: up to date, release {serial}{', rolled back to by you' if rolled_back else ''}"
        case Available(channel, serial, current):
            yield f"{channel}: release {serial} is there, {_release(current)} is in use: 'overt update' installs it"
        case Updated(channel, installed, before, left_out, fetched, patched, objections):
            how = f"; a patch of {fetched:,} bytes" if patched else f"; {fetched:,} bytes" if fetched else ""
            what = f"{_held(installed)}{how}"
            yield f"{channel}: release {installed.serial} is in use, before it {_release(before)}: {what}"
            for problem in left_out[:20]:
                yield f"{channel}: left out: {problem}"
            yield from (f"{channel}: {line}" for line in objection_lines(objections))
        case Stale(channel, family, why, since_s, serial):
            yield f"{channel}: stale since {moment(since_s)}: {family}: {why}"
            yield f"{channel}: {_release(serial)} stays in use"


def objection_lines(objections: Sequence[Objection]) -> Iterator[str]:
    """What reviews did not pass, and why it is published all the same."""
    for one in objections[:MAX_OBJECTIONS]:
        yield f"{one.name}: {objection_text(one)}"
    if len(objections) > MAX_OBJECTIONS:
        yield f"and {len(objections) - MAX_OBJECTIONS:,} more: 'overt status --json' has all"


def objection_text(one: Objection) -> str:
    """The level of the review, and the publisher's words."""
    said = "was not made" if one.level == "not reviewed" else f"says {one.level}"
    reason = one.reason if len(one.reason) <= MAX_REASON else f"{one.reason[:MAX_REASON]} …"
    return f"the review {said}; published because: {reason or 'no reason is given'}"


def _release(serial: int | None) -> str:
    return "no release" if serial is None else f"release {serial}"


def _held(installed: Installed) -> str:
    return f"{counted(installed.rules, 'rule')}, {counted(installed.hashes, 'hash', 'es')}"


def moment(time_s: int) -> str:
    """A time for people, UTC; `ever` for 0."""
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M} UTC" if time_s else "it was added"


def standing_lines(one: Standing, objections: Sequence[Objection] = ()) -> Iterator[str]:
    """What status says of one channel."""
    about, check = one.subscription, one.check
    current = about.current
    what = f"release {current.serial}, {_held(current)}" if current else "no release"
    publisher = f" (publisher {check.channel})" if check.channel and check.channel != about.name else ""
    yield f"channel {about.name}{publisher}: {what}"
    yield f"  {about.url}"
    if check.warning:
        yield f"  {check.warning}"
    if about.rolled_back and about.newest:
        yield f"  rolled back by you from release {about.newest.serial}: 'overt update' returns to the newest"
    if about.unvouched_root:
        yield f"  root {about.unvouched_root} named new witnesses that those before did not vouch for; you accepted it"
    if one.stale_since_s is None:
        yield f"  up to date: checked {moment(check.fresh_s)} ({age(one.now_s - check.fresh_s)} ago)"
    else:
        yield f"  stale since {moment(one.stale_since_s)} ({age(one.now_s - one.stale_since_s)}): {one.why}"
        yield f"  {one.advice}"
    names = ", ".join(name for name, _ in check.cosigned) or "nobody"
    yield f"  cosigned by {names} ({len(check.cosigned)} of {check.witnesses} witnesses)"
    yield from (f"  {line}" for line in objection_lines(objections))


def standing_record(one: Standing, objections: Sequence[Objection]) -> dict[str, object]:
    """The same for machines."""
    about, check = one.subscription, one.check
    current = about.current
    return {
        "name": about.name,
        "publisher": check.channel,
        "url": about.url,
        "warning": check.warning,
        "serial": current.serial if current else None,
        "rules": current.rules if current else 0,
        "hashes": current.hashes if current else 0,
        "installed": iso(current.installed_s) if current else None,
        "rolled_back_from": about.newest.serial if about.rolled_back and about.newest else None,
        "unvouched_root": about.unvouched_root or None,
        "last_check": iso(check.checked_s),
        "last_good_check": iso(check.fresh_s),
        "stale_since": None if one.stale_since_s is None else iso(one.stale_since_s),
        "why": one.why,
        "advice": one.advice,
        "cosigned": [{"witness": name, "time": iso(time_s)} for name, time_s in check.cosigned],
        "witnesses": check.witnesses,
        "objections": msgspec.to_builtins(objections),
    }


def iso(time_s: int) -> str | None:
    """ISO 8601, UTC; None for never."""
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}" if time_s else None


def age(seconds: int) -> str:
    """A span for people."""
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {word}"
    return f"{max(seconds, 0)} s"
