"""The questions of a report, in the order in which people ask them, and the judge that answers them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from overt.conduct.evidence.conclusions import Answer, Verdict
from overt.conduct.evidence.folder import FILES, ReportFolder
from overt.conduct.evidence.records import (
    Call,
    Change,
    FileAccess,
    Flow,
    Listening,
    Process,
    Record,
    StepKind,
)
from overt.conduct.judge import files, leaving, machine, marking, network, sight, updates
from overt.conduct.judge.answering import Fact, Said, answer, counted
from overt.conduct.judge.declared import Declared
from overt.conduct.judge.files import Tally, tally
from overt.conduct.judge.material import Material, load
from overt.conduct.profile import filled


class Group(StrEnum):
    """What questions are about."""

    FILES = "Your files"
    NETWORK = "The network"
    MACHINE = "Your computer"
    SIGHT = "This examination"


GROUPS = tuple(Group)

Judge = Callable[[Material, Declared], Said]
JudgeOfFiles = Callable[[Material, Declared, Tally], Said]


@dataclass(frozen=True, slots=True)
class Question:
    """One question."""

    name: str
    """Its identifier in answers, requirements and OSCAL."""
    asked: str
    group: Group
    judge: Judge | None = None
    judge_of_files: JudgeOfFiles | None = None

    def say(self, material: Material, declared: Declared, seen: Tally) -> Said:
        """What the evidence says to it."""
        if self.judge is not None:
            return self.judge(material, declared)
        if self.judge_of_files is not None:
            return self.judge_of_files(material, declared, seen)
        raise TypeError(f"question {self.name} has nobody to judge it")


SEARCHED: Mapping[str, type[Record]] = {
    "content-left": Flow,
    "names-left": Flow,
    "digests-left": Flow,
    "after-detection": Flow,
    "secrets": FileAccess,
    "beyond-scope-reads": FileAccess,
    "contact": Flow,
    "undeclared-contact": Flow,
    "plain-transport": Flow,
    "listening": Listening,
    "beyond-scope-changes": Change,
    "beyond-scope-executes": Process,
    "persistence": Change,
    "certificates": Change,
    "privileges": Process,
    "update-integrity": Flow,
    "removal": Change,
    "observer": Call,
}
"""The records in which nothing was found, where the answer is a plain no."""

QUESTIONS = (
    Question("content-left", "Did the content of your files leave?", Group.FILES, leaving.content_left),
    Question("names-left", "Did the names of your files leave?", Group.FILES, leaving.names_left),
    Question(
        "digests-left",
        "Did fingerprints (digests, sizes) of your files leave?",
        Group.FILES,
        leaving.digests_left,
    ),
    Question(
        "marking",
        "Does it treat confidential documents differently?",
        Group.FILES,
        judge_of_files=marking.marking,
    ),
    Question(
        "after-detection",
        "Does it send anything after it found malware?",
        Group.FILES,
        judge_of_files=leaving.after_detection,
    ),
    Question(
        "secrets",
        "Did it open passwords, keys or browser data?",
        Group.FILES,
        judge_of_files=files.secrets,
    ),
    Question(
        "beyond-scope-reads",
        "Did it open files that it has not declared?",
        Group.FILES,
        judge_of_files=files.reads,
    ),
    Question("contact", "Did it contact anyone?", Group.NETWORK, network.contact),
    Question(
        "undeclared-contact", "Did it contact anyone it has not declared?", Group.NETWORK, network.undeclared
    ),
    Question("plain-transport", "Could others read or change its traffic?", Group.NETWORK, network.transport),
    Question("listening", "Can others connect to it?", Group.NETWORK, machine.listening),
    Question(
        "beyond-scope-changes", "Did it change files that it has not declared?", Group.MACHINE, files.changes
    ),
    Question(
        "beyond-scope-executes",
        "Did it run programs that it has not declared?",
        Group.MACHINE,
        files.executes,
    ),
    Question("persistence", "Does it start by itself from now on?", Group.MACHINE, machine.persistence),
    Question(
        "certificates", "Did it change which certificates are trusted?", Group.MACHINE, machine.certificates
    ),
    Question("privileges", "Did it take more rights than it declared?", Group.MACHINE, machine.privileges),
    Question(
        "update-integrity", "Would it install a forged update?", Group.MACHINE, updates.update_integrity
    ),
    Question("removal", "Did it leave anything behind when removed?", Group.MACHINE, machine.removal),
    Question("observer", "Did it try not to be seen?", Group.SIGHT, sight.observer),
    Question("sight", "Could the lab see everything it did?", Group.SIGHT, sight.sight),
)


def judge(folder: ReportFolder) -> tuple[Answer, ...]:
    """All answers to the evidence in `folder`, in the order of `QUESTIONS`. Changes nothing.

    Raises `ConductError` for damaged evidence, `UsageError` for its profile.
    """
    material = load(folder)
    declared = Declared(material.profile)
    seen = tally(material, declared)
    return tuple(
        _answered(question, material, question.say(material, declared, seen)) for question in QUESTIONS
    )


def _answered(question: Question, material: Material, said: Said) -> Answer:
    said = _earned(material, said)
    if said.verdict is Verdict.NO and question.name in SEARCHED and not _cites(said, SEARCHED[question.name]):
        said = said._replace(facts=(*said.facts, _searched(material, SEARCHED[question.name])))
    return answer(question.name, question.asked, said)


def _cites(said: Said, kind: type[Record]) -> bool:
    """Whether a fact is of that record already."""
    return any(f"/{FILES[kind]}" in reference for fact in said.facts for reference in fact.references)


def _searched(material: Material, kind: type[Record]) -> Fact:
    """Where anybody can look for what was not found; a run in which nothing of it was recorded has no such file."""
    name = FILES[kind]
    references = tuple(
        run.reference(name if (run.folder.path / name).is_file() else "run.json") for run in material.runs
    )
    return Fact(f"nothing of the kind in the record of {counted(len(references), 'run')}", references)


WORK = frozenset(StepKind) - {StepKind.INSTALL, StepKind.IDLE, StepKind.STOP, StepKind.UNINSTALL}
"""Kinds of step in which the product itself is asked for something."""


def _earned(material: Material, said: Said) -> Said:
    """A product that never did its work was not examined: that nothing was seen of it clears it of nothing."""
    if said.good and said.verdict is Verdict.NO and not _worked(material):
        return Said(
            Verdict.UNSEEN, None, f"It never did its work, so this shows nothing: {said.summary}", said.facts
        )
    return said


def _worked(material: Material) -> bool:
    """Whether a step ended as expected in which it was asked for something; or whether none was to."""
    version = filled(material.profile.product.version, "version")
    asked = [
        step
        for run in material.runs
        for step in run.run.steps
        if step.kind in WORK and step.command != version and not step.repeated
    ]
    return not asked or any(step.expected for step in asked)
