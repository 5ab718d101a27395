"""From what each observer wrote to the records of evidence: one number for each program, a step for each event.

The file observer names every process while it is held; the call layer knows each exec, thread and parent exactly. A
program is the same for both when the file observer met it after the exec that the call layer saw last.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import (
    Blind,
    Call,
    FileAccess,
    Flow,
    Listening,
    Losses,
    Process,
    Record,
    StepRun,
)
from overt.conduct.observe.blinding import attempts, tells
from overt.conduct.observe.clock import Clock
from overt.conduct.observe.files import ACCESSES, PROCESSES, TRAILER
from overt.conduct.observe.lineage import BIRTHS, Anchor, Lineage
from overt.conduct.observe.listening import listening
from overt.conduct.observe.peers import Contact, Held, Peers, contacts, plain
from overt.conduct.observe.raw import RawProcess, RawSocket
from overt.conduct.observe.roster import Roster
from overt.conduct.observe.sockets import SOCKETS
from overt.conduct.observe.trace import FIRST, Called, TraceReader
from overt.conduct.observe.watch import Trailer
from overt.core.errors import ConductError

R = TypeVar("R", bound=Record)

StepAt = Callable[[float], int]

QUIET = frozenset(("prctl", FIRST, *BIRTHS))
"""Calls that are read for what they tell about processes; records only where they hide something."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the observers left."""

    files: Path
    """The file observer's folder."""
    sockets: Path | None = None
    """The socket observer's folder."""
    trace: Path | None = None
    """strace's log."""
    has_lab: bool = True
    """Whether strace's first process was the lab's own (the chamber's init): its forks are the lab's until an exec, and
    what happened before the first step is the lab's too."""
    declared: Collection[str] = ()
    """Calls that could hide, of which the profile says that the product makes them."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What came out beside the records that were written."""

    losses: Losses
    """The file observer's and the call layer's."""
    blind: tuple[Blind, ...]


def merge(
    run: RunFolder, sources: Sources, steps: Sequence[StepRun], alive: Collection[int] | None = None
) -> Merged:
    """Write processes, accesses, calls and listening ports of `run`, and who and when into its flows. `alive`: the
    process numbers that were there when the run ended, if somebody looked.

    Raises `ConductError` when what an observer wrote can't be read back, `OSError` when a file can't be used.
    """
    trailer = _trailer(sources.files / TRAILER)
    clock = Clock.of(trailer.clock)
    raw = list(_read(sources.files / PROCESSES, RawProcess))
    step_at = _Steps(steps).at
    reader = TraceReader()
    lineage = _lineage(sources, reader, raw, clock)
    from_s = steps[0].began_s if steps and sources.has_lab else float("-inf")
    roster = Roster(raw, lineage, clock, step_at, from_s)
    told = _Told()
    run.write(Call, told.gather(_calls(sources.trace, roster, clock, step_at)))
    sockets = list(_read(sources.sockets / SOCKETS, RawSocket)) if sources.sockets is not None else []
    accesses = _Accesses(roster, step_at)
    run.write(FileAccess, accesses.of(_read(sources.files / ACCESSES, FileAccess)))
    run.write(Listening, listening(told.waiting, sockets, step_at, roster.of_process))
    peers = Peers(told.contacts, _held(sockets, roster))
    flows = [_placed(flow, peers, step_at) for flow in run.read(Flow)]
    run.write(Flow, flows)
    run.write(Process, [_ended(process, alive) for process in roster.processes()])
    losses = msgspec.structs.replace(
        trailer.losses,
        trace_lines=reader.unreadable,
        unnamed_processes=trailer.losses.unnamed_processes + roster.nameless,
        other=trailer.losses.other + accesses.orphans,
    )
    blind = tuple(_whose(blind, roster) for blind in trailer.blind)
    return Merged(losses, (*blind, *attempts(told.signs, sources.declared)))


def _ended(process: Process, alive: Collection[int] | None) -> Process:
    """Of a process that ended unseen, such as with a namespace of its own, it is known that it did."""
    if alive is None or process.ended_s is not None or process.pid in alive:
        return process
    return msgspec.structs.replace(process, ended_s=process.at_s)


def place(run: RunFolder, steps: Sequence[StepRun]) -> None:
    """Where nobody watches from inside: write into the flows of `run` when they were, and of nobody who.

    Raises `ConductError`, `OSError`.
    """
    step_at, nobody = _Steps(steps).at, Peers((), ())
    run.write(Flow, [_placed(flow, nobody, step_at) for flow in run.read(Flow)])


@dataclass(slots=True)
class _Told:
    """What the calls tell about other records, kept while they are written."""

    contacts: list[Contact] = field(default_factory=list)
    waiting: list[tuple[Called, Call]] = field(default_factory=list)
    signs: list[Call] = field(default_factory=list)

    def gather(self, calls: Iterable[tuple[Called, Call]]) -> Iterator[Call]:
        """The calls, unchanged."""
        for called, call in calls:
            self.contacts += contacts(called, call.at_s, call.process)
            if called.name in ("bind", "listen"):
                self.waiting.append((called, call))
            if tells(call.name, call.arguments):
                self.signs.append(call)
            yield call


@dataclass(slots=True)
class _Accesses:
    """Accesses with the run's numbers."""

    roster: Roster
    step_at: StepAt
    orphans: int = 0
    """Whose process the file observer did not write down: there should be none."""

    def of(self, raw: Iterable[FileAccess]) -> Iterator[FileAccess]:
        """Those of the product."""
        for access in raw:
            if not self.roster.knows(access.process):
                self.orphans += 1
                continue
            process = self.roster.of_raw(access.process)
            if process is not None:
                yield msgspec.structs.replace(access, process=process, step=self.step_at(access.at_s))


@dataclass(frozen=True, slots=True)
class _Steps:
    steps: Sequence[StepRun]

    def at(self, at_s: float) -> int:
        """The number of the step under way; what comes before the first belongs to it, and 0 if there is none."""
        if not self.steps:
            return 0
        place = bisect_right(self.steps, at_s, key=lambda step: step.began_s)
        return self.steps[max(0, place - 1)].number


def _lineage(sources: Sources, reader: TraceReader, raw: list[RawProcess], clock: Clock) -> Lineage | None:
    if sources.trace is None:
        return None
    anchors = [
        Anchor(clock.wall(process.at_s), process.pid - process.inner_pid)
        for process in raw
        if process.inner_pid
    ]
    with open(sources.trace, "rb") as stream:
        return Lineage(reader.lines(stream), anchors, sources.has_lab)


def _calls(
    trace: Path | None, roster: Roster, clock: Clock, step_at: StepAt
) -> Iterator[tuple[Called, Call]]:
    if trace is None:
        return
    with open(trace, "rb") as stream:
        for line in TraceReader().lines(stream):
            if not isinstance(line, Called) or (line.name in QUIET and not tells(line.name, line.arguments)):
                continue
            process = roster.of_thread(line.thread, line.at)
            if process is None:
                continue
            at_s = round(clock.at(line.at), 6)
            yield (
                line,
                Call(
                    at_s=at_s,
                    process=process,
                    step=step_at(at_s),
                    name=line.name,
                    arguments=line.arguments,
                    result=line.result,
                ),
            )


def _held(sockets: Iterable[RawSocket], roster: Roster) -> Iterator[Held]:
    for row in sockets:
        if row.protocol == "unix":
            continue
        connected = row.remote_port != 0
        yield Held(
            at_s=row.at_s,
            protocol=row.protocol,
            local_port=row.port,
            address=plain(row.remote_address) if connected else "",
            port=row.remote_port,
            inode=row.inode,
            process=roster.of_process(row.pid, row.at_s) if row.pid else None,
        )


def _placed(flow: Flow, peers: Peers, step_at: StepAt) -> Flow:
    process = flow.process if flow.process is not None else peers.process(flow)
    return msgspec.structs.replace(flow, process=process, step=step_at(flow.at_s))


def _whose(blind: Blind, roster: Roster) -> Blind:
    """With the run's number of who caused it."""
    return msgspec.structs.replace(blind, by=roster.of_raw(blind.by) if blind.by is not None else None)


def _trailer(path: Path) -> Trailer:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Trailer)
    except msgspec.DecodeError as error:
        raise ConductError(f"{path}: {error}: the file observer did not end well: run again") from error


def _read(path: Path, kind: type[R]) -> Iterator[R]:
    decoder = msgspec.json.Decoder(kind)
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                yield decoder.decode(line)
            except msgspec.DecodeError as error:
                raise ConductError(
                    f"{path}, line {number}: {error}: its observer did not end well"
                ) from error
