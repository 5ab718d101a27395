"""What the product opened, changed and ran beyond what it had declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.records import Access, Change, Changed, FileAccess, Process, StepKind
from overt.conduct.judge import ordinary
from overt.conduct.judge.answering import Fact, Said, counted, seconds_text, some
from overt.conduct.judge.declared import Declared
from overt.conduct.judge.material import INTERPRETERS, Cited, Material, RunMaterial
from overt.conduct.judge.places import place_of
from overt.conduct.judge.secret import SECRETS
from overt.conduct.profile import PLACES

INSTALLING = (StepKind.INSTALL, StepKind.UNINSTALL)
"""Steps in which an installer or a package manager is at work: whatever it installs, it runs the system's programs."""
SET_ID = ("set-user-ID", "set-group-ID")
"""In a change's detail."""
LOOKED_INTO = (Access.OPEN, Access.READ)
"""How a file's content is got at: a directory's entries, or a program's start, are something else."""
HOMES = f"{PLACES['homes']}/"
MAX_EXAMPLES = 4
"""Paths named for one program."""


@dataclass
class Opened:
    """What one program opened in one kind of step that it had not declared."""

    program: str
    kind: StepKind
    secret: str
    """What kind of secret all of it is; empty for none."""
    declared: bool
    paths: set[str] = field(default_factory=set)
    times: int = 0
    first_s: float = 0.0
    references: list[str] = field(default_factory=list)

    def add(self, access: Cited[FileAccess]) -> None:
        """Count one more; the first paths are cited."""
        value = access.value
        if not self.paths:
            self.first_s = value.at_s
        if value.path not in self.paths and len(self.references) < MAX_EXAMPLES:
            self.references.append(access.reference)
        self.paths.add(value.path)
        self.times += value.count

    @property
    def fact(self) -> Fact:
        """All of it in a sentence."""
        what = f"{self.secret}: " if self.secret else ""
        known = "" if self.declared else "undeclared: "
        text = (
            f"{known}{what}{self.program} opened {counted(len(self.paths), 'file')}, {counted(self.times, 'time')}, "
            f"while: {self.kind}; first {seconds_text(self.first_s)}: {some(sorted(self.paths), MAX_EXAMPLES)}"
        )
        return Fact(text, tuple(self.references))


@dataclass
class Tally:
    """What all runs' accesses say, read in one pass."""

    secrets: list[Opened]
    beyond: list[Opened]
    listed: tuple[str, ...]
    """Undeclared folders whose entries were listed."""
    opened: frozenset[tuple[str, int]] = frozenset()
    """(run, number) of each planted file that was opened."""
    met: frozenset[tuple[str, int]] = frozenset()
    """(run, number) of each step in which a malware test file was opened."""
    in_homes: frozenset[str] = frozenset()
    """Runs in which any file of the homes was opened, whatever its name was then."""


def tally(material: Material, declared: Declared) -> Tally:
    """Read every access once. Raises `ConductError` for damaged evidence."""
    groups: dict[tuple[str, StepKind, str, bool], Opened] = {}
    listed: set[str] = set()
    opened: set[tuple[str, int]] = set()
    met: set[tuple[str, int]] = set()
    in_homes: set[str] = set()
    for run in material.runs:
        own = run.own
        for access in run.accesses():
            value = access.value
            if value.access is Access.LIST:
                if not _is_known(declared, own, run.kind_of(value.step), _entry_of(value.path)):
                    listed.add(value.path)
                continue
            if value.path.startswith(HOMES):
                in_homes.add(run.name)
            canary = run.planted.get(value.path)
            if canary and value.access in LOOKED_INTO:
                opened.add((run.name, canary.number))
                if canary.detected:
                    met.add((run.name, value.step))
            secret = canary.secret if canary and canary.secret else place_of(value.path, SECRETS)
            kind = run.kind_of(value.step)
            known = _is_known(declared, own, kind, value.path, bool(secret) or canary is not None)
            if kind in INSTALLING and canary is None:
                program = run.program(value.process).partition(" (")[0]
                known = known or (program not in own and ordinary.installers_read(program, secret))
            if secret or (not known and value.access is not Access.EXECUTE):
                group = (run.program(value.process), kind, secret, known)
                groups.setdefault(group, Opened(*group)).add(access)
    many = sorted(
        groups.values(), key=lambda one: (one.declared, one.secret == "", -len(one.paths), one.program)
    )
    return Tally(
        [one for one in many if one.secret],
        [one for one in many if not one.declared],
        tuple(sorted(listed)),
        frozenset(opened),
        frozenset(met),
        frozenset(in_homes),
    )


def opened_canaries(run: RunMaterial) -> frozenset[int]:
    """The planted files that were opened or read in this run, by number."""
    return frozenset(
        run.planted[access.value.path].number
        for access in run.accesses()
        if access.value.path in run.planted and access.value.access in LOOKED_INTO
    )


def _entry_of(folder: str) -> str:
    """What listing a folder tells is about what is in it."""
    return f"{folder.rstrip('/')}/x"


def _is_known(
    declared: Declared, own: frozenset[str], kind: StepKind, path: str, notable: bool = False
) -> bool:
    """Whether nobody needs to be told: declared, its own, or what every program opens (never if `notable`)."""
    if declared.reads(kind, path) or path in own or declared.owns(path):
        return True
    if notable:
        return False
    return ordinary.ordinary_read(path) or (kind in INSTALLING and ordinary.installing_read(path))


def unwatched(material: Material) -> str:
    """Why the runs can say nothing about files; empty if one can."""
    if not material.runs:
        return "there is no run"
    if not any(run.files_observed for run in material.runs):
        return "files were not observed"
    return ""


def _lost(material: Material) -> int:
    losses = [run.run.losses for run in material.runs]
    return sum(one.file_events + one.unnamed_processes + one.other for one in losses)


def reads(material: Material, declared: Declared, seen: Tally) -> Said:
    """What did it open beyond what it declared?"""
    if why := unwatched(material):
        return Said(Verdict.UNSEEN, None, f"This could not be seen: {why}.")
    folders = (
        f"it listed the entries of {counted(len(seen.listed), 'undeclared folder')}: {some(seen.listed)}"
    )
    listed = [Fact(folders)] if seen.listed else []
    if seen.beyond:
        files = len({path for one in seen.beyond for path in one.paths})
        paths = some(dict.fromkeys(path for one in seen.beyond for path in sorted(one.paths)), 3)
        text = f"It opened {counted(files, 'file')} that it had not declared: {paths}."
        return Said(Verdict.YES, False, text, (*(one.fact for one in seen.beyond), *listed))
    if lost := _lost(material):
        text = f"Nothing was seen; but {counted(lost, 'file event')} were lost or belong to nobody known."
        return Said(Verdict.UNSEEN, None, text)
    if listed:
        return Said(
            Verdict.PARTLY,
            None,
            "It opened no undeclared file, and listed undeclared folders.",
            tuple(listed),
        )
    return Said(Verdict.NO, True, "It opened nothing that it had not declared.")


def secrets(material: Material, declared: Declared, seen: Tally) -> Said:
    """Did it open keys, passwords or browser profiles?"""
    if why := unwatched(material):
        return Said(Verdict.UNSEEN, None, f"This could not be seen: {why}.")
    if seen.secrets:
        undeclared = any(not one.declared for one in seen.secrets)
        kinds = some(sorted({one.secret for one in seen.secrets}), 5)
        installing = all(one.kind in INSTALLING for one in seen.secrets)
        who = "What installs and removes it" if installing else "It"
        fine = "as it declared, or as making accounts needs" if installing else "as declared"
        text = f"{who} opened {kinds}, {'which it had not declared' if undeclared else fine}."
        return Said(Verdict.YES, False if undeclared else None, text, tuple(one.fact for one in seen.secrets))
    if lost := _lost(material):
        text = f"Nothing was seen; but {counted(lost, 'file event')} were lost or belong to nobody known."
        return Said(Verdict.UNSEEN, None, text)
    return Said(Verdict.NO, True, "It opened no key, password store, browser profile or the like.")


def changes(material: Material, declared: Declared) -> Said:
    """What did it change beyond what it declared?"""
    if not any(run.observed("changes") for run in material.runs):
        return Said(Verdict.UNSEEN, None, "Changes were not observed.")
    undeclared: list[tuple[RunMaterial, Cited[Change]]] = []
    installing: list[tuple[RunMaterial, Cited[Change]]] = []
    for run, change in product_changes(material):
        if _undeclared(material, declared, run, change.value):
            placed = _only_placed(run.kind_of(change.value.step), change.value)
            (installing if placed else undeclared).append((run, change))
    if undeclared:
        paths = {change.value.path for _, change in undeclared}
        text = f"It changed {counted(len(paths), 'path')} that it had not declared: {some(sorted(paths), 3)}."
        told = _change_facts(installing, "told, and not held against it: ")
        return Said(Verdict.YES, False, text, (*_change_facts(undeclared), *told))
    if installing:
        paths = {change.value.path for _, change in installing}
        text = (
            f"Its installation added {counted(len(paths), 'file')} that no package of it lists and that it had not "
            f"declared: {some(sorted(paths))}. Otherwise it changed nothing that it had not declared."
        )
        return Said(Verdict.PARTLY, None, text, tuple(_change_facts(installing)))
    return Said(Verdict.NO, True, "It changed nothing that it had not declared.")


def product_changes(material: Material) -> Iterator[tuple[RunMaterial, Cited[Change]]]:
    """All changes but a package manager's and a loader's own records, and folders on the way to a file."""
    for run in material.runs:
        for change in run.changes:
            records = ordinary.bookkeeping(change.value.path) and not material.shipped.alters_another(
                change.value
            )
            if not records and change.value.kind != "folder":
                yield run, change


def gives_rights(change: Change) -> str:
    """What whoever runs this file gets by its set-user-ID, set-group-ID or capabilities; empty for nothing."""
    parts = (
        change.detail.split("; ") if change.kind == "file" and change.changed is not Changed.REMOVED else ()
    )
    return ", ".join(one for one in parts if one in SET_ID or one.startswith("capabilities CAP_"))


def _only_placed(kind: StepKind, change: Change) -> bool:
    """Whether an installer put it where products are, and there it does nothing by itself."""
    where = ordinary.installed(change.path) and not ordinary.notable(change.path)
    return kind is StepKind.INSTALL and change.changed is Changed.ADDED and where and not gives_rights(change)


def _undeclared(material: Material, declared: Declared, run: RunMaterial, change: Change) -> bool:
    kind = run.kind_of(change.step)
    if kind in INSTALLING and material.shipped.explains(change):
        return False
    if change.changed is Changed.REMOVED and change.path in run.own:
        return False
    return not declared.writes(kind, change.path) and not declared.owns(change.path)


def _change_facts(found: Iterable[tuple[RunMaterial, Cited[Change]]], how_taken: str = "") -> Iterator[Fact]:
    grouped: dict[tuple[StepKind, Changed, str], list[Cited[Change]]] = {}
    for run, change in found:
        folder = change.value.path.rpartition("/")[0] or "/"
        grouped.setdefault((run.kind_of(change.value.step), change.value.changed, folder), []).append(change)
    for (kind, how, folder), many in sorted(grouped.items()):
        names = list(dict.fromkeys(one.value.path.rpartition("/")[2] for one in many))
        detail = next((f" ({one.value.detail})" for one in many if one.value.detail), "")
        text = f"{how_taken}{how} while: {kind}: in {folder}: {some(names)}{detail}"
        yield Fact(text, tuple(one.reference for one in many))


Programs = dict[tuple[str, StepKind], list[Cited[Process]]]
"""(program, kind of step) → its runs."""


def executes(material: Material, declared: Declared) -> Said:
    """What did it run beyond what it declared?"""
    if not any(run.observed("open") or run.observed("trace") for run in material.runs):
        return Said(Verdict.UNSEEN, None, "Programs were not observed.")
    total = sum(len(run.processes) for run in material.runs)
    undeclared, installing, nameless = _beyond_scope(material, declared)
    if undeclared:
        names = _names(undeclared)
        text = f"It ran {counted(len(names), 'program')} that it had not declared: {some(names)}."
        return Said(Verdict.YES, False, text, _run_facts({**undeclared, **installing}))
    if nameless:
        text = f"Nothing undeclared was seen; but {counted(nameless, 'process', 'processes')} could not be named."
        return Said(Verdict.UNSEEN, None, text)
    if lost := _lost(material) + sum(run.run.losses.trace_lines for run in material.runs):
        text = f"Nothing undeclared was seen; but {counted(lost, 'event')} were lost."
        return Said(Verdict.UNSEEN, None, text)
    if installing:
        text = (
            f"While it was installed or removed, programs of the system ran: {some(_names(installing))}. "
            "Otherwise it ran nothing that it had not declared."
        )
        return Said(Verdict.PARTLY, None, text, _run_facts(installing))
    return Said(Verdict.NO, True, f"It started programs {counted(total, 'time')}, all of them declared.")


def _beyond_scope(material: Material, declared: Declared) -> tuple[Programs, Programs, int]:
    """What it had not declared to run; the same, but of the system and by an installer; and how many processes have no
    name (such as a command that is not there: no program ever ran)."""
    undeclared: Programs = {}
    installing: Programs = {}
    nameless = 0
    for run in material.runs:
        for process in run.processes.values():
            kind, program = run.kind_of(process.value.step), process.value.program
            if not program:
                nameless += 1
            elif program not in run.own and not _may_run(declared, run, process.value):
                systems = kind in INSTALLING and ordinary.systems_program(program)
                (installing if systems else undeclared).setdefault((program, kind), []).append(process)
    return undeclared, installing, nameless


def _names(programs: Programs) -> list[str]:
    return sorted({program for program, _ in programs})


def _run_facts(programs: Programs) -> tuple[Fact, ...]:
    return tuple(_run_fact(program, kind, many) for (program, kind), many in sorted(programs.items()))


def _may_run(declared: Declared, run: RunMaterial, process: Process) -> bool:
    """Declared, the product's own, the loader, or what the step itself was told to run."""
    program = process.program
    if declared.executes(run.kind_of(process.step), program) or declared.owns(program):
        return True
    step = run.step(process.step)
    told = step is not None and not _without_file(program) and _is_told(process, step.command)
    return told or ordinary.ordinary_program(program)


def _without_file(program: str) -> bool:
    """Whether it ran from memory, or its file was removed before it began: nobody can look up what that was, and no
    command leads there, whatever it calls itself."""
    return program.startswith("/memfd:") or program.endswith(" (deleted)")


def _is_told(process: Process, command: tuple[str, ...]) -> bool:
    """Whether it is this command, or what a script that is this command names in its first line (execve(2))."""
    if process.arguments == command:
        return True
    last = process.arguments[-len(command) :]
    return (
        PurePosixPath(process.program).name.startswith(INTERPRETERS)
        and len(process.arguments) - len(command) in (1, 2)
        and PurePosixPath(last[0]).name == PurePosixPath(command[0]).name
        and last[1:] == command[1:]
    )


def _run_fact(program: str, kind: StepKind, many: list[Cited[Process]]) -> Fact:
    first = many[0].value
    words = " ".join(first.arguments)
    text = f"{program}, {counted(len(many), 'time')}, while: {kind}; first {seconds_text(first.at_s)} as: {words}"
    return Fact(text, tuple(one.reference for one in many))
