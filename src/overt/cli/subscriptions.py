"""`overt channel list|remove|policy`: whose rules this machine takes, without going anywhere."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from overt.channel.client import checks, place, subscribe
from overt.channel.client.place import Place
from overt.cli.quantities import counted
from overt.cli.voice import Exit, note, say, visible
from overt.ledger import Ledger
from overt.rules import subscribed
from overt.store.paths import paths
from overt.tlog.policy import Policy


def run(args: argparse.Namespace) -> int:
    """Do the action. Raises `OvertError`."""
    return ACTIONS[args.action](args)


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
    "list": run_list,
    "remove": run_remove,
    "policy": run_policy,
}
