"""In which steps a product met what it is to find, and what shows that it did.

Malware test files are met by who opens them. What an on-access scanner looks at is opened by somebody else, and what
finds a rootkit by the names that it leaves opens nothing: there, only what is printed tells (`finds` in the profile).
Anybody can print: who opens files of the homes, or says that it does, is to open these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from overt.conduct.evidence.records import StepKind, StepRun
from overt.conduct.judge.answering import Fact
from overt.conduct.judge.declared import Declared
from overt.conduct.judge.files import Tally
from overt.conduct.judge.material import RunMaterial
from overt.conduct.judge.unopened import claims

NOT_OPENED = "It opened none of the malware test files, and so found none."
NOT_TOLD = (
    "Nothing tells that it found anything: no line of its output has the words of its profile's `finds`."
)
NO_WORDS = (
    "Malware test files were opened in front of it; but its profile has no words (`finds`) by which it tells that it "
    "found them."
)


def steps(run: RunMaterial, seen: Tally) -> tuple[StepRun, ...]:
    """Those for a scan with a detection, and those in which something to be found met a product that looks at what
    others open."""
    return tuple(
        step
        for step in run.run.steps
        if step.kind is StepKind.SCAN_DETECTION
        or (step.kind is StepKind.ON_ACCESS and (step.found or (run.name, step.number) in seen.met))
    )


def not_shown(runs: Iterable[RunMaterial], declared: Declared, seen: Tally) -> str:
    """Why no step of these runs shows that it found anything, in a sentence; empty if one does."""
    why = [
        _not_shown(step, run, declared, seen)
        for run in runs
        for step in steps(run, seen)
        if not step.repeated
    ]
    return "" if "" in why else next(iter(why), NOT_OPENED)


def told(run: RunMaterial) -> Iterator[Fact]:
    """How it told of what it found."""
    for step in run.run.steps:
        if step.found:
            yield Fact(f"while: {step.kind}, it told: {step.found}", (run.reference(step.output),))


def _not_shown(step: StepRun, run: RunMaterial, declared: Declared, seen: Tally) -> str:
    opened = {one.kind for one in run.run.steps if (run.name, one.number) in seen.met}
    if step.kind is not StepKind.ON_ACCESS:
        opened.discard(StepKind.ON_ACCESS)  # somebody else opened them, for the product to see
    asked = declared.step_of(step)
    if asked is not None and asked.finds:
        if not step.found:
            return NOT_TOLD
        return "" if opened or not (_claims(run, declared) or seen.in_homes) else NOT_OPENED
    if step.kind is StepKind.ON_ACCESS:
        return NO_WORDS
    return "" if opened else NOT_OPENED


def _claims(run: RunMaterial, declared: Declared) -> bool:
    """Whether it says that it reads where the test files are: then it is to show that it does."""
    return any(claims(declared, one.value.path) for one in run.canaries.values() if one.value.detected)
