"""What a report shows, once for all its forms: HTML, PDF, OSCAL, the differences between two versions.

Everything here is bounded: a run with a million accesses gives a page of the same size as one with a hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from overt.conduct.evidence.conclusions import Answer, Compared, Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Losses, Mode, Run, Subject
from overt.conduct.judge import GROUPS, QUESTIONS
from overt.conduct.judge.declared import Declared
from overt.conduct.judge.material import Material, RunMaterial, load
from overt.conduct.judge.network import Contact, contacts
from overt.conduct.judge.questions import Group
from overt.conduct.report import headline
from overt.conduct.report.build import SHOWN_DIGITS, Build
from overt.conduct.report.headline import Tone
from overt.conduct.report.pairs import PairRow, pair_rows
from overt.conduct.report.timeline import TimeLine, time_line

MAX_DESTINATIONS = 200
MAX_TIME_LINES = 3
MAX_DECLARED = 300
"""Lines of a profile's scope; the profile has all."""
MAX_CITED = 800
"""Lines of evidence quoted in the report itself."""
MAX_CITED_CHARACTERS = 600
MAX_FILES = 2000
"""Files of evidence listed; the signed statement lists all."""
MAX_REFERENCE_LINE = 1 << 20
"""Bytes of a line that is read to quote it."""

MODES = {
    Mode.DEAD: "without a network",
    Mode.SINK: "the lab's own servers answered",
    Mode.REPLAY: "recorded answers were replayed",
    Mode.PASS_THROUGH: "with the real network",
}

GROUP_OF = {question.name: question.group for question in QUESTIONS}


@dataclass(frozen=True, slots=True)
class Link:
    """A reference to evidence: `anchor` is where this report quotes it, or empty."""

    text: str
    file: str
    anchor: str


@dataclass(frozen=True, slots=True)
class ShownFact:
    """A fact and its evidence."""

    text: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """An answer as people see it."""

    name: str
    asked: str
    verdict: Verdict
    tone: Tone
    word: str
    summary: str
    facts: tuple[ShownFact, ...]


@dataclass(frozen=True, slots=True)
class Cited:
    """A line of evidence, quoted."""

    anchor: str
    reference: str
    file: str
    text: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """How one run went."""

    name: str
    arm: str
    mode: Mode
    began: str
    seed: int
    kernel: str
    system: str
    """On what it ran, in words."""
    layers: tuple[str, ...]
    capabilities: tuple[str, ...]
    steps: tuple[tuple[str, str, str, str], ...]
    """Number and kind, command, duration, how it ended."""
    losses: str
    lost: bool


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file of evidence."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class View:
    """A whole report."""

    subject: Subject
    made: str
    build: Build
    """Which judged."""
    tone: Tone
    title: str
    lead: str
    groups: tuple[tuple[Group, tuple[ShownAnswer, ...]], ...]
    contacts: tuple[Contact, ...]
    more_contacts: int
    time_lines: tuple[TimeLine, ...]
    pairs: tuple[PairRow, ...]
    compared: tuple[Compared, ...]
    runs: tuple[RunRow, ...]
    declared: tuple[tuple[str, str, tuple[str, ...]], ...]
    """What for, which field, the patterns."""
    cited: tuple[Cited, ...]
    files: tuple[FileRow, ...]
    more_files: int

    @property
    def modes(self) -> tuple[str, ...]:
        """What answered the product's traffic, in words."""
        return tuple(dict.fromkeys(MODES.get(run.mode, run.mode) for run in self.runs))

    @property
    def systems(self) -> tuple[str, ...]:
        """On what it ran."""
        return tuple(dict.fromkeys(run.system for run in self.runs))

    @property
    def answers(self) -> tuple[ShownAnswer, ...]:
        """All of them, group after group."""
        return tuple(answer for _, answers in self.groups for answer in answers)

    def answer(self, name: str) -> ShownAnswer | None:
        """The answer to one question."""
        return next((answer for answer in self.answers if answer.name == name), None)


def view_of(folder: ReportFolder, made: str, build: Build) -> View:
    """The view of the report in `folder`, whose answers are written already; `made` is ISO 8601, UTC; `build` judged.

    Raises `ConductError` and `UsageError` for damaged evidence.
    """
    material, answers, subject = load(folder), folder.answers(), folder.subject()
    declared = Declared(material.profile)
    cited = _quote(folder.path, answers)
    shown = {answer.question: _shown(answer, cited) for answer in answers}
    groups = tuple(
        (group, tuple(shown[one.question] for one in answers if GROUP_OF.get(one.question) is group))
        for group in GROUPS
    )
    found = contacts(material, declared)
    files = sorted(_files(folder), key=lambda row: row.path)
    return View(
        subject=subject,
        made=made,
        build=build,
        tone=headline.tone(answers),
        title=headline.title(subject.name, answers),
        lead=headline.lead(answers),
        groups=groups,
        contacts=tuple(found[:MAX_DESTINATIONS]),
        more_contacts=max(0, len(found) - MAX_DESTINATIONS),
        time_lines=tuple(map(time_line, _for_time_lines(material.runs))),
        pairs=pair_rows(material),
        compared=tuple(sorted((one.value for one in material.compared), key=lambda one: one.p_corrected)),
        runs=tuple(map(_run_row, material.runs)),
        declared=tuple(islice(_declared(material), MAX_DECLARED)),
        cited=tuple(cited.values()),
        files=tuple(files[:MAX_FILES]),
        more_files=max(0, len(files) - MAX_FILES),
    )


def _shown(answer: Answer, cited: dict[str, Cited]) -> ShownAnswer:
    facts = tuple(
        ShownFact(text, tuple(_link(reference, cited) for reference in references.split()))
        for text, references in zip(answer.facts, answer.evidence, strict=True)
    )
    return ShownAnswer(
        answer.question,
        answer.asked,
        answer.verdict,
        headline.tone_of(answer),
        headline.WORDS[answer.verdict],
        answer.summary,
        facts,
    )


def _link(reference: str, cited: dict[str, Cited]) -> Link:
    file, _, line = reference.partition("#")
    short = file.removeprefix("evidence/").removeprefix("runs/")
    quoted = cited.get(reference)
    return Link(f"{short}, line {line}" if line else short, file, quoted.anchor if quoted else "")


def _quote(folder: Path, answers: Sequence[Answer]) -> dict[str, Cited]:
    """The lines of evidence that the answers rest on, by reference, read file by file."""
    wanted: dict[str, dict[int, str]] = {}
    order: dict[str, str] = {}
    for reference in _references(answers):
        file, _, line = reference.partition("#")
        if line.isdigit() and len(order) < MAX_CITED:
            order[reference] = f"e{len(order) + 1}"
            wanted.setdefault(file, {})[int(line)] = reference
    texts: dict[str, str] = {}
    for file, lines in wanted.items():
        texts |= {lines[number]: text for number, text in _lines(folder / file, frozenset(lines))}
    return {
        reference: Cited(anchor, reference, reference.partition("#")[0], texts[reference])
        for reference, anchor in order.items()
        if reference in texts
    }


def _references(answers: Sequence[Answer]) -> Iterator[str]:
    seen: set[str] = set()
    for answer in answers:
        for references in answer.evidence:
            for reference in references.split():
                if reference not in seen:
                    seen.add(reference)
                    yield reference


def _lines(path: Path, numbers: frozenset[int]) -> Iterator[tuple[int, str]]:
    last = max(numbers)
    with open(path, "rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(MAX_REFERENCE_LINE), b""), 1):
            if number in numbers:
                yield number, line.decode("utf-8", "replace").strip()[:MAX_CITED_CHARACTERS]
            if number >= last:
                return


def _files(folder: ReportFolder) -> Iterator[FileRow]:
    for path in folder.evidence.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield FileRow(str(path.relative_to(folder.path)), path.stat().st_size)


def _for_time_lines(runs: Sequence[RunMaterial]) -> Sequence[RunMaterial]:
    """One run of each arm, mixed ones first: the repetitions look alike."""
    first: dict[str, RunMaterial] = {}
    for run in sorted(runs, key=lambda run: (run.run.arm != "mixed", run.name)):
        first.setdefault(run.run.arm, run)
    return list(first.values())[:MAX_TIME_LINES]


def _run_row(run: RunMaterial) -> RunRow:
    losses = run.run.losses
    lost = [
        f"{name.replace('_', ' ')} {count:,}"
        for name in Losses.__struct_fields__
        if (count := getattr(losses, name))
    ]
    return RunRow(
        name=run.name,
        arm=run.run.arm,
        mode=run.run.mode,
        began=run.run.began,
        seed=run.run.seed,
        kernel=run.run.kernel,
        system=_system(run.run),
        layers=run.run.layers,
        capabilities=run.run.capabilities,
        steps=tuple(
            (
                f"{step.number} {step.kind}{', repeated by the lab' if step.repeated else ''}",
                " ".join(step.command),
                f"{step.ended_s - step.began_s:.1f} s",
                "did not end in time" if step.timed_out else _ended(step.exit_status, step.expected),
            )
            for step in run.run.steps
        ),
        losses="lost: " + ", ".join(lost) if lost else "nothing lost",
        lost=bool(lost),
    )


def _system(run: Run) -> str:
    if run.machine is not None:
        machine = run.machine
        return f"a virtual machine: {machine.system} ({machine.emulator}, clock set to {machine.clock})"
    if run.system is None:
        return "a system that is not told"
    name = run.system.name or "a system without a name"
    if run.system.snapshot:
        return f"a snapshot: {name} (sha256 {run.system.sha256[:SHOWN_DIGITS]})"
    return f"the lab's own system below an overlay: {name}"


def _ended(status: int | None, expected: bool) -> str:
    if status is None:
        return "went on"
    return f"status {status}" + ("" if expected else ", unexpected")


def _declared(material: Material) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for scope in material.profile.scope:
        when = ", ".join(scope.steps) or "always"
        for field in ("reads", "writes", "executes", "connects", "listens", "privileges", "sends"):
            if patterns := getattr(scope, field):
                yield when, field, patterns
