"""Matched pairs: of which half more was found in what left, and which half was opened more often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from overt.conduct.compare.measures import place_of
from overt.conduct.compare.tests import Tested, fisher, sign
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Access, Arm, Canary, FileAccess, Flow, Side, Sighting

FORMS = {
    "content": "content left",
    "name": "name left",
    "path": "path left",
    "digest": "digest left",
    "size": "size left",
}


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
    opened: Counter[tuple[str, int]] | None
    """None: nobody watched, since they were virtual machines."""
    sent: Mapping[str, Counter[tuple[str, int]]]
    """By destination: whether anything of it was sighted there (1)."""


def observed(folders: Sequence[RunFolder]) -> Observed:
    """What runs with both halves of pairs say of them. Raises `ConductError` if the evidence is damaged."""
    runs: list[str] = []
    pairs: list[Pair] = []
    opened = Counter[tuple[str, int]]()
    watched = False
    seen = {form: Counter[tuple[str, int]]() for form in FORMS}
    sent: dict[str, Counter[tuple[str, int]]] = {}
    for folder in folders:
        run = folder.run()
        if run.arm is not Arm.MIXED:
            continue
        runs.append(run.name)
        watched = watched or run.machine is None
        canaries = list(folder.read(Canary))
        pairs += _pairs(run.name, canaries)
        flows = {flow.number: place_of(flow) for flow in folder.read(Flow)}
        for sighting in folder.read(Sighting):
            if sighting.form in seen:
                seen[sighting.form][run.name, sighting.canary] = 1
                for place in {flows[number] for number in _numbers(sighting) if number in flows}:
                    sent.setdefault(place, Counter())[run.name, sighting.canary] = 1
        numbers = {canary.path: canary.number for canary in canaries}
        for access in folder.read(FileAccess):
            if access.access is Access.OPEN and access.path in numbers:
                opened[run.name, numbers[access.path]] += access.count
    return Observed(tuple(runs), tuple(pairs), seen, opened if watched else None, sent)


def _numbers(sighting: Sighting) -> tuple[int, ...]:
    return sighting.flows if sighting.flow is None else (sighting.flow,)


def _pairs(run: str, canaries: Sequence[Canary]) -> Iterator[Pair]:
    halves: dict[tuple[int | None, Side], Canary] = {
        (canary.pair, canary.side): canary for canary in canaries
    }
    for (pair, side), canary in halves.items():
        if side is Side.MARKED and (plain := halves.get((pair, Side.PLAIN))):
            yield Pair(run, canary, plain)


def marking_tests(of: Observed) -> Iterator[tuple[str, str, str, Tested]]:
    """(destination or nothing, question, figures in words, test): for each form, for opens, and for each destination
    that got enough unlike halves for a difference to show, whichever halves they are."""
    halves = "the marked half of a pair against the plain one"
    for form, words in FORMS.items():
        yield "", *_signs(of, of.seen[form], f"{words}: {halves}", "only")
    if of.opened is not None:
        yield "", *_signs(of, of.opened, f"files opened: {halves}", "more often")
    for place in sorted(of.sent):
        question, words, tested = _signs(of, of.sent[place], f"sent to {place}: {halves}", "only")
        if tested.counts:
            yield place, question, words, tested


def _signs(
    of: Observed, counts: Counter[tuple[str, int]], question: str, how: str
) -> tuple[str, str, Tested]:
    differences = [
        counts[pair.run, pair.marked.number] - counts[pair.run, pair.plain.number] for pair in of.pairs
    ]
    more, fewer = sum(value > 0 for value in differences), sum(value < 0 for value in differences)
    words = f"of {len(of.pairs)} pairs {more} marked {how}, {fewer} plain {how}, {len(of.pairs) - more - fewer} alike"
    # Pairs that are alike could have differed: what the test could have shown depends on all of them.
    tested = sign(more, fewer)
    least = min(1.0, 2 / 2 ** len(of.pairs))
    return question, words, replace(tested, least_p=least, reachable=tested.least_p)


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
