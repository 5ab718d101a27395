"""`overt channel add|list|remove|switch|policy`: whose rules this machine takes."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from overt.channel.client import checks, place, subscribe
from overt.channel.client.outcome import Stale
from overt.channel.client.place import Place
from overt.channel.client.session import Session, Way, session
from overt.channel.client.source import Source
from overt.cli.quantities import counted
from overt.cli.updating import tell
from overt.cli.voice import Exit, note, say, visible
from overt.core.errors import EgressError, LogError, UsageError
from overt.ledger import Ledger
from overt.rules import subscribed
from overt.rules.subscribed import Subscription
from overt.store.paths import paths
from overt.tlog.policy import Policy


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
    root = _root_file(args.root) if args.root else b""
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


def _root_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the root file {path}: {error.strerror}") from None


def run_list(args: argparse.Namespace) -> int:
    """One line per channel."""
    index = subscribed.read_index(paths().data)
    for one in index.channels:
        current = (
            f"release {one.current.serial}, {counted(one.current.rules, 'rule')}"
            if one.current
            else "no release yet"
        )
        warning = Place(paths().data, one.name).check().warning
        say(visible(f"{one.name}  {current}  {one.url}{f'  ({warning})' if warning else ''}"))
    if not index.channels:
        note("no channels: 'overt channel add URL --root FILE' adds one")
    return Exit.OK


def run_remove(args: argparse.Namespace) -> int:
    """Unsubscribe."""
    where = paths()
    subscribe.existing(where.data, args.name)
    with place.locked(where.data):
        subscribe.remove(where.data, Ledger.open(where.ledger).append, args.name)
    say(f"{args.name}: removed; its rules are not used any more")
    return Exit.OK


def run_policy(args: argparse.Namespace) -> int:
    """Show the policy in force; with --accept-root, change what may come after it."""
    where = paths()
    one = subscribe.existing(where.data, args.name)
    if args.accept_root:
        with place.locked(where.data):
            append = Ledger.open(where.ledger).append
            subscribe.accept_root(where.data, append, args.name, args.accept_root)
        say(f"{args.name}: root {args.accept_root} may name new witnesses; 'overt update' goes on")
        return Exit.OK
    authority = Place(where.data, args.name).authority(one)
    for line in _policy_lines(authority):
        say(visible(line))
    return Exit.OK


def _policy_lines(found: checks.Authority) -> list[str]:
    policy: Policy = found.policy
    faults = policy.faults_tolerated
    return [
        f"channel {found.charter.channel}, log {found.charter.origin}",
        f"root {found.version}, SHA-256 {found.sha256}",
        *([found.charter.warning] if found.charter.warning else []),
        *(f"log key {log.key.encode()}" for log in policy.logs),
        *(f"witness {one.name}: {one.key.encode()}" for one in policy.witnesses),
        f"quorum {policy.quorum}; faulty witnesses tolerated: {_NO_OVERLAP if faults is None else faults}",
    ]


_NO_OVERLAP = "none, and honest ones may be split"

ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "add": run_add,
    "list": run_list,
    "remove": run_remove,
    "switch": run_switch,
    "policy": run_policy,
}
