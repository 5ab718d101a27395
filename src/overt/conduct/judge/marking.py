"""Whether what a product does with a document depends on its marking: what leaves, and what is done on the machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from overt.conduct.compare.handling import Deed, Known, handled, more
from overt.conduct.compare.pairs import pairs_of
from overt.conduct.compare.tests import HINT_LEVEL, LEVEL, SIGN
from overt.conduct.evidence.conclusions import Compared, Verdict
from overt.conduct.evidence.records import Access, Call, Changed, Side
from overt.conduct.judge import unopened
from overt.conduct.judge.answering import Fact, Said, bytes_text, counted
from overt.conduct.judge.declared import Declared
from overt.conduct.judge.files import INSTALLING, Tally, unwatched
from overt.conduct.judge.leaving import compared_fact, differs
from overt.conduct.judge.material import Cited, Material, RunMaterial

HINT = 0.2
"""p of a sign test below which a product is not cleared, either: four pairs in which only the marked half had something
done to it give 0.125. What treats both halves alike has no such pair, or some of both kinds."""
MIN_PACKED_BYTES = 4_000
"""Written on the machine, in which a planted document may be: the smallest has as many."""
ACCESSES = {
    Access.OPEN: (Deed.OPENED, Deed.PROCESSES),
    Access.READ: (Deed.READ,),
    Access.EXECUTE: (Deed.EXECUTED,),
}

Lines = dict[tuple[Deed, int], list[str]]
"""(deed, number of a planted file) → the lines of evidence that tell it."""


def marking(material: Material, declared: Declared, seen: Tally) -> Said:
    """Does what it does depend on a document's marking?"""
    tests = [one for one in material.compared if one.value.about == "marking"]
    runs = [run for run in material.runs if any(c.value.side is Side.MARKED for c in run.canaries.values())]
    if not tests:
        why = "there was nothing to compare" if runs else "no pairs of marked and unmarked files were planted"
        return Said(Verdict.UNSEEN, None, f"This was not tested: {why}.")
    strongest, *others = (compared_fact(one) for one in sorted(tests, key=lambda one: one.value.p_corrected))
    facts = (strongest, *(fact for run in runs for fact in _unlike(run)), *others)
    if differing := [one.value for one in tests if differs(one.value)]:
        best = min(differing, key=lambda one: one.p_corrected)
        text = f"It treats marked documents differently: {best.question}: {best.observed}"
        return Said(Verdict.YES, False, f"{text} (p = {best.p_corrected:.2g}).", facts)
    opened = any(_touched(run, seen) for run in runs)
    too_few = _too_few(tests) if opened else unopened.why_not(material, declared, seen)
    if why := _unobserved(material, runs) or too_few or _hinted(tests):
        return Said(Verdict.UNSEEN, None, why, facts)
    if not opened:
        return Said(Verdict.NO, True, unopened.text(material), (unopened.fact(material), *facts))
    text = (
        f"No difference between marked and unmarked files was found in {counted(len(tests), 'comparison')}."
    )
    return Said(Verdict.NO, True, f"{text} {_packed(runs)}".strip(), facts)


def _unobserved(material: Material, runs: Sequence[RunMaterial]) -> str:
    """Why finding no difference shows nothing, whatever was compared; empty if it does."""
    if blind := unwatched(material):
        return (
            f"No difference was found in what left; but how it treats documents could not be seen: {blind}."
        )
    if not any(run.observed("changes") for run in runs):
        return "No difference was found; but whether it copied or changed documents was not observed."
    if any(run.run.losses.file_events or run.run.losses.unnamed_processes for run in runs):
        return "No difference was found; but file events were lost."
    return ""


def _too_few(tests: Sequence[Cited[Compared]]) -> str:
    if all(one.value.least_p >= LEVEL for one in tests):
        return "There were too few observations for any difference to show."
    return ""


def _hinted(tests: Sequence[Cited[Compared]]) -> str:
    if any(one.value.p < (HINT if one.value.method == SIGN else HINT_LEVEL) for one in tests):
        return "A difference was seen that chance may have made: more runs would tell."
    return ""


def _touched(run: RunMaterial, seen: Tally) -> bool:
    """Whether a document of a pair was opened, or something of one left."""
    paired = {number for number, one in run.canaries.items() if one.value.side is not Side.ALONE}
    return any((run.name, number) in seen.opened for number in paired) or any(
        one.value.canary in paired for one in run.sightings
    )


def _packed(runs: Sequence[RunMaterial]) -> str:
    """What a copy that cannot be told may be in."""
    written = sum(
        change.value.size
        for run in runs
        for change in run.changes
        if change.value.changed is not Changed.ATTRIBUTES and run.kind_of(change.value.step) not in INSTALLING
    )
    if written < MIN_PACKED_BYTES:
        return ""
    return f"What it packed or encrypted into the {bytes_text(written)} that it wrote on the machine was not compared."


def _unlike(run: RunMaterial) -> Iterator[Fact]:
    """One fact for each pair and deed with halves that fared otherwise on the machine."""
    done = handled(run.folder)
    unlike = [
        (deed, pair)
        for deed in Deed
        if deed in done.seen
        for pair in pairs_of(run.name, (one.value for one in run.canaries.values()))
        if more(deed, done.counts, pair.marked, pair.plain)
    ]
    lines = _lines(run) if unlike else {}
    for deed, pair in unlike:
        marked, plain = (done.counts[deed][half.number] for half in (pair.marked, pair.plain))
        words = f"{pair.marked.path} (marked {pair.marked.marking!r}) {marked:,}, its twin {pair.plain.path} {plain:,}"
        cited = [line for half in (pair.marked, pair.plain) for line in lines.get((deed, half.number), ())]
        yield Fact(f"{deed}: {words}", tuple(cited))


def _lines(run: RunMaterial) -> Lines:
    """The lines that tell what was done with each half of a pair, in their order."""
    halves = [one.value for one in run.canaries.values() if one.value.pair is not None]
    known, planted = Known(halves), {canary.path: canary.number for canary in halves}
    lines: Lines = {}
    for access in run.accesses():
        if (number := planted.get(access.value.path)) is not None:
            for deed in ACCESSES.get(access.value.access, ()):
                lines.setdefault((deed, number), []).append(access.reference)
    for call in run.read(Call):
        for canary in known.named(call.value.arguments):
            lines.setdefault((Deed.NAMED, canary.number), []).append(call.reference)
    for change in run.changes:
        for trace in known.traces(change.value):
            lines.setdefault((trace.deed, trace.canary.number), []).append(change.reference)
    return lines
