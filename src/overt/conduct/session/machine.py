"""One run in a virtual machine, as the warden does it: seen is what leaves it, and its disk after each step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from overt.conduct.canary.plan import plan as plan_canaries
from overt.conduct.canary.plant import plant
from overt.conduct.chamber import inside, preflight, trust, warden
from overt.conduct.chamber.plan import ALICE
from overt.conduct.chamber.trust import Trusted
from overt.conduct.chamber.vm import image, machine, reading, system
from overt.conduct.chamber.vm.cable import Cable
from overt.conduct.chamber.vm.machine import Machine, MachinePlan
from overt.conduct.evidence import records
from overt.conduct.evidence.records import Blind, Canary, Change, Mode, Run
from overt.conduct.observe import attribution
from overt.conduct.observe.changes import ChangeObserver, Place
from overt.conduct.profile import PLACES, Archive, Install, Wheel, clock
from overt.conduct.profile import Machine as Asked
from overt.conduct.session.exercise import Exercise, Tell
from overt.conduct.session.observed import unseen
from overt.conduct.session.task import Housing, Task
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.server import Sink
from overt.core.errors import ConductError

CONSOLE = "console.txt"
DISK = "disk/image"


def missing(asked: Asked, snapshot: Path | None) -> list[str]:
    """What this machine lacks to run a virtual one, each with how to get it."""
    makes_debian = asked.system == "debian" and snapshot is None
    return [*preflight.missing(trace=False), *machine.missing(makes_debian)]


def house(asked: Asked, install: Install, snapshot: Path | None, work: Path, tell: Tell) -> Housing:
    """Fetch what a machine boots from, and make its system, once for all runs. Raises `ConductError`."""
    tell("fetching a kernel for virtual machines")
    parts = image.fetch(work / "kernel")
    root = snapshot or work / "system"
    if snapshot is None and asked.system == "minimal":
        system.minimal(root, parts)
    elif snapshot is None:
        tell("installing a Debian for it, which takes minutes")
        system.debian(root, (*asked.packages, *_needed(install)))
    return Housing(asked, parts, root, machine.emulator())


def _needed(install: Install) -> tuple[str, ...]:
    """Packages by which the product is installed."""
    match install:
        case Wheel():
            return ("python3-venv",)
        case Archive():
            return ("bzip2", "unzip", "xz-utils", "zstd")
    return ()


def observe(task: Task, housing: Housing, tell: Tell, work: Path) -> None:
    """Make the run; called in the warden (`chamber.warden.in_warden`). `tell` says what is going on. Raises
    `ConductError`, `OSError`."""
    zero_s, now = time.monotonic(), datetime.now(UTC)
    shown = clock(housing.asked.clock, now, "[machine] clock")
    authority = Authority.new(shown - now)
    with Cable() as cable:
        trusted = _furnish(task, housing, cable, authority, work)
        out = warden.host_network() if task.mode is Mode.PASS_THROUGH else -1
        sink = Sink(task.sink, authority, task.folder, cable.network.sink_interface, zero_s, out)
        plan = MachinePlan(housing.parts, work / DISK, shown, housing.asked.memory_mb)
        tell(f"booting a virtual machine, whose clock shows {_iso(shown)}")
        with sink, Machine(plan, cable, work, task.folder.path / CONSOLE) as subject:
            disk = _DiskObserver(subject, work, zero_s)
            exercise = Exercise(subject, task, trusted.environment, sink.forging, zero_s, tell)
            for step in chain(exercise.installation(), exercise.rest(disk.keeps_forged)):
                exercise.run(step)
                disk.cut(len(exercise.done))
            subject.close()
            caught = sink.stop()
    attribution.place(task.folder, exercise.done)
    task.folder.write(Change, disk.found)
    task.folder.write_run(
        Run(
            name=task.planned.name,
            arm=task.planned.arm,
            seed=task.planned.seed,
            mode=task.mode,
            began=_iso(now),
            kernel=housing.parts.release,
            layers=("network", *disk.layers),
            capabilities=(),
            steps=tuple(exercise.done),
            losses=caught.losses,
            blind=(*caught.blind, *disk.blind, *_limits(task, trusted)),
            machine=records.Machine(
                system=task.system.name,
                emulator=housing.emulator,
                clock=_iso(shown),
                memory_mb=housing.asked.memory_mb,
            ),
        )
    )


def _furnish(task: Task, housing: Housing, cable: Cable, authority: Authority, work: Path) -> Trusted:
    """The machine's disk, from its system, with canaries in the homes and what the product is installed from."""
    root = work / "root"
    system.copy(housing.root, root)
    homes = system.furnish(root, housing.parts, cable.network)
    planned = plan_canaries(task.planned.arm, task.planned.seed, task.pairs)
    task.folder.write(Canary, plant(planned, homes, ALICE.uid))
    copies = (*task.prepared.copies, *(((task.files, PLACES["files"]),) if task.files else ()))
    for source, place in copies:
        inside.bring(source, inside.at(root, place))
    trusted = trust.establish(root, authority.pem)
    (work / DISK).parent.mkdir()
    image.disk(root, work / DISK, housing.asked.disk_mb)
    return trusted


class _DiskObserver:
    """Compares what is on the machine's disk from step to step, while it stands still."""

    def __init__(self, subject: Machine, work: Path, zero_s: float) -> None:
        """How it is now is how things were."""
        self.found: list[Change] = []
        self._blind: tuple[Blind, ...] = ()
        self._subject, self._work, self._zero_s = subject, work, zero_s
        self._changes = ChangeObserver((Place(work / reading.CONTENTS, "/"),))
        self._look(self._changes.rebase)

    def cut(self, number: int) -> None:
        """Step `number` ends."""
        if not self._blind:
            self._look(lambda: self.found.extend(self._changes.step(number)))

    def keeps_forged(self) -> bool:
        """Whether something of the lab's forged updates is on it."""
        return any(change.mark for change in self.found)

    @property
    def layers(self) -> tuple[str, ...]:
        """Changes were observed only if every step's were."""
        return () if self._blind else ("changes",)

    @property
    def blind(self) -> tuple[Blind, ...]:
        deep = self._changes.too_deep
        what = f"{deep} folders lie too deep: what was changed in them is not known."
        return (*self._blind, *((unseen(what),) if deep else ()))

    def _look(self, compare: Callable[[], None]) -> None:
        at_s = round(time.monotonic() - self._zero_s, 6)
        try:
            with self._subject.paused(), reading.contents(self._work / DISK, self._work):
                compare()
        except ConductError as error:
            what = f"What it changed from then on is not known: {error}."
            self._blind = (Blind(at_s=at_s, what=what, by=None, attempt=False, defeated=False),)


def _limits(task: Task, trusted: Trusted) -> Iterator[Blind]:
    """What could not be seen from outside, beside what the judge says of every machine."""
    yield unseen("How its steps ended, and what they printed, is what the virtual machine itself said.")
    yield unseen(
        "Of its disk, owners of files and set-user-ID bits were not compared; what it kept in memory (/run, /dev/shm, "
        "what it mounted) was not either."
    )
    if task.prepared.commands:
        yield unseen(
            "What its installation brought trusts the lab's authority only as far as it asks the system's certificates."
        )
    for words in trusted.not_done:
        yield unseen(f"The lab's authority is not trusted everywhere: {words}.")


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
