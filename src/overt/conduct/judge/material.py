"""The evidence of a whole report as the judge needs it, each record with the line that it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Generic, NamedTuple, TypeVar

from overt.conduct import profile as profiles
from overt.conduct.evidence import folder as places
from overt.conduct.evidence.conclusions import Compared, OpaqueBytes, Sighting
from overt.conduct.evidence.folder import FILES, ReportFolder, RunFolder
from overt.conduct.evidence.records import (
    Canary,
    Change,
    Changed,
    FileAccess,
    Flow,
    Listening,
    Process,
    Record,
    Run,
    StepKind,
    StepRun,
)
from overt.conduct.judge.shipped import NOTHING_LISTED, Shipped
from overt.conduct.profile import Profile

R = TypeVar("R", bound=Record)

UNKNOWN = "a program that could not be told"
INTERPRETERS = ("python", "perl", "ruby", "node", "bash", "dash", "sh", "php", "java")
"""Beginnings of programs' names that run another file: that one is named too."""


class Cited(NamedTuple, Generic[R]):
    """A record and where it stands."""

    value: R
    reference: str
    """`evidence/runs/NAME/FILE#LINE`."""


@dataclass(frozen=True)
class RunMaterial:
    """One run's evidence. File accesses are the many: they are read once, when `accesses` is iterated."""

    folder: RunFolder
    run: Run
    installed: frozenset[str] = frozenset()
    """What the report's first run added when it installed the product: later ones begin with it."""

    @property
    def name(self) -> str:
        """Its folder's name: `mixed-1`."""
        return self.run.name

    def reference(self, file: str) -> str:
        """The path of one of its files below the report's folder."""
        return f"evidence/runs/{self.folder.path.name}/{file}"

    def read(self, kind: type[R]) -> Iterator[Cited[R]]:
        """All records of one kind. Raises `ConductError`."""
        file = self.reference(FILES[kind])
        for number, record in enumerate(self.folder.read(kind), 1):
            yield Cited(record, f"{file}#{number}")

    def accesses(self) -> Iterator[Cited[FileAccess]]:
        """What was done with files."""
        return self.read(FileAccess)

    @cached_property
    def flows(self) -> dict[int, Cited[Flow]]:
        """By number."""
        return {flow.value.number: flow for flow in self.read(Flow)}

    @cached_property
    def processes(self) -> dict[int, Cited[Process]]:
        """By number."""
        return {process.value.number: process for process in self.read(Process)}

    @cached_property
    def canaries(self) -> dict[int, Cited[Canary]]:
        """By number."""
        return {canary.value.number: canary for canary in self.read(Canary)}

    @cached_property
    def planted(self) -> dict[str, Canary]:
        """By path."""
        return {canary.value.path: canary.value for canary in self.canaries.values()}

    @cached_property
    def sightings(self) -> tuple[Cited[Sighting], ...]:
        """What the finder found in what left."""
        return tuple(self.read(Sighting))

    @cached_property
    def opaque(self) -> tuple[Cited[OpaqueBytes], ...]:
        """What left and could not be read, by destination."""
        return tuple(self.read(OpaqueBytes))

    @cached_property
    def changes(self) -> tuple[Cited[Change], ...]:
        """In the order of their steps."""
        return tuple(self.read(Change))

    @cached_property
    def own(self) -> frozenset[str]:
        """Files that the product brought or made itself: reading that tells it nothing, and running that runs nobody
        else's program."""
        added = {change.value.path for change in self.changes if change.value.changed is Changed.ADDED}
        return frozenset((self.installed - self.planted.keys()) | added)

    @cached_property
    def listening(self) -> tuple[Cited[Listening], ...]:
        """Where it waited for others."""
        return tuple(self.read(Listening))

    @cached_property
    def _steps(self) -> Mapping[int, StepRun]:
        return {step.number: step for step in self.run.steps}

    def step(self, number: int) -> StepRun | None:
        """The step of that number, if one was under way."""
        return self._steps.get(number)

    def step_at(self, at_s: float) -> StepRun | None:
        """The step that was under way then."""
        return next((step for step in self.run.steps if step.began_s <= at_s <= step.ended_s), None)

    def kind_of(self, step: int) -> StepKind:
        """What was exercised; between steps, what is declared for commands in general holds."""
        found = self._steps.get(step)
        return found.kind if found else StepKind.COMMAND

    def program(self, process: int | None) -> str:
        """How a process is named to people: its program, and the script that an interpreter runs."""
        return self._programs.get(process, UNKNOWN) if process is not None else UNKNOWN

    @cached_property
    def _programs(self) -> dict[int, str]:
        return {number: program_of(found.value) or UNKNOWN for number, found in self.processes.items()}

    def observed(self, layer: str) -> bool:
        """Whether that observer was at work."""
        return layer in self.run.layers

    @property
    def files_observed(self) -> bool:
        """Whether anybody saw which files were opened."""
        return self.observed("open") or self.observed("ranges")


@dataclass(frozen=True)
class Material:
    """A whole report's evidence."""

    profile: Profile
    runs: tuple[RunMaterial, ...]
    compared: tuple[Cited[Compared], ...]
    shipped: Shipped = NOTHING_LISTED
    """What its packages list."""

    @property
    def name(self) -> str:
        """The product's."""
        return self.profile.product.name


def load(folder: ReportFolder) -> Material:
    """The evidence in `folder`. Raises `ConductError` when it is damaged, `UsageError` for its profile."""
    compared = (
        Cited(value, f"evidence/{places.COMPARED}#{number}")
        for number, value in enumerate(folder.compared(), 1)
    )
    runs = [RunMaterial(run, run.run()) for run in folder.runs()]
    installed = _installed(min(runs, key=lambda run: (run.run.began, run.name))) if runs else frozenset()
    return Material(
        profiles.read(folder.evidence / places.PROFILE),
        tuple(replace(run, installed=installed) for run in runs),
        tuple(compared),
        Shipped.of(folder.subject()),
    )


def _installed(run: RunMaterial) -> frozenset[str]:
    added = (change.value for change in run.changes if change.value.changed is Changed.ADDED)
    return frozenset(one.path for one in added if run.kind_of(one.step) is StepKind.INSTALL)


def program_of(process: Process) -> str:
    """The program, and the script that an interpreter runs."""
    name = PurePosixPath(process.program).name
    if name.startswith(INTERPRETERS):
        script = next((word for word in process.arguments[1:] if not word.startswith("-")), "")
        if script.startswith("/") or "." in script:
            return f"{script} ({name})"
    return process.program
