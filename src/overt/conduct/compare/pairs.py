"""Matched pairs: of which half more was found in what left, and with which half more was done on the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from overt.conduct.compare.handling import Deed, Handled, handled, more
from overt.conduct.compare.measures import place_of
from overt.conduct.compare.tests import Tested, fisher, sign
from overt.conduct.evidence.conclusions import Sighting
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Arm, Canary, Flow, Side

FORMS = {
    "content": "content left",
    "name": "name left",
    "path": "path left",
    "digest": "digest left",
    "size": "size left",
}
HALVES = "the marked half of a pair against the plain one"


@dataclass(frozen=True, slots=True)
class Pair:
    """Both halves of one pair in one run."""

    run: str
    marked: Canary
    plain: Canary


@dataclass(frozen=True, slots=True)
class Observed:
    """Pairs of all runs with both halves, and what was seen of each half, by run and number of the canary."""

    runs: tuple[str, ...]
    pairs: tuple[Pair, ...]
    seen: Mapping[str, Counter[tuple[str, int]]]
    """By form: whether it was sighted (1)."""
    handled: Mapping[str, Handled]
    """By run: what was done on the machine."""
    sent: Mapping[str, Counter[tuple[str, int]]]
    """By destination: whether anything of it was sighted there (1)."""


def observed(folders: Sequence[RunFolder]) -> Observed:
    """What runs with both halves of pairs say of them. Raises `ConductError` if the evidence is damaged."""
    runs: list[str] = []
    pairs: list[Pair] = []
    handlings: dict[str, Handled] = {}
    seen = {form: Counter[tuple[str, int]]() for form in FORMS}
    sent: dict[str, Counter[tuple[str, int]]] = {}
    for folder in folders:
        run = folder.run()
        if run.arm is not Arm.MIXED:
            continue
        runs.append(run.name)
        pairs += pairs_of(run.name, folder.read(Canary))
        handlings[run.name] = handled(folder)
        flows = {flow.number: place_of(flow) for flow in folder.read(Flow)}
        for sighting in folder.read(Sighting):
            if sighting.form in seen:
                seen[sighting.form][run.name, sighting.canary] = 1
                for place in {flows[number] for number in _numbers(sighting) if number in flows}:
                    sent.setdefault(place, Counter())[run.name, sighting.canary] = 1
    return Observed(tuple(runs), tuple(pairs), seen, handlings, sent)


def _numbers(sighting: Sighting) -> tuple[int, ...]:
    return sighting.flows if sighting.flow is None else (sighting.flow,)


def pairs_of(run: str, canaries: Iterable[Canary]) -> Iterator[Pair]:
    """The pairs of which both halves were planted, in the order of their marked halves."""
    halves: dict[tuple[int | None, Side], Canary] = {
        (canary.pair, canary.side): canary for canary in canaries
    }
    for (pair, side), canary in halves.items():
        if side is Side.MARKED and (plain := halves.get((pair, Side.PLAIN))):
            yield Pair(run, canary, plain)


def marking_tests(of: Observed) -> Iterator[tuple[str, str, str, Tested]]:
    """(destination or nothing, question, figures in words, test) of what left: for each form, and for each destination
    that got enough unlike halves for a difference to show, whichever halves they are."""
    for form, words in FORMS.items():
        yield "", f"{words}: {HALVES}", *_signs(_differences(of, of.seen[form]), "only")
    for place in sorted(of.sent):
        words, tested = _signs(_differences(of, of.sent[place]), "only")
        if tested.counts:
            yield place, f"sent to {place}: {HALVES}", words, tested


def handling_tests(of: Observed) -> Iterator[tuple[str, str, Tested]]:
    """(question, figures in words, test) of what was done on the machine: for each deed that an observer could see.

    Deeds that tell the same halves of the same pairs apart are one test, by the most telling of them.
    """
    known: set[tuple[int, ...]] = set()
    for deed in Deed:
        watched = [pair for pair in of.pairs if deed in of.handled[pair.run].seen]
        differences = [more(deed, of.handled[pair.run].counts, pair.marked, pair.plain) for pair in watched]
        signs = tuple((value > 0) - (value < 0) for value in differences)
        if watched and signs not in known:
            known |= {signs} if any(signs) else set()
            words, tested = _signs(differences, "more")
            yield f"{deed}: {HALVES}", words + _bytes_read(of, deed, watched), tested


def _bytes_read(of: Observed, deed: Deed, pairs: Sequence[Pair]) -> str:
    if deed is not Deed.READ:
        return ""
    read = {run: one.counts[deed] for run, one in of.handled.items()}
    marked = sum(read[pair.run][pair.marked.number] for pair in pairs)
    plain = sum(read[pair.run][pair.plain.number] for pair in pairs)
    return f"; {marked:,} bytes of marked, {plain:,} of plain"


def _differences(of: Observed, counts: Counter[tuple[str, int]]) -> list[int]:
    return [counts[pair.run, pair.marked.number] - counts[pair.run, pair.plain.number] for pair in of.pairs]


def _signs(differences: Sequence[int], how: str) -> tuple[str, Tested]:
    """Figures in words, and the test."""
    pairs = len(differences)
    first, second = sum(value > 0 for value in differences), sum(value < 0 for value in differences)
    words = f"of {pairs} pairs {first} marked {how}, {second} plain {how}, {pairs - first - second} alike"
    # Pairs that are alike could have differed: what the test could have shown depends on all of them.
    tested = sign(first, second)
    return words, replace(tested, least_p=min(1.0, 2 / 2**pairs), reachable=tested.least_p)


def detection_test(of: Observed) -> tuple[str, str, Tested] | None:
    """Whether documents packed with a test file leave more often than others; None if there are not both kinds."""
    counts = Counter(
        (canary.detected, of.seen["content"][pair.run, canary.number] > 0)
        for pair in of.pairs
        for canary in (pair.marked, pair.plain)
    )
    packed, others = counts[True, True] + counts[True, False], counts[False, True] + counts[False, False]
    if not packed or not others:
        return None
    words = f"{counts[True, True]} of {packed} with a test file, {counts[False, True]} of {others} without"
    tested = fisher(counts[True, True], counts[True, False], counts[False, True], counts[False, False])
    return "content left: documents packed with a test file against others", words, tested
