"""What is new and what is gone between two reports, of two versions of a product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Subject
from overt.conduct.judge import ordinary
from overt.conduct.judge.declared import Declared
from overt.conduct.judge.files import HOMES, LOOKED_INTO, product_changes
from overt.conduct.judge.material import Material, RunMaterial, load
from overt.conduct.judge.network import contacts, names_asked
from overt.conduct.judge.places import place_of
from overt.conduct.judge.secret import SECRETS
from overt.conduct.report import apart
from overt.conduct.report.headline import WORDS

MAX_LISTED = 200
"""Of one sort; how many more there are is said."""
_VARYING = re.compile(
    r"(?<![A-Za-z])(?:[0-9a-f]{8,}|\d{3,})(?![A-Za-z])|(?<=[-_.])[A-Za-z0-9]{6,12}(?=$|\.tmp)"
)
"""Parts of temporary names, process numbers, digests: different in each run of the same version."""


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of conduct: what only the newer report has, and what only the older one has."""

    name: str
    new: tuple[str, ...]
    gone: tuple[str, ...]
    more_new: int = 0
    more_gone: int = 0

    @property
    def same(self) -> bool:
        """Whether nothing changed."""
        return not self.new and not self.gone


@dataclass(frozen=True, slots=True)
class ChangedAnswer:
    """A question that is answered differently."""

    asked: str
    before: str
    after: str
    worse: bool
    better: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs."""

    before: Subject
    after: Subject
    dates: tuple[str, str]
    """When each was examined, in UTC."""
    answers: tuple[ChangedAnswer, ...]
    sorts: tuple[Sort, ...]
    warnings: tuple[str, ...]
    """Why the two can't be compared as they are: other modes, other steps, other observers."""

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.answers and all(sort.same for sort in self.sorts)


def diff(before: Path, after: Path) -> Difference:
    """Compare the report in the folder `after` with that in `before`. Verify both first.

    Raises `ConductError` for damaged reports, and those that take too long or too much memory (`report.apart`).
    """
    return apart.done(partial(_difference, before, after), Difference, "to compare these reports")


def _difference(before: Path, after: Path) -> Difference:
    old, new = ReportFolder(before), ReportFolder(after)
    changed = tuple(_answers(old, new))
    old_material, new_material = load(old), load(new)
    old_sets, new_sets = dict(_sets(old_material)), dict(_sets(new_material))
    return Difference(
        old.subject(),
        new.subject(),
        (_date(old), _date(new)),
        changed,
        tuple(_sort(name, old_sets[name], new_sets[name]) for name in old_sets),
        tuple(_warnings(old_material, new_material)),
    )


def _date(report: ReportFolder) -> str:
    began = min((run.run().began for run in report.runs()), default="at no time")
    return began.replace("T", " ").replace("Z", " UTC")


def _sets(material: Material) -> Iterator[tuple[str, frozenset[str]]]:
    declared = Declared(material.profile)
    yield (
        "destinations",
        frozenset(
            f"{one.place} ({'declared' if one.declared else 'undeclared'})"
            for one in contacts(material, declared)
        ),
    )
    yield "names asked for", frozenset(one.name for one in names_asked(material, declared))
    yield "what left", frozenset(_left(material))
    yield "files opened", frozenset(path for run in material.runs for path in _opened(run))
    yield "programs run", frozenset(_programs(material))
    yield "paths changed", frozenset(_changed(material))
    yield "listening", frozenset(_listening(material))


def _left(material: Material) -> Iterator[str]:
    for run in material.runs:
        for one in run.sightings:
            if canary := run.canaries.get(one.value.canary):
                yield f"{one.value.form} of a planted {canary.value.format} file ({canary.value.side})"


def _opened(run: RunMaterial) -> Iterator[str]:
    """What it opened that is neither its own nor what every program opens."""
    planted = _planted(run)
    for access in run.accesses():
        path = access.value.path
        if access.value.access not in LOOKED_INTO or path in run.own:
            continue
        if place_of(path, SECRETS) or not ordinary.ordinary_read(path):
            yield planted.get(path) or _steady(path)


def _programs(material: Material) -> Iterator[str]:
    for run in material.runs:
        for number in run.processes:
            yield _steady(run.program(number))


def _changed(material: Material) -> Iterator[str]:
    planted = {run.name: _planted(run) for run in material.runs}
    for run, change in product_changes(material):
        path = change.value.path
        yield f"{planted[run.name].get(path) or _steady(path)} ({change.value.changed})"


def _listening(material: Material) -> Iterator[str]:
    for run in material.runs:
        for one in run.listening:
            yield one.value.place


def _planted(run: RunMaterial) -> dict[str, str]:
    """Planted files by their sort: their names differ from run to run."""
    planted = run.planted.values()
    return {one.path: f"a planted file ({one.secret or f'{one.format}, {one.side}'})" for one in planted}


def _steady(text: str) -> str:
    """`text` without what differs from run to run."""
    if text.startswith(HOMES):
        return f"{text.rpartition('/')[0]}/*"
    return _VARYING.sub("*", text)


def _sort(name: str, before: frozenset[str], after: frozenset[str]) -> Sort:
    new, gone = sorted(after - before), sorted(before - after)
    return Sort(
        name,
        tuple(new[:MAX_LISTED]),
        tuple(gone[:MAX_LISTED]),
        max(0, len(new) - MAX_LISTED),
        max(0, len(gone) - MAX_LISTED),
    )


def _answers(before: ReportFolder, after: ReportFolder) -> Iterator[ChangedAnswer]:
    old = {answer.question: answer for answer in before.answers()}
    for new in after.answers():
        then = old.get(new.question)
        if then is not None and (then.verdict, then.good) != (new.verdict, new.good):
            yield ChangedAnswer(
                new.asked,
                f"{WORDS[then.verdict]}: {then.summary}",
                f"{WORDS[new.verdict]}: {new.summary}",
                new.good is False and then.good is not False,
                then.good is False and new.good is not False,
            )


def _warnings(before: Material, after: Material) -> Iterator[str]:
    for (what, old), (_, new) in zip(_setting(before), _setting(after), strict=True):
        if old != new:
            yield f"other {what}: {', '.join(sorted(old)) or 'none'} before, {', '.join(sorted(new)) or 'none'} now"


def _setting(material: Material) -> Iterator[tuple[str, frozenset[str]]]:
    """How the product was examined."""
    runs = material.runs
    yield "modes", frozenset(run.run.mode.value for run in runs)
    yield "clock", frozenset(run.run.machine.clock for run in runs if run.run.machine)
    yield "observers", frozenset(layer for run in runs for layer in run.run.layers)
    yield "steps", frozenset(step.kind.value for run in runs for step in run.run.steps)


def lines(difference: Difference) -> Iterator[str]:
    """The difference in words, one line a fact; names are as the product chose them: make them visible."""
    for warning in difference.warnings:
        yield f"not the same examination: {warning}"
    for answer in difference.answers:
        mark = "worse" if answer.worse else "better" if answer.better else "other"
        yield f"{mark}: {answer.asked} {answer.after} (before: {answer.before})"
    for sort in difference.sorts:
        for sign, names, more in (("+", sort.new, sort.more_new), ("-", sort.gone, sort.more_gone)):
            for name in names:
                yield f"{sign} {sort.name}: {name}"
            if more:
                yield f"{sign} {sort.name}: and {more:,} more"
    if difference.same:
        yield "no difference was found"
