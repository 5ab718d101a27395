"""From a report's answers to requirements passed, failed or not shown, and to the level that is reached. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from overt.conduct import profile as profiles
from overt.conduct.certify.requirements import DEPTHS, REQUIREMENTS, Level, Requirement
from overt.conduct.compare.pairs import pairs_of
from overt.conduct.evidence.conclusions import Answer, Verdict
from overt.conduct.evidence.folder import PROFILE, ReportFolder
from overt.conduct.evidence.records import Arm, Canary, StepKind, StepRun
from overt.conduct.judge.answering import counted
from overt.conduct.profile import Archive, Folder
from overt.conduct.report import apart


class Result(StrEnum):
    """Of one requirement."""

    PASS = "pass"
    FAIL = "fail"
    NOT_SHOWN = "not shown"
    """The evidence does not tell: it neither counts as passed nor as failed, and no certificate rests on it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One requirement, assessed."""

    requirement: Requirement
    result: Result
    words: str


@dataclass(frozen=True, slots=True)
class Exercised:
    """How much a report's runs exercised."""

    runs: int
    pairs: int
    """In the run with the fewest of those that have both halves."""
    arms: frozenset[str]
    steps: frozenset[StepKind]


@dataclass(frozen=True, slots=True)
class Assessment:
    """A report against the scheme."""

    outcomes: tuple[Outcome, ...]
    level: Level
    lacking: tuple[str, ...]
    """What keeps it from the next level, in words."""


def assess(folder: ReportFolder) -> Assessment:
    """Assess the report in `folder` by its stored answers: verify it first. Raises `ConductError`, also when that takes
    too long or too much memory (`report.apart`)."""
    return assessed(*apart.done(partial(_read, folder), tuple[tuple[Answer, ...], Exercised], "to assess it"))


def _read(folder: ReportFolder) -> tuple[tuple[Answer, ...], Exercised]:
    return folder.answers(), exercised(folder)


def assessed(answers: Sequence[Answer], done: Exercised) -> Assessment:
    """Assess these answers."""
    by_question = {answer.question: answer for answer in answers}
    outcomes = tuple(_outcome(one, by_question.get(one.question)) for one in REQUIREMENTS)
    level, lacking = Level.NONE, tuple[str, ...]()
    for step in (Level.DISCREET, Level.MODEST, Level.ACCOUNTABLE):
        lacking = (*_not_passed(outcomes, step), *_too_little(done, step))
        if lacking:
            break
        level = step
    return Assessment(outcomes, level, lacking)


def exercised(folder: ReportFolder) -> Exercised:
    """What the runs in `folder` exercised: steps that did not end as expected do not count. Raises `ConductError`."""
    runs = [(run, run.run()) for run in folder.runs()]
    pairs = [
        len([*pairs_of(record.name, run.read(Canary))]) for run, record in runs if record.arm is Arm.MIXED
    ]
    steps = {step.kind for _, record in runs for step in record.steps if _did_its_work(step)}
    if isinstance(profiles.read(folder.evidence / PROFILE).install, Folder | Archive):
        steps.add(StepKind.INSTALL)  # nothing of it runs when it is copied or unpacked
    arms = frozenset(record.arm.value for _, record in runs)
    return Exercised(len(runs), min(pairs, default=0), arms, frozenset(steps))


def _did_its_work(step: StepRun) -> bool:
    return step.expected and not step.timed_out and not step.repeated


def _outcome(requirement: Requirement, answer: Answer | None) -> Outcome:
    if answer is None:
        return Outcome(requirement, Result.NOT_SHOWN, "the report does not answer this")
    return Outcome(requirement, _result(requirement, answer), answer.summary)


def _result(requirement: Requirement, answer: Answer) -> Result:
    if answer.verdict is Verdict.UNSEEN:
        return Result.NOT_SHOWN
    if answer.good is None:
        return Result.PASS if requirement.declared_passes else Result.NOT_SHOWN
    return Result.PASS if answer.good else Result.FAIL


def _not_passed(outcomes: Iterable[Outcome], level: Level) -> list[str]:
    return [
        f"{one.requirement.name} {one.requirement.title}: {one.result}: {one.words}"
        for one in outcomes
        if one.requirement.level is level and one.result is not Result.PASS
    ]


def _too_little(done: Exercised, level: Level) -> list[str]:
    """What the runs lack for this level."""
    wanted = DEPTHS[level]
    lacking = []
    if done.runs < wanted.runs:
        lacking.append(
            f"{counted(done.runs, 'run')}: level {level} needs {wanted.runs} (--runs, --differential)"
        )
    if done.pairs < wanted.pairs:
        lacking.append(f"{counted(done.pairs, 'matched pair')}: level {level} needs {wanted.pairs} (--pairs)")
    if arms := wanted.arms - done.arms:
        lacking.append(
            f"no run with {', '.join(sorted(arms))} files: level {level} needs them (--differential)"
        )
    if steps := [" or ".join(kinds) for kinds in wanted.steps if not done.steps.intersection(kinds)]:
        lacking.append(f"not exercised: {', '.join(steps)}: level {level} needs it")
    return lacking
