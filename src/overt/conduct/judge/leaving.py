"""What left: the content, the names and the digests of the planted files, and on what that depends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from overt.conduct.compare.tests import LEVEL
from overt.conduct.evidence.conclusions import Compared, Sighting, Verdict
from overt.conduct.evidence.records import Canary, Flow, Side, StepKind
from overt.conduct.judge import detection
from overt.conduct.judge.answering import Fact, Said, bytes_text, counted, some
from overt.conduct.judge.declared import Declared
from overt.conduct.judge.files import Tally
from overt.conduct.judge.files import unwatched as unwatched_files
from overt.conduct.judge.material import Cited, Material, RunMaterial
from overt.conduct.judge.network import (
    LOST,
    caveat,
    is_declared,
    is_dns,
    lost,
    nothing_could_leave,
    parent_domain,
    unwatched,
)

FORMS = {"content": "content", "name": "name", "path": "name", "digest": "digest", "size": "digest"}
"""Form of a sighting → what a profile declares as sent."""


class Seen(NamedTuple):
    """One sighting with all that it is about."""

    run: RunMaterial
    sighting: Cited[Sighting]
    canary: Canary
    flow: Flow | None
    declared: bool

    @property
    def place(self) -> str:
        """Where it went; of a tunnel through name servers, the domain whose server heard it."""
        if self.flow is None:
            return "a destination that could not be told"
        if is_dns(self.flow) and self.flow.requests:
            return f"{parent_domain(self.flow.requests[0].target)} (in questions to the name server)"
        return self.flow.destination

    @property
    def route(self) -> str:
        """How it was encoded, the innermost first."""
        return " in ".join(reversed(self.sighting.value.route)) or "as it is"


def sightings(material: Material, declared: Declared, forms: Iterable[str]) -> Iterator[Seen]:
    """The sightings of those forms, in all runs, in their order."""
    wanted = frozenset(forms)
    for run in material.runs:
        for one in run.sightings:
            value = one.value
            canary = run.canaries.get(value.canary)
            if value.form in wanted and canary is not None:
                number = value.flow if value.flow is not None else next(iter(value.flows), None)
                flow = run.flows.get(number) if number is not None else None
                kind = run.kind_of(flow.value.step) if flow else StepKind.COMMAND
                known = declared.sends(kind, FORMS[value.form])
                yield Seen(run, one, canary.value, flow.value if flow else None, known)


def content_left(material: Material, declared: Declared) -> Said:
    """Did the content of files leave?"""
    return _left(material, declared, ("content",), "content of {} left")


def names_left(material: Material, declared: Declared) -> Said:
    """Did names of files leave?"""
    return _left(material, declared, ("name", "path"), "names of {} left")


def digests_left(material: Material, declared: Declared) -> Said:
    """Did digests or sizes of files leave?"""
    return _left(material, declared, ("digest", "size"), "fingerprints of {} left")


def _left(material: Material, declared: Declared, forms: tuple[str, ...], words: str) -> Said:
    found = list(sightings(material, declared, forms))
    if found:
        return _what_left(found, words)
    if "content" in forms and (moved := _moved(material)):
        return _what_moved(moved, material)
    if why := _unseen(material):
        text = f"It was not found, and that shows nothing: {why}."
        return Said(Verdict.UNSEEN, None, text, _opaque_facts(material))
    sent = sum(flow.value.sent_bytes for run in material.runs for flow in run.flows.values())
    planted = max(len(run.canaries) for run in material.runs)
    sought = f"None of {counted(planted, 'planted file')} was found in what left"
    text = f"{sought} ({bytes_text(sent)})." if sent else "It sent nothing."
    return Said(Verdict.NO, True, f"{text} {caveat(material)}".strip() if "content" in forms else text)


def differs(test: Compared) -> bool:
    """Whether a comparison shows a difference that chance hardly makes."""
    return test.p_corrected < LEVEL


def _moved(material: Material) -> list[Cited[Compared]]:
    """Comparisons by which what leaves depends on the planted files, readable or not."""
    return [
        one
        for one in material.compared
        if one.value.about in ("canaries", "marking") and one.value.place and differs(one.value)
    ]


def _what_moved(moved: Sequence[Cited[Compared]], material: Material) -> Said:
    places = some(sorted({one.value.place for one in moved}), 3)
    text = f"No content could be read; but what it sends to {places} depends on the planted files or their markings."
    return Said(Verdict.PARTLY, False, text, (*map(compared_fact, moved), *_opaque_facts(material)))


def _what_left(found: list[Seen], words: str) -> Said:
    files = {(one.run.name, one.canary.number): one for one in found}
    paths = sorted({one.canary.path for one in found})
    places = some(sorted({one.place for one in found}), 3)
    undeclared = any(not one.declared for one in found)
    what = words.format(counted(len(paths), "planted file"))
    text = f"The {what}, to {places}." + ("" if undeclared else " It had declared that.")
    secret = sorted({one.canary.secret for one in files.values() if one.canary.secret})
    if secret:
        text += f" Among them: {some(secret)}."
    return Said(Verdict.YES, False if undeclared else None, text, tuple(_facts(found)))


def _facts(found: list[Seen]) -> Iterator[Fact]:
    """One fact for each file and destination; marked and secret files first."""
    grouped: dict[tuple[str, str], list[Seen]] = {}
    for one in found:
        grouped.setdefault((one.canary.path, one.place), []).append(one)
    for (path, place), seen in sorted(grouped.items(), key=lambda item: (_rank(item[1][0].canary), item[0])):
        canary = seen[0].canary
        forms = some(sorted({one.sighting.value.form for one in seen}))
        routes = some(dict.fromkeys(one.route for one in seen), 3)
        runs = len({one.run.name for one in seen})
        text = (
            f"{path} ({_sort(canary)}) to {place}: {forms}, {_shown(seen)}, "
            f"encoded: {routes}; {counted(len(seen), 'time')} in {counted(runs, 'run')}"
        )
        yield Fact(text, tuple(one.sighting.reference for one in seen))


def _shown(seen: list[Seen]) -> str:
    """How much of a file's content is shown to have left; of what is only known of it: how it was recognised."""
    most = max((one.sighting.value.length for one in seen if one.sighting.value.form == "content"), default=0)
    if most:
        return f"{bytes_text(most)} of {bytes_text(seen[0].canary.size)} shown"
    return some(dict.fromkeys(one.sighting.value.matched for one in seen), 2)


def _rank(canary: Canary) -> tuple[bool, bool]:
    return (not canary.secret, canary.side is not Side.MARKED)


def _sort(canary: Canary) -> str:
    if canary.secret:
        return canary.secret
    marked = {Side.MARKED: f"marked {canary.marking!r}", Side.PLAIN: "not marked", Side.ALONE: ""}[
        canary.side
    ]
    test = "with the malware test file" if canary.detected else ""
    return ", ".join(word for word in (canary.format, marked, test) if word)


def _unseen(material: Material) -> str:
    """Why finding nothing would show nothing; empty if it does."""
    if why := unwatched(material):
        return why
    if nothing_could_leave(material):
        return "there was no network in these runs"
    if not any(run.canaries for run in material.runs):
        return "no file was planted"
    if lost(material):
        return LOST
    total = sum(one.value.bytes for run in material.runs for one in run.opaque)
    if total:
        places = some(sorted({one.value.destination for run in material.runs for one in run.opaque}), 3)
        return f"{bytes_text(total)} to {places} could not be read, and anything may be in them"
    if joined := {one.value.destination for run in material.runs for one in run.opaque}:
        return f"what was sent to {some(sorted(joined), 3)} piece by piece could not be searched as a whole"
    return ""


def _opaque_facts(material: Material) -> tuple[Fact, ...]:
    return tuple(
        Fact(
            f"{one.value.destination}: {bytes_text(one.value.bytes)} that could not be read "
            f"({one.value.bits_per_byte:.2f} bits per byte): {one.value.why}",
            (one.reference,),
        )
        for run in material.runs
        for one in run.opaque
    )


def compared_fact(test: Cited[Compared]) -> Fact:
    """What a comparison showed, in one sentence."""
    value = test.value
    weak = "; too few observations to show anything" if value.least_p >= LEVEL else ""
    p = f"p = {value.p:.3g}, corrected {value.p_corrected:.3g}"
    return Fact(f"{value.question}: {value.observed} ({value.method}, {p}{weak})", (test.reference,))


def after_detection(material: Material, declared: Declared, seen: Tally) -> Said:
    """Does it send anything once it has found malware?"""
    runs = [run for run in material.runs if detection.steps(run, seen)]
    if not runs:
        return Said(Verdict.UNSEEN, None, "No run had a step in which malware is found.")
    if why := unwatched(material):
        return Said(Verdict.UNSEEN, None, f"This could not be seen: {why}.")
    tests = [one for one in material.compared if one.value.about == "detection"]
    left = [
        one
        for one in _all_sightings(material, declared)
        if one.flow and one.flow.step in _after(one.run, seen)
    ]
    flows = [(run, flow) for run in runs for flow in run.flows.values() if _is_asked_for(run, flow, seen)]
    facts = (*_facts(left), *_flow_facts(flows), *(compared_fact(one) for one in tests))
    if detected := [one for one in left if one.canary.detected]:
        undeclared = any(not one.declared for one in detected)
        both = any(one.canary.side is Side.MARKED for one in detected)
        text = f"After a detection it sent what it had found to {some(sorted({one.place for one in detected}), 3)}"
        text += ", with a marked document that was in the same archive." if both else "."
        return Said(Verdict.YES, False if undeclared else None, text, facts)
    if any(flow.value.sent_bytes for _, flow in flows):
        declared_all = all(is_declared(declared, run, flow.value) for run, flow in flows)
        text = "It sent something during or after a detection; what it had found was not recognised in that."
        return Said(Verdict.PARTLY, None if declared_all else False, text, facts)
    if nothing_could_leave(material):
        return Said(
            Verdict.UNSEEN, None, "There was no network in these runs, so nothing could leave.", facts
        )
    if blind := unwatched_files(material):
        text = f"It sent nothing; but whether it opened the malware test files could not be seen: {blind}."
        return Said(Verdict.UNSEEN, None, text, facts)
    if why := detection.not_shown(runs, declared, seen):
        return Said(Verdict.UNSEEN, None, why, facts)
    if lost(material):
        return Said(Verdict.UNSEEN, None, f"Nothing was seen to leave; but {LOST}.", facts)
    told = tuple(fact for run in runs for fact in detection.told(run))
    text = "It sent nothing while it met what it was to find, nor after that."
    return Said(Verdict.NO, True, text, (*told, *facts))


def _all_sightings(material: Material, declared: Declared) -> Iterator[Seen]:
    return sightings(material, declared, FORMS)


def _after(run: RunMaterial, seen: Tally) -> range:
    """The steps from the first detection on."""
    steps = detection.steps(run, seen)
    last = max((step.number for step in run.run.steps), default=0)
    return range(min(step.number for step in steps), last + 1) if steps else range(0)


def _is_asked_for(run: RunMaterial, flow: Cited[Flow], seen: Tally) -> bool:
    """Whether it came after a detection, in the order in which the profile has it: not in what the lab repeated."""
    step = run.step(flow.value.step)
    return flow.value.step in _after(run, seen) and not (step and step.repeated)


def _flow_facts(flows: Iterable[tuple[RunMaterial, Cited[Flow]]]) -> tuple[Fact, ...]:
    grouped: dict[tuple[str, StepKind], list[Cited[Flow]]] = {}
    for run, flow in flows:
        grouped.setdefault((flow.value.destination, run.kind_of(flow.value.step)), []).append(flow)
    return tuple(
        Fact(
            f"{counted(len(many), 'connection')} to {place} while: {kind}; "
            f"{bytes_text(sum(one.value.sent_bytes for one in many))} sent",
            tuple(one.reference for one in many),
        )
        for (place, kind), many in sorted(grouped.items())
    )
