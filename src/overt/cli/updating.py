"""`overt update` at work: fetch, verify and install the rules of this machine's channels."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from overt.channel.client import subscribe
from overt.channel.client.outcome import Available, Outcome, Stale, Updated, UpToDate
from overt.channel.client.place import Place
from overt.channel.client.rollback import roll_back
from overt.channel.client.session import session, way_of
from overt.channel.client.update import Wishes
from overt.cli.render.channels import outcome_lines
from overt.cli.voice import Exit, note, say, visible
from overt.core.errors import UsageError
from overt.rules import subscribed
from overt.rules.subscribed import Subscription
from overt.store.paths import paths


def run(args: argparse.Namespace) -> int:
    """Update, or roll back. Raises `OvertError`."""
    chosen = _chosen(args)
    if args.rollback:
        return _roll_back(args, chosen)
    if args.source and len(chosen) > 1:
        raise UsageError("--from is the tree of one channel: say which with --channel NAME")
    ways = {one.name: way_of(one, args.source, args.ca_file, args.proxy) for one in chosen}
    wishes = Wishes(args.check, args.scheduled, args.again)
    with session(ways, wishes, args.unconfined) as running:
        outcomes = [running.client.update(name, source) for name, source in running.sources.items()]
    return tell(outcomes, args.json, args.scheduled)


def tell(outcomes: Sequence[Outcome], as_json: bool, quiet: bool = False) -> int:
    """Say what came of it; returns the exit code."""
    if as_json:
        say(
            json.dumps({"schema": "overt-update/1", "channels": [_record(one) for one in outcomes]}, indent=1)
        )
    else:
        for outcome in outcomes:
            if not (quiet and isinstance(outcome, UpToDate)):
                for line in outcome_lines(outcome):
                    say(visible(line))
                if warning := _warning(outcome):
                    note(visible(f"{outcome.channel}: {warning}"))
    return Exit.STALE if any(isinstance(one, Stale) for one in outcomes) else Exit.OK


def _warning(outcome: Outcome) -> str:
    """What the channel's charter demands to be shown."""
    return Place(paths().data, outcome.channel).check().warning


def _record(outcome: Outcome) -> dict[str, object]:
    match outcome:
        case UpToDate():
            kind = "up-to-date"
        case Available():
            kind = "available"
        case Updated():
            kind = "updated"
        case Stale():
            kind = "stale"
    facts = asdict(outcome)
    if isinstance(outcome, Updated):
        facts |= msgspec.to_builtins({"installed": outcome.installed, "objections": outcome.objections})
    return {"outcome": kind, **facts, "warning": _warning(outcome)}


def _chosen(args: argparse.Namespace) -> list[Subscription]:
    data = paths().data
    if args.channel:
        return [subscribe.existing(data, name) for name in dict.fromkeys(args.channel)]
    return list(subscribed.read_index(data).channels)


def _roll_back(args: argparse.Namespace, chosen: list[Subscription]) -> int:
    if len(chosen) != 1:
        raise UsageError("--rollback is for one channel: say which with --channel NAME")
    with session({}, unconfined=args.unconfined) as running:
        changed = roll_back(running.client, chosen[0].name, args.reason)
    serial = changed.current.serial if changed.current else "nothing"
    say(f"{changed.name}: rolled back to release {serial}")
    note("the next 'overt update' returns to the newest; one that is --scheduled waits for a newer one")
    return Exit.OK
