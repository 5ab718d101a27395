"""`overt status`: one screen on how this machine is protected, and by what."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

from overt import __version__
from overt.channel.client.standing import Standing, standings
from overt.cli.quantities import counted
from overt.cli.render.channels import standing_lines, standing_record
from overt.cli.voice import Exit, say, styled, visible
from overt.core.errors import Malformed
from overt.ledger.reading import read_head
from overt.rules import added
from overt.rules.active import BASE, base_texts
from overt.sandbox.prove import layers
from overt.store.paths import Paths, paths

SCHEMA = "overt-status/1"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.epilog = "exit code 3 when a channel is stale: its old rules stay in use, and the text says why"
    parser.add_argument("--json", action="store_true", help=f"one JSON object (schema {SCHEMA})")


def run(args: argparse.Namespace) -> int:
    """Say how it stands. Raises `PackError`."""
    where = paths()
    found = standings(where.data)
    if args.json:
        say(json.dumps(_record(where, found), indent=1))
    else:
        _say(where, found)
    return Exit.STALE if any(one.stale_since_s is not None for one in found) else Exit.OK


def _record(where: Paths, found: list[Standing]) -> dict[str, object]:
    size, time, problem = _head(where)
    return {
        "schema": SCHEMA,
        "version": __version__,
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "confinement": layers(),
        "rule_sets": [BASE, *added.names(where.data)],
        "channels": [standing_record(one, one.objections(where.data)) for one in found],
        "ledger": {"entries": size, "last": time, "problem": problem},
    }


def _say(where: Paths, found: list[Standing]) -> None:
    say(styled(f"overt {__version__}", "bold"))
    for layer, state in layers().items():
        say(f"  {layer}: {state}")
    sets = added.names(where.data)
    say(
        f"rules: {BASE} ({counted(len(base_texts()), 'file')} of Overt's own)"
        + "".join(f", {name}" for name in sets)
    )
    for one in found:
        for line in standing_lines(one, one.objections(where.data)):
            say(visible(line))
    if not found:
        say("channels: none; 'overt channel add URL --root FILE' adds one")
    size, time, problem = _head(where)
    say(f"ledger: {problem}" if problem else f"ledger: {size:,} entries, the last at {time}")


def _head(where: Paths) -> tuple[int, str, str]:
    """Entries, time of the last, and what is wrong."""
    try:
        head = read_head(where.ledger)
    except (OSError, Malformed) as error:
        return 0, "", f"its head can't be read ({error}): run 'overt ledger verify'"
    return (head.size, head.time, "") if head else (0, "", "nothing is recorded yet")
