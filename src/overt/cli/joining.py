"""`overt channel add|switch`: take a publisher's rules, from the first update on."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from overt.channel.client import subscribe
from overt.channel.client.outcome import Stale
from overt.channel.client.session import Session, Way, session
from overt.channel.client.source import Source
from overt.cli.given import content
from overt.cli.updating import tell
from overt.cli.voice import note, say
from overt.core.errors import EgressError, LogError, UsageError
from overt.rules import subscribed
from overt.rules.subscribed import Subscription
from overt.store.paths import paths


def run(args: argparse.Namespace) -> int:
    """Do the action. Raises `OvertError`."""
    return ACTIONS[args.action](args)


def run_add(args: argparse.Namespace) -> int:
    """Subscribe and update."""
    return _establish(args, "")


def run_switch(args: argparse.Namespace) -> int:
    """Subscribe, update, and retire the old channel in the step that installs the new one."""
    subscribe.existing(paths().data, args.old)
    return _establish(args, args.old)


def _establish(args: argparse.Namespace, replaces: str) -> int:
    """The anchor is a file, or is fetched by its hash; then the first update."""
    data = paths().data
    root = content(args.root, "--root") if args.root else b""
    sha256 = "" if args.root else subscribe.checked_sha256(args.root_sha256)
    name = args.name or (subscribe.name_in(root, str(args.root)) if root else "")
    if not name:
        raise UsageError("with --root-sha256, say with --name what to call the channel here")
    subscribe.checked_name(name)
    if subscribed.read_index(data).get(name):
        raise UsageError(
            f"there is a channel {name!r} already ('overt channel list' shows it): take it off with 'overt channel "
            "remove', move to another publisher with 'overt channel switch', or add this one beside it with --name"
        )
    way = Way(args.url, args.source, args.ca_file, args.proxy)
    one = Subscription(
        name,
        args.url,
        int(time.time()),
        ca_file=str(args.ca_file.absolute()) if args.ca_file else "",
        proxy=args.proxy,
    )
    with session({name: way}, unconfined=args.unconfined) as running:
        return _first(args, running, one, root, sha256, replaces)


def _first(
    args: argparse.Namespace, running: Session, one: Subscription, root: bytes, sha256: str, replaces: str
) -> int:
    client, source = running.client, running.sources[one.name]
    root = root or _fetched(source, sha256)
    subscribe.add(client.data, client.append, one, root)
    outcome = client.update(one.name, source, replaces)
    if isinstance(outcome, Stale) and replaces:
        subscribe.remove(client.data, client.append, one.name)
        code = tell([outcome], args.json)
        note(f"nothing was switched: {replaces} stays in use")
        return code
    code = tell([outcome], args.json)
    if isinstance(outcome, Stale):
        note(f"the channel was added; 'overt update --channel {one.name}' tries again")
    elif replaces:
        say(f"{replaces}: retired")
    return code


def _fetched(source: Source, sha256: str) -> bytes:
    try:
        return subscribe.fetch_root(source, sha256)
    except (EgressError, LogError, FileNotFoundError) as error:
        raise UsageError(f"the root file could not be had, and nothing was added: {error}") from None


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {"add": run_add, "switch": run_switch}
