"""What the product did to the machine: certificates, start-up, ports, rights, what it leaves, what it believes."""

from __future__ import annotations

from collections.abc import Iterator

from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.folder import SUBJECT
from overt.conduct.evidence.records import Change, Changed, Process, StepKind
from overt.conduct.judge import ordinary
from overt.conduct.judge.answering import Fact, Said, counted, seconds_text, some
from overt.conduct.judge.declared import Declared, capability
from overt.conduct.judge.files import INSTALLING, SET_ID, gives_rights, product_changes
from overt.conduct.judge.material import Cited, Material, RunMaterial
from overt.conduct.judge.persistence import PERSISTENCE
from overt.conduct.judge.places import Place, place_of
from overt.conduct.judge.survivors import Survivor, survivors
from overt.conduct.judge.trust import CERTIFICATES

NOT_THE_PRODUCT = frozenset((StepKind.INSTALL, StepKind.UNINSTALL, StepKind.IDLE))
"""Steps whose commands are the package manager's or the lab's: their rights are not the product's wish."""


def _changes_unseen(material: Material) -> Said | None:
    if any(run.observed("changes") for run in material.runs):
        return None
    return Said(Verdict.UNSEEN, None, "Changes were not observed.")


def certificates(material: Material, declared: Declared) -> Said:
    """Did it add certificates that the machine then trusts?"""
    if unseen := _changes_unseen(material):
        return unseen
    stores = _in_places(material, CERTIFICATES)
    found = [*(one for one in stores if not _brought(declared, one[2].value)), *_with_certificates(material)]
    if not found:
        return Said(Verdict.NO, True, "It changed no store of trusted certificates.")
    facts = tuple(_place_fact(*one) for one in found)
    return Said(
        Verdict.YES,
        False,
        f"It changed what certificates are trusted, or what says so: {some(dict.fromkeys(one[0] for one in found))}. "
        "Whoever holds such a key can read and change encrypted connections.",
        facts,
    )


def _brought(declared: Declared, change: Change) -> bool:
    """Whether it is a store of its own, in its own folder: nobody else trusts that."""
    return change.changed is Changed.ADDED and declared.owns(change.path)


def _with_certificates(material: Material) -> Iterator[tuple[str, RunMaterial, Cited[Change]]]:
    """Files elsewhere that were there before, and hold more certificates now."""
    for run, change in product_changes(material):
        value = change.value
        if value.changed is not Changed.MODIFIED or "certificates: added" not in value.detail:
            continue
        if not place_of(value.path, CERTIFICATES):
            yield "certificates in a file", run, change


def persistence(material: Material, declared: Declared) -> Said:
    """Did it arrange to be started again by itself?"""
    if unseen := _changes_unseen(material):
        return unseen
    starts = _in_places(material, PERSISTENCE)
    found = [one for one in starts if not declared.owns(one[2].value.path)]
    if not found:
        return _listed_to_start(material, declared)
    undeclared = [
        (name, run, change)
        for name, run, change in found
        if not _is_shipped(material, run, change.value) and not _declared_to_start(declared, run, change)
    ]
    kinds = some(dict.fromkeys(name for name, _, _ in found))
    facts = tuple(_place_fact(*one) for one in found)
    if undeclared:
        return Said(
            Verdict.YES, False, f"It installed something that starts by itself, undeclared: {kinds}.", facts
        )
    return Said(
        Verdict.YES, None, f"It installed what it had declared, or what its packages list: {kinds}.", facts
    )


def _listed_to_start(material: Material, declared: Declared) -> Said:
    """By its packages: a system that had them already is not changed by installing them again."""
    listed = [
        (name, path)
        for path in sorted(material.shipped.files)
        if (name := place_of(path, PERSISTENCE)) and not declared.owns(path)
    ]
    if not listed:
        return Said(Verdict.NO, True, "It installed nothing that starts by itself.")
    kinds = some(dict.fromkeys(name for name, _ in listed))
    facts = tuple(
        Fact(f"{name}: a package of it holds {path}", (f"evidence/{SUBJECT}",)) for name, path in listed
    )
    text = f"Its packages list what starts by itself: {kinds}. The system had it already, or it was not put in place."
    return Said(Verdict.YES, None, text, facts)


def _is_shipped(material: Material, run: RunMaterial, change: Change) -> bool:
    return run.kind_of(change.step) in INSTALLING and material.shipped.explains(change)


def _declared_to_start(declared: Declared, run: RunMaterial, change: Cited[Change]) -> bool:
    """Whether a declared pattern names such a place: that it writes all over /usr tells nobody that it starts."""
    kind, path = run.kind_of(change.value.step), change.value.path
    patterns = declared.writing(kind, path)
    return any(place_of(pattern.replace("*", "x"), PERSISTENCE) for pattern in patterns)


def _in_places(
    material: Material, places: tuple[Place, ...]
) -> Iterator[tuple[str, RunMaterial, Cited[Change]]]:
    seen: set[tuple[str, Changed]] = set()
    for run, change in product_changes(material):
        name = place_of(change.value.path, places)
        key = (change.value.path, change.value.changed)
        if name and change.value.changed is not Changed.REMOVED and key not in seen:
            seen.add(key)
            yield name, run, change


def _place_fact(name: str, run: RunMaterial, change: Cited[Change]) -> Fact:
    value = change.value
    detail = f" ({value.detail})" if value.detail else ""
    text = f"{name}: {value.path} {value.changed} while: {run.kind_of(value.step)}{detail}"
    return Fact(text, (change.reference,))


def listening(material: Material, declared: Declared) -> Said:
    """Did it wait for others to connect?"""
    if not material.runs:
        return Said(Verdict.UNSEEN, None, "This could not be seen: there is no run.")
    if not any(run.observed("sockets") for run in material.runs):
        return Said(Verdict.UNSEEN, None, "Ports and sockets were not observed.")
    found = {
        (one.value.protocol, one.value.address, one.value.port): (run, one)
        for run in reversed(material.runs)
        for one in reversed(run.listening)
    }
    if not found:
        return Said(Verdict.NO, True, "It waited for connections on no port and no socket.")
    facts, undeclared, places = [], [], []
    for _, (run, one) in sorted(found.items()):
        place = one.value.place
        known = declared.listens(run.kind_of(one.value.step), one.value)
        places.append(place)
        undeclared += [] if known else [place]
        text = f"{'' if known else 'undeclared: '}{place}, by {run.program(one.value.process)}, "
        facts.append(Fact(text + seconds_text(one.value.at_s), (one.reference,)))
    if undeclared:
        text = f"It waited for connections that it had not declared: {some(undeclared)}."
        return Said(Verdict.YES, False, text, tuple(facts))
    return Said(Verdict.YES, None, f"It waited for connections, as declared: {some(places)}.", tuple(facts))


def privileges(material: Material, declared: Declared) -> Said:
    """Did it use more rights than it was given or had declared, or leave some for others to use?"""
    given = [
        (run, change, _rights_are_known(material, declared, run, change.value))
        for run, change in product_changes(material)
        if gives_rights(change.value)
    ]
    facts = tuple(_given_fact(*one) for one in given)
    if undeclared := sorted({change.value.path for _, change, known in given if not known}):
        text = f"It left programs that give rights to whoever runs them, undeclared: {some(undeclared)}."
        return Said(Verdict.YES, False, text, facts)
    said = _rights_used(material, declared)
    if not given or said.good is False:
        return said
    paths = some(sorted({change.value.path for _, change, _ in given}))
    text = f"It installed programs that give rights to whoever runs them, as declared or listed: {paths}. "
    return Said(Verdict.YES, None, text + said.summary, (*facts, *said.facts))


def _rights_are_known(material: Material, declared: Declared, run: RunMaterial, change: Change) -> bool:
    """Declared by its name; or of a package that lists it so."""
    kind = run.kind_of(change.step)
    if declared.writes_by_name(kind, change.path):
        return True
    listed = kind in INSTALLING and change.path in material.shipped.set_id
    return listed and gives_rights(change) in SET_ID


def _given_fact(run: RunMaterial, change: Cited[Change], known: bool) -> Fact:
    value = change.value
    told = "" if known else "undeclared: "
    text = f"{told}{value.path}: {gives_rights(value)}, while: {run.kind_of(value.step)}"
    return Fact(text, (change.reference,))


def _rights_used(material: Material, declared: Declared) -> Said:
    if not any(run.processes for run in material.runs):
        return Said(Verdict.UNSEEN, None, "Programs were not observed, and so neither were their rights.")
    raised: dict[str, list[Cited[Process]]] = {}
    held: dict[str, list[Cited[Process]]] = {}
    for run in material.runs:
        for process in run.processes.values():
            if _raised(run, declared, process.value):
                raised.setdefault(run.program(process.value.number), []).append(process)
            kind = run.kind_of(process.value.step)
            more = {capability(name) for name in process.value.capabilities} - declared.privileges(kind)
            if more and kind not in NOT_THE_PRODUCT:
                held.setdefault(run.program(process.value.number), []).append(process)
    if raised:
        facts = tuple(_raised_fact(program, many) for program, many in sorted(raised.items()))
        text = f"It got more rights than it was started with: {some(sorted(raised), 3)}."
        return Said(Verdict.YES, False, text, facts)
    if held:
        facts = tuple(_held_fact(program, many) for program, many in sorted(held.items()))
        text = "It was started with root's rights and had not declared which of them it needs; it took no others."
        return Said(Verdict.PARTLY, None, text, facts)
    return Said(Verdict.NO, True, "It ran with no rights beyond those that it had declared.")


def _raised(run: RunMaterial, declared: Declared, process: Process) -> bool:
    step = run.step(process.step)
    told = declared.step_of(step) if step else None
    return told is not None and told.user != "root" and (process.user == 0 or bool(process.capabilities))


def _raised_fact(program: str, many: list[Cited[Process]]) -> Fact:
    first = many[0].value
    text = f"{program}, {counted(len(many), 'time')}: as user {first.user} with {some(first.capabilities, 6) or 'none'}"
    return Fact(text, tuple(one.reference for one in many))


def _held_fact(program: str, many: list[Cited[Process]]) -> Fact:
    names = sorted({capability(name) for one in many for name in one.value.capabilities})
    text = f"{program}, {counted(len(many), 'time')}: {counted(len(names), 'capability', 'capabilities')}: "
    return Fact(text + some(names, 8), tuple(one.reference for one in many))


def removal(material: Material, declared: Declared) -> Said:
    """Did it leave anything behind when it was removed?"""
    if unseen := _changes_unseen(material):
        return unseen
    runs = [run for run in material.runs if any(step.kind is StepKind.UNINSTALL for step in run.run.steps)]
    if not runs:
        return Said(Verdict.UNSEEN, None, "It was not uninstalled in these runs.")
    left = {path: cited for run in runs for path, cited in _remaining(run).items()}
    going_on, meant = _going_on(runs, declared)
    facts = (*(one.fact for one in (*going_on, *meant)), *_left_facts(left))
    parts = [counted(len(left), "path")] if left else []
    parts += [counted(len(going_on), "running process", "running processes")] if going_on else []
    if parts:
        where = f": {some(sorted(left), 3)}" if left else ""
        text = f"It left {' and '.join(parts)} behind after it was uninstalled{where}."
        return Said(Verdict.YES, False, text, facts)
    if meant:
        text = "No file of it was left; what was started in the background, and never stopped, still ran."
        return Said(Verdict.PARTLY, None, text, facts)
    if not all(run.observed("trace") for run in runs):
        text = "No file of it was left after it was uninstalled; whether all of its processes ended was not seen."
        return Said(Verdict.PARTLY, None, text)
    return Said(Verdict.NO, True, "Nothing of it was left after it was uninstalled.")


def _going_on(runs: list[RunMaterial], declared: Declared) -> tuple[list[Survivor], list[Survivor]]:
    """Who lived when the last removal was over; apart from them, what the profile itself keeps in the background."""
    going_on: list[Survivor] = []
    meant: list[Survivor] = []
    for run in runs:
        found = tuple(survivors(run))
        alive = {one.process.value.pid for one in found}
        for one in found:
            first = one.first
            step = run.step(first.step)
            told = declared.step_of(step) if step else None
            kept = told is not None and told.background and first.pid in alive
            (meant if kept else going_on).append(one)
    return going_on, meant


def _remaining(run: RunMaterial) -> dict[str, Cited[Change]]:
    """Paths that some step added and none removed."""
    left: dict[str, Cited[Change]] = {}
    for change in run.changes:
        if change.value.changed is Changed.REMOVED:
            gone = change.value.path
            left.pop(gone, None)
            if change.value.kind == "folder":
                left = {path: one for path, one in left.items() if not path.startswith(f"{gone}/")}
        elif change.value.changed is Changed.ADDED and not ordinary.bookkeeping(change.value.path):
            left[change.value.path] = change
    return left


def _left_facts(left: dict[str, Cited[Change]]) -> Iterator[Fact]:
    grouped: dict[str, list[str]] = {}
    for path in sorted(left):
        grouped.setdefault(path.rpartition("/")[0] or "/", []).append(path)
    for folder, paths in sorted(grouped.items()):
        names = [path.rpartition("/")[2] for path in paths]
        text = f"in {folder}: {counted(len(paths), left[paths[0]].value.kind)}: {some(names)}"
        yield Fact(text, tuple(left[path].reference for path in paths))
