"""One look at a channel, in a process of its own, which is locked down before it sees a fetched byte.

    the command ◄── says, tells ── this process ──► couriers (the network), readers and builders (strangers' bytes)
    runs the alarm command         writes only below the monitor's folder, the site and the ledger's

What wants a program run (the alarm command), or the terminal, asks the command that started it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec
from tuf.api.metadata import Root

from overt.channel.monitor import deliver
from overt.channel.monitor.places import SPOOL, Places, reached
from overt.channel.monitor.readers import MonitorReaders
from overt.channel.monitor.rebuild import Builders
from overt.channel.monitor.record import AlarmRow
from overt.channel.monitor.round import Outcome, Round, Watch
from overt.channel.monitor.site import look as looks
from overt.channel.monitor.site import pages
from overt.channel.monitor.state import State
from overt.channel.publisher.roles import parse, root_charter
from overt.channel.publisher.state import policy_of
from overt.ledger import Ledger
from overt.sandbox.apart import Line, TaskDied, apart
from overt.sandbox.policy import MONITOR
from overt.sandbox.view import confine_writing
from overt.store.folders import make_private

SCRATCH = "scratch"
"""In the monitor's folder: where builders write."""
UMASK = 0o022
"""The site is for everybody to read; what is private has its own mode."""


@dataclass(frozen=True, slots=True)
class Looking:
    """What one look needs. `patience_s`: seconds that something may be out of reach before it is an alarm."""

    state: Path
    site: Path
    site_url: str
    root: bytes
    places: Places
    patience_s: int
    ledger: Path
    policy_witnesses: bool = True
    """Ask the witnesses that the channel's policy names, besides those in `places`."""
    commanded: bool = False
    """Whether there is an alarm command."""
    readers: Callable[[bool], MonitorReaders] = MonitorReaders
    """Makes who reads bundles; `True`: confined."""


class Said(msgspec.Struct, frozen=True, tag=True):
    """A line for the operator: a result, or (`aside`) something about it."""

    text: str
    aside: bool = False


class Told(msgspec.Struct, frozen=True, tag=True):
    """An alarm for the command, as JSON."""

    document: bytes


def look(looking: Looking, say: Callable[[Said], None], tell: Callable[[bytes], str]) -> bool:
    """Look once, and bring the site up to date; whether all could be checked and is as it should be. `tell` runs the
    alarm command: why it did not take the alarm, empty when it did.

    Raises `OvertError` when nothing could be looked at, or the process ended without a word.
    """

    def serve(question: bytes) -> bytes:
        asked: Said | Told = msgspec.msgpack.decode(question, type=Said | Told)
        match asked:
            case Said():
                say(asked)
                return b""
            case Told(document):
                return tell(document).encode()

    try:
        return apart(partial(_look, looking), serve) == b"clean"
    except msgspec.MsgspecError as error:
        raise TaskDied(f"the process that looked broke its protocol ({error}), and was killed") from None


def _look(looking: Looking, line: Line) -> bytes:
    os.umask(UMASK)
    folder, site = looking.state.absolute(), looking.site.absolute()
    for own in (folder, folder / SPOOL, folder / SCRATCH):
        make_private(own)
    site.mkdir(parents=True, exist_ok=True)
    ledger = Ledger.open(looking.ledger)
    confined = not looking.places.unconfined
    keep = {0, 1, 2, line.descriptor}
    with ExitStack() as stack:
        readers = looking.readers(confined)
        stack.callback(readers.close)
        builders = Builders(folder / SCRATCH, confined) if looking.places.sources else None
        if builders:
            stack.callback(builders.close)
        origin, places = _places(looking, folder)
        found = stack.enter_context(reached(places, origin, folder, ledger.append))
        keep.update((*found.descriptors, *readers.descriptors, *(builders.descriptors if builders else ())))
        if confined:
            confine_writing(MONITOR, [folder, site, looking.ledger], keep, with_parent=True)
            os.chdir("/")
        state = State(folder)
        stack.callback(state.close)
        last = state.last_alarm()
        rounds = Round(state, Watch(looking.root, readers, builders, looking.patience_s))
        outcome = rounds.look(found.tree, found.views, found.find)
        pages.write(state, site, looking.site_url)
        _say(state, outcome, last, line)
        if looking.commanded:
            _deliver(state, line)
        return looks.tone(state).encode()


def _places(looking: Looking, folder: Path) -> tuple[str, Places]:
    """The log's origin, and where to look: the witnesses of the newest policy that was followed are among it."""
    charter = root_charter(parse(looking.root, Root, "the root given").signed)
    if not looking.policy_witnesses:
        return charter.origin, looking.places
    state = State(folder)
    followed = state.roots()
    state.close()
    newest = root_charter(parse(followed[-1].data, Root, "root").signed) if followed else charter
    named = (witness.url for witness in policy_of(newest).witnesses if witness.url)
    witnesses = tuple(dict.fromkeys((*looking.places.witnesses, *named)))
    return charter.origin, replace(looking.places, witnesses=witnesses)


def _say(state: State, outcome: Outcome, last: int, line: Line) -> None:
    """What the round found: new releases, new alarms, and what is amiss."""

    def say(text: str, aside: bool = False) -> None:
        line.ask(msgspec.msgpack.encode(Said(text, aside)))

    new = "1 release" if outcome.new == 1 else f"{outcome.new:,} releases"
    taken = f"{new} taken in, " if outcome.new else "nothing new, "
    say(f"{state.fact('origin')}: {taken}{outcome.size:,} in all")
    for one in reversed(state.alarms()):
        if one.id > last:
            say(f"overt: ALARM {one.id} {one.kind.value}: {one.text}", aside=True)
    for condition in state.conditions():
        if not condition.alarmed:
            say(f"amiss, not yet an alarm: {condition.text}", aside=True)


def _deliver(state: State, line: Line) -> None:
    def tell(document: bytes) -> str:
        return line.ask(msgspec.msgpack.encode(Told(document))).decode("utf-8", "replace")

    def failed(alarm: AlarmRow, why: str) -> None:
        text = f"overt: the alarm command did not take alarm {alarm.id}: {why}"
        line.ask(msgspec.msgpack.encode(Said(text, aside=True)))

    for undelivered in deliver.deliver(state, tell, int(time.time())):
        failed(undelivered.alarm, undelivered.why)
