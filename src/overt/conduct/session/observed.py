"""One run in its chamber, as the warden does it: plant, observe, exercise each step, write down what was seen."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from overt.conduct.canary.plan import plan as plan_canaries
from overt.conduct.canary.plant import plant
from overt.conduct.chamber import settled, trust, warden
from overt.conduct.chamber.build import Chamber
from overt.conduct.chamber.plan import ALICE, MIB, ChamberPlan, Denied, Limits, Shown
from overt.conduct.evidence.records import Blind, Canary, Change, Losses, Mode, Run
from overt.conduct.judge.answering import counted
from overt.conduct.judge.declared import capability
from overt.conduct.judge.places import place_of
from overt.conduct.judge.secret import SECRETS
from overt.conduct.observe import attribution, trace
from overt.conduct.observe.attribution import Sources
from overt.conduct.observe.blinding import FILTERING, MOUNTING, NETWORKING
from overt.conduct.observe.changes import ChangeObserver, Place
from overt.conduct.observe.files import FileObserver
from overt.conduct.observe.naming import Names
from overt.conduct.observe.origins import Origins
from overt.conduct.observe.sockets import SocketObserver
from overt.conduct.observe.tracelog import TraceLog
from overt.conduct.profile import PLACES
from overt.conduct.session.exercise import Exercise, Tell
from overt.conduct.session.task import Task
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.server import Sink

TRACE = "trace.log"


def observe(task: Task, tell: Tell, work: Path) -> None:
    """Make the run; called in the warden (`chamber.warden.in_warden`). `tell` says what is going on. Raises
    `ConductError`, `OSError`."""
    zero_s = time.monotonic()
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with Chamber(_chamber(task), work) as chamber:
        authority = Authority.new()
        canaries, left_out = _furnish(chamber, task)
        trusted = trust.establish(chamber.merged, authority.pem)
        closed = list(trusted.not_done)
        furnished = settled.paths(chamber.homes_root)
        out = warden.host_network() if task.mode is Mode.PASS_THROUGH else -1
        sink = Sink(task.sink, authority, task.folder, chamber.network.sink_interface, zero_s, out)
        with (
            sink,
            _on_one_processor(task),
            _Observers(task, chamber, canaries, work / "raw", zero_s) as observers,
        ):
            exercise = Exercise(chamber, task, trusted.environment, sink.forging, zero_s, tell)
            for step in exercise.installation():
                exercise.run(step)
                observers.cut(len(exercise.done))
                closed += trust.establish(chamber.merged, authority.pem).not_done
                observers.rebase()
            if task.keep is not None:
                chamber.keep(task.keep)
                settled.keep(chamber.homes_root, furnished, task.keep)
            for step in exercise.rest(observers.keeps_forged):
                exercise.run(step)
                observers.cut(len(exercise.done))
            observers.last_look()
            chamber.close()
            observers.stop()
            caught = sink.stop()
        merged = attribution.merge(task.folder, observers.sources, exercise.done, observers.alive)
        blind = (
            *caught.blind,
            *observers.blind,
            *merged.blind,
            *_refused(chamber.denied(), zero_s),
            *_limits(task, left_out),
            *map(unseen, chamber.unseen),
        )
        blind += tuple(
            unseen(f"The lab's authority is not trusted everywhere: {words}.")
            for words in dict.fromkeys(closed)
        )
        task.folder.write_run(
            Run(
                name=task.planned.name,
                arm=task.planned.arm,
                seed=task.planned.seed,
                mode=task.mode,
                began=began,
                kernel=os.uname().release,
                layers=observers.layers,
                capabilities=chamber.capabilities,
                steps=tuple(exercise.done),
                losses=_sum(caught.losses, merged.losses, observers.losses),
                blind=blind,
                system=task.system,
            )
        )


@contextlib.contextmanager
def _on_one_processor(task: Task) -> Iterator[None]:
    """Observers and product share one processor: a product that waits for its observer goes on twice as soon as where
    each has to be woken on a processor of its own (docs/benchmarks.md). The sink has all of them."""
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(usual)[task.planned.seed % len(usual)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, usual)


def _chamber(task: Task) -> ChamberPlan:
    room = task.profile.chamber
    shown = task.prepared.shown
    if task.files is not None:
        shown = (*shown, Shown(task.files, PLACES["files"]))
    return ChamberPlan(
        root=task.root,
        layers=() if task.installed is None else (task.installed,),
        shown=shown,
        limits=Limits(homes_bytes=room.homes_mb * MIB),
        capabilities=room.capabilities,
        allow_mounts=room.mounts,
        record_denied=not room.own_filter,
    )


def _furnish(chamber: Chamber, task: Task) -> tuple[tuple[Canary, ...], int]:
    """Canaries into the homes, the product to where it is installed from, or what an earlier installation of it put
    into the homes; of that, also how many files are not there."""
    planned = plan_canaries(task.planned.arm, task.planned.seed, task.pairs)
    canaries = plant(planned, chamber.homes, ALICE.uid)
    task.folder.write(Canary, canaries)
    if task.installed is not None:
        return canaries, settled.bring(task.installed, chamber.homes_root)
    for source, inside in task.prepared.copies:
        chamber.bring(source, inside)
    return canaries, 0


class _Observers:
    """The observers of files, calls, sockets and changes of one run."""

    def __init__(
        self, task: Task, chamber: Chamber, canaries: Sequence[Canary], raw: Path, zero_s: float
    ) -> None:
        self._files, self._sockets = FileObserver(), SocketObserver()
        self._changes = ChangeObserver(tuple(_places(chamber)))
        self._found: list[Change] = []
        self._folder = task.folder
        self._planted = {
            canary.path: chamber.homes / canary.path.removeprefix("/home/") for canary in canaries
        }
        self._test_files = frozenset(canary.path for canary in canaries if canary.detected)
        self._trace = task.folder.path / TRACE if task.trace else None
        self._log: TraceLog | None = None
        self._chamber, self._raw, self._zero_s = chamber, raw, zero_s
        self._origins = Origins.of(chamber.uppers)
        self.blind: tuple[Blind, ...] = tuple(map(_unfollowed, self._origins.blind_in))
        self.losses = Losses()
        self.alive: frozenset[int] = frozenset()
        """Process numbers, as the lab counts, at the end of the run."""
        self._room = room = task.profile.chamber
        declared = set(FILTERING if room.own_filter else ())
        declared |= MOUNTING if room.mounts else set()
        declared |= NETWORKING if "net_admin" in map(capability, room.capabilities) else set()
        self.sources = Sources(raw / "files", raw / "sockets", self._trace, declared=declared)

    def __enter__(self) -> _Observers:
        self._files.start(
            self._chamber.superblocks,
            self._raw / "files",
            self._zero_s,
            planted=self._planted,
            names=Names.of(self._chamber.roots) if self._room.mounts else None,
            origins=self._origins,
            secret_kind=lambda path: place_of(path, SECRETS),
            may_move=self._test_files,
        )
        if self._trace is not None:
            self._log = TraceLog(self._trace, self._raw / "trace")
        tracer = trace.command(self._log.pipe, whole=self._room.own_filter) if self._log else ()
        self._chamber.start(tracer)
        self._sockets.start(self._chamber.init_pid, self._raw / "sockets", self._zero_s)
        self.rebase()
        return self

    def __exit__(self, *_: object) -> None:
        self._sockets.close()
        self._files.close()
        if self._log is not None:
            self._log.close()

    @property
    def layers(self) -> tuple[str, ...]:
        return (
            *self._files.layers,
            *(("trace",) if self._trace else ()),
            "network",
            "sockets",
            "changes",
            "calls",
        )

    def cut(self, number: int) -> None:
        """Step `number` ends: what comes later belongs to the next."""
        self._files.cut()
        self._sockets.cut()
        self._found += self._changes.step(number)

    def rebase(self) -> None:
        """What the lab itself changed is no change."""
        self._changes.rebase()

    def keeps_forged(self) -> bool:
        """Whether something of the lab's forged updates was written anywhere."""
        return any(change.mark for change in self._found)

    def last_look(self) -> None:
        """While the chamber still stands."""
        self.alive = frozenset(int(name) for name in os.listdir("/proc") if name.isdigit())
        self._files.cut()
        self._sockets.stop()

    def stop(self) -> None:
        """The chamber is closed: complete the records. Raises `ConductError` when an observer did not live so long."""
        self._files.stop()
        if self._log is not None:
            self._log.close()
            self.losses = Losses(trace_lines=self._log.lost_lines)
        self._folder.write(Change, self._found)
        if self._changes.too_deep:
            what = f"{self._changes.too_deep} folders lie too deep: what was changed in them is not known."
            self.blind = (*self.blind, unseen(what))


def _places(chamber: Chamber) -> Iterator[Place]:
    """Where the product may write."""
    for upper, inside, lowers in chamber.uppers:
        yield Place(upper, inside, tuple(lowers))
    for name, inside in (("home", "/home"), ("root", "/root")):
        yield Place(chamber.homes_root / name, inside)
    for inside in ("/tmp", "/run", "/dev/shm"):
        yield Place(chamber.merged / inside.lstrip("/"), inside)


def _unfollowed(place: str) -> Blind:
    return unseen(
        f"Below {place}, this kernel or file system does not tell which file another name stands for: a file of the "
        "system that was linked or renamed is recorded under its new name."
    )


def _refused(denied: Iterable[Denied], zero_s: float) -> Iterator[Blind]:
    """What the chamber's filter refused: calls by which a product could hide or look outside."""
    for call in denied:
        times = "once" if call.count == 1 else f"{call.count} times"
        yield Blind(
            at_s=max(0.0, call.at_s - zero_s),
            what=f"It called {call.name} {times}; the chamber refused it.",
            by=None,
            attempt=True,
            defeated=True,
        )


def _limits(task: Task, left_out: int) -> Iterator[Blind]:
    """What this run could not see from the start."""
    room = task.profile.chamber
    if not task.trace:
        yield unseen(
            "Calls were not traced: programs that never opened a file, and what was renamed, is known in part."
        )
    if room.mounts:
        yield unseen("It may mount: what it read from file systems that it mounted itself was not observed.")
    if not task.prepared.commands and not task.prepared.copies:
        yield unseen("It was on this machine already: its installation was not observed.")
    if task.installed is not None:
        yield unseen(
            "It came as the first run had installed it: in this run, its installation was not observed."
        )
    if left_out:
        yield unseen(
            f"Of what its installation had put into the homes, {counted(left_out, 'file')} too many or too large to "
            "be kept did not come with it."
        )


def unseen(what: str) -> Blind:
    """A limit of the lab, in a sentence."""
    return Blind(at_s=None, what=what, by=None, attempt=False, defeated=False)


def _sum(*losses: Losses) -> Losses:
    fields = Losses.__struct_fields__
    return Losses(**{name: sum(getattr(one, name) for one in losses) for name in fields})
