"""One look at a log, in a process of its own, which is locked down before it sees a fetched byte.

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
from itertools import count
from pathlib import Path

import msgspec
from tuf.api.metadata import Root

from overt.channel.charter import Charter
from overt.channel.monitor import deliver
from overt.channel.monitor.places import SPOOL, Places, Reached, reached
from overt.channel.monitor.programs import ProgramRound, ProgramWatch
from overt.channel.monitor.readers import MonitorReaders
from overt.channel.monitor.rebuild import Builders
from overt.channel.monitor.record import AlarmRow
from overt.channel.monitor.round import Outcome, Round, Watch
from overt.channel.monitor.site import look as looks
from overt.channel.monitor.site import pages
from overt.channel.monitor.site import programs as program_pages
from overt.channel.monitor.state import State
from overt.channel.publisher.roles import parse, root_charter
from overt.channel.publisher.state import policy_of
from overt.channel.witness.office import unix_now
from overt.core.errors import UsageError
from overt.ledger import Ledger
from overt.sandbox.apart import Line, TaskDied, apart
from overt.sandbox.policy import MONITOR
from overt.sandbox.view import confine_writing
from overt.store.folders import make_private
from overt.tlog import policy_file
from overt.tlog.policy import Policy

SCRATCH = "scratch"
"""In the monitor's folder: where builders write."""
MAX_ASKED = 10_000
"""Lines to say and alarms to tell in one look; an honest one says what is new and tells `deliver.AT_ONCE` alarms."""
SHOWN = 200
"""New alarms, and troubles that are none yet, named to the operator in one look."""
UMASK = 0o022
"""The site is for everybody to read; what is private has its own mode."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a look works. `patience_s`: seconds that something may be out of reach before it is an alarm."""

    state: Path
    site: Path
    site_url: str
    places: Places
    patience_s: int
    ledger: Path
    policy_witnesses: bool = True
    """Ask the witnesses that the policy names, besides those in `places`."""
    commanded: bool = False
    """Whether there is an alarm command."""
    readers: Callable[[bool], MonitorReaders] = MonitorReaders
    """Makes who reads strangers' files; `True`: confined."""


@dataclass(frozen=True, slots=True)
class Looking(Ground):
    """A channel of rules. `root`: the root metadata that the operator trusts."""

    root: bytes = b""


@dataclass(frozen=True, slots=True)
class LookingAtPrograms(Ground):
    """The log of a program's releases. `policy`: the log and the witnesses that the operator trusts."""

    policy: bytes = b""


class Said(msgspec.Struct, frozen=True, tag=True):
    """A line for the operator: a result, or (`aside`) something about it."""

    text: str
    aside: bool = False


class Told(msgspec.Struct, frozen=True, tag=True):
    """An alarm for the command, as JSON."""

    document: bytes


def look(
    looking: Looking | LookingAtPrograms, say: Callable[[Said], None], tell: Callable[[bytes], str]
) -> bool:
    """Look once, and bring the site up to date; whether all could be checked and is as it should be. `tell` runs the
    alarm command: why it did not take the alarm, empty when it did.

    Raises `OvertError` when nothing could be looked at, or the process ended without a word.
    """

    asks = count(1)

    def serve(question: bytes) -> bytes:
        if next(asks) > MAX_ASKED:
            raise TaskDied(f"the process that looked asked for more than {MAX_ASKED} things, and was killed")
        asked: Said | Told = msgspec.msgpack.decode(question, type=Said | Told)
        match asked:
            case Said():
                say(asked)
                return b""
            case Told(document):
                return tell(document).encode()

    task = partial(_look, looking) if isinstance(looking, Looking) else partial(_look_at_programs, looking)
    try:
        return apart(task, serve) == b"clean"
    except msgspec.MsgspecError as error:
        raise TaskDied(f"the process that looked broke its protocol ({error}), and was killed") from None


def _look(looking: Looking, line: Line) -> bytes:
    charter = root_charter(parse(looking.root, Root, "the root given").signed)
    with ExitStack() as stack:
        started = _locked_down(looking, charter.origin, partial(_followed_policy, charter), line, stack)
        state, found = started.state, started.found
        last = state.last_alarm()
        watch = Watch(looking.root, started.readers, started.builders, looking.patience_s)
        outcome = Round(state, watch).look(found.tree, found.views, found.find)
        pages.write(state, started.site, looking.site_url)
        return _ended(looking, state, outcome, "release", last, line)


def _look_at_programs(looking: LookingAtPrograms, line: Line) -> bytes:
    policy = policy_file.parse(looking.policy)
    if len(policy.logs) != 1:
        raise UsageError("the policy must name exactly one log: the one that is watched")
    with ExitStack() as stack:
        origin = policy.logs[0].key.name
        started = _locked_down(looking, origin, lambda state: policy, line, stack)
        state, found = started.state, started.found
        last = state.last_alarm()
        watch = ProgramWatch(policy, started.readers, looking.patience_s, unix_now)
        outcome = ProgramRound(state, watch).look(found.tree, found.views)
        program_pages.write(state, started.site, looking.site_url)
        return _ended(looking, state, outcome, "entry", last, line)


@dataclass(frozen=True, slots=True)
class _Started:
    """What is there once this process is locked down."""

    state: State
    site: Path
    readers: MonitorReaders
    builders: Builders | None
    found: Reached


def _locked_down(
    ground: Ground, origin: str, policy: Callable[[State], Policy], line: Line, stack: ExitStack
) -> _Started:
    """Make the folders, start couriers and workers, then give up everything else."""
    os.umask(UMASK)
    folder, site = ground.state.absolute(), ground.site.absolute()
    for own in (folder, folder / SPOOL, folder / SCRATCH):
        make_private(own)
    site.mkdir(parents=True, exist_ok=True)
    ledger = Ledger.open(ground.ledger)
    confined = not ground.places.unconfined
    keep = {0, 1, 2, line.descriptor}
    readers = ground.readers(confined)
    stack.callback(readers.close)
    builders = Builders(folder / SCRATCH, confined) if ground.places.sources else None
    if builders:
        stack.callback(builders.close)
    found = stack.enter_context(reached(_places(ground, folder, policy), origin, folder, ledger.append))
    keep.update((*found.descriptors, *readers.descriptors, *(builders.descriptors if builders else ())))
    if confined:
        confine_writing(MONITOR, [folder, site, ground.ledger], keep, with_parent=True)
        os.chdir("/")
    state = State(folder)
    stack.callback(state.close)
    return _Started(state, site, readers, builders, found)


def _places(ground: Ground, folder: Path, policy: Callable[[State], Policy]) -> Places:
    """Where to look: the witnesses of the newest policy are among it."""
    if not ground.policy_witnesses:
        return ground.places
    state = State(folder)
    named = [witness.url for witness in policy(state).witnesses if witness.url]
    state.close()
    return replace(ground.places, witnesses=tuple(dict.fromkeys((*ground.places.witnesses, *named))))


def _followed_policy(given: Charter, state: State) -> Policy:
    """That of the newest root that was followed."""
    followed = state.roots()
    return policy_of(root_charter(parse(followed[-1].data, Root, "root").signed) if followed else given)


def _ended(ground: Ground, state: State, outcome: Outcome, one: str, last: int, line: Line) -> bytes:
    _say(state, outcome, one, last, line)
    if ground.commanded:
        _deliver(state, line)
    return looks.tone(state).encode()


def _say(state: State, outcome: Outcome, one: str, last: int, line: Line) -> None:
    """What the round found: new releases, new alarms, and what is amiss."""

    def say(text: str, aside: bool = False) -> None:
        line.ask(msgspec.msgpack.encode(Said(text, aside)))

    many = {"release": "releases", "entry": "entries"}[one]
    new = f"1 {one}" if outcome.new == 1 else f"{outcome.new:,} {many}"
    taken = f"{new} taken in, " if outcome.new else "nothing new, "
    say(f"{state.fact('origin')}: {taken}{outcome.size:,} in all")
    raised = [alarm for alarm in reversed(state.alarms()) if alarm.id > last]
    for alarm in raised[:SHOWN]:
        say(f"overt: ALARM {alarm.id} {alarm.kind.value}: {alarm.text}", aside=True)
    if len(raised) > SHOWN:
        say(f"overt: and {len(raised) - SHOWN:,} more ALARMS: the site shows them", aside=True)
    for condition in state.conditions()[:SHOWN]:
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
