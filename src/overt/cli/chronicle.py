"""What `overt rules history` does and says; loaded only when asked for."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import msgspec

from overt.channel.monitor import answer, kept
from overt.channel.monitor.answer import History, Step
from overt.channel.monitor.places import PURPOSE
from overt.channel.tree import Tree, at, in_folder
from overt.cli.voice import Exit, note, say, styled, visible
from overt.core.errors import UsageError
from overt.ledger import Ledger
from overt.store.paths import paths

STYLES = {"appeared": "green", "changed": "yellow", "vanished": "red", kept.KEPT: "dim"}
SIGNERS = ("targets", "root", "witness")


def history(args: argparse.Namespace) -> int:
    """Look it up and say it. Returns `ERROR` when nothing is known of the name."""
    found = (_asked(args),) if args.monitor else kept.histories(paths().data, args.name, not args.unconfined)
    if args.json:
        told = [msgspec.to_builtins(one) for one in found]
        document = told[0] if args.monitor else {"schema": answer.SCHEMA, "channels": told}
        say(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        for one in found:
            _say(one, args.monitor or "")
    if not found or not found[0].items:
        where = "that monitor" if args.monitor else "no release that this machine keeps"
        knows = "knows no" if args.monitor else "has a"
        note(f"{where} {knows} rule {visible(args.name)}")
    if not args.monitor:
        note("only releases kept on this machine were looked at; --monitor URL asks one that knows them all")
    return Exit.OK if found and found[0].items else Exit.ERROR


def _asked(args: argparse.Namespace) -> History:
    """The monitor's answer. Raises `EgressError`, `Malformed`, `UsageError`."""
    path = answer.path_of(args.name)
    if not args.monitor.startswith(("http://", "https://")):
        folder = Path(args.monitor)
        if not (folder / "index.html").is_file():
            raise UsageError(f"{folder} is no monitor's site: name the folder given to it as --site")
        return _answer(in_folder(folder), path, args.name)
    ca_file = Path(args.ca_file) if args.ca_file else None
    ledger = Ledger.open(paths().ledger)
    with (
        tempfile.TemporaryDirectory(prefix="overt-history-") as spool,
        at(args.monitor, Path(spool), ledger.append, args.unconfined, PURPOSE, ca_file) as tree,
    ):
        return _answer(tree, path, args.name)


def _answer(tree: Tree, path: str, name: str) -> History:
    try:
        return answer.parse(tree(path, answer.MAX_BYTES), name)
    except FileNotFoundError:
        return History(answer.SCHEMA, "", "", name, ())


def _say(told: History, monitor: str) -> None:
    for item in told.items:
        state = "in force" if item.present else "no longer published"
        kind = "rule" if item.kind == "rule" else "hash list"
        heading = f"{told.name} ({kind} of {item.part}, channel {told.channel}): {state}"
        say(styled(visible(heading), "bold"))
        for step in item.events:
            _say_step(step, bool(monitor))
        if monitor and item.page:
            say(f"  more: {visible(monitor.rstrip('/'))}/{visible(item.page)}")


def _say_step(step: Step, from_monitor: bool) -> None:
    when = f"known since {step.witnessed}" if from_monitor else f"installed here {step.witnessed}"
    what = "in it already" if step.what == kept.KEPT else step.what
    between = ""
    if step.known_before >= 0 and step.known_before < step.serial - 1:
        between = f", by it or by one of the releases from {step.known_before + 1} on"
    mark = styled(f"{visible(what):<9}", STYLES.get(step.what, "dim"))
    say(f"  release {step.serial:>5}  {mark}  {visible(when)}{between}")
    for name, before, after in step.fields:
        if name != "text":
            say(visible(f"                 {name}: {before or 'none'} -> {after or 'none'}"))
    if any(name == "text" for name, _, _ in step.fields):
        say("                 its text changed")
    lines = [("by", step.author), ("review", step.review), ("published because", step.override)]
    for label, text in (*lines, ("taken back because", step.reason)):
        if text:
            say(visible(f"                 {label}: {text}"))
    for role in SIGNERS:
        names = [f"{one.name} ({one.key[:16]})" for one in step.signers if one.role == role]
        if names:
            label = "witnessed by" if role == "witness" else f"{role} signed by"
            say(visible(f"                 {label}: {', '.join(names)}"))
