"""All comparisons of a report: pairs within runs, arms between runs, steps with a detection against those without.

What is tested is chosen without a look at the arms: figures that are the same in all runs can't differ between them,
and columns of figures that differ by a constant are one test, so that Holm's correction counts only what could have
shown something.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from overt.conduct.compare import measures, pairs
from overt.conduct.compare.measures import Figures
from overt.conduct.compare.tests import Tested, corrected, paired, permutation
from overt.conduct.evidence.conclusions import Compared
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Arm

MARKING, CANARIES, DETECTION = "marking", "canaries", "detection"
UNITS = {
    "bytes": "bytes sent",
    "flows": "connections",
    "requests": "requests",
    "pause": "pause between connections, ms",
}
ON_MACHINE = {"opened": "files opened", "changed": "paths changed", "written": "bytes in files that it wrote"}
"""Figures of what was done on the machine: that canaries which are there are opened says nothing, so only arms with as
many are compared."""
CONTRASTS = (
    (MARKING, (Arm.MARKED,), (Arm.PLAIN,), "marked against plain"),
    (CANARIES, (Arm.MARKED, Arm.PLAIN), (Arm.NONE,), "with canaries against without"),
)
"""What is asked, and the arms that answer it."""


@dataclass(frozen=True, slots=True)
class _Test:
    about: str
    place: str
    question: str
    observed: str
    tested: Tested
    runs: tuple[str, ...]


def compare(folders: Sequence[RunFolder]) -> tuple[Compared, ...]:
    """Every test over these runs, corrected for their number. The same runs give the same records.

    Raises `ConductError` if the evidence is damaged.
    """
    found = [*_of_pairs(folders), *_of_runs([measures.of_run(folder) for folder in folders])]
    return tuple(
        Compared(
            question=one.question,
            observed=one.observed,
            method=one.tested.method,
            p=one.tested.p,
            p_corrected=p,
            runs=one.runs,
            about=one.about,
            place=one.place,
            least_p=min(1.0, one.tested.least_p * max(1, sum(each.tested.counts for each in found))),
        )
        for one, p in zip(found, corrected([one.tested for one in found]), strict=True)
    )


def _of_pairs(folders: Sequence[RunFolder]) -> Iterator[_Test]:
    seen = pairs.observed(folders)
    if not seen.pairs:
        return
    for place, question, words, tested in pairs.marking_tests(seen):
        yield _Test(MARKING, place, question, words, tested, seen.runs)
    for question, words, tested in pairs.handling_tests(seen):
        yield _Test(MARKING, "", question, words, tested, seen.runs)
    if packed := pairs.detection_test(seen):
        yield _Test(DETECTION, "", *packed, seen.runs)


def _of_runs(figures: Sequence[Figures]) -> Iterator[_Test]:
    for about, arms, others, words in CONTRASTS:
        chosen = [one for one in figures if one.run.arm in (*arms, *others)]
        yield from _contrast(about, chosen, arms, words)
    both = [one for one in figures if len(one.by_detection) == 2]
    differences = [one.by_detection[True] - one.by_detection[False] for one in both]
    if any(differences):
        shown = f"{_listed([one.by_detection[True] for one in both])} with, " + (
            f"{_listed([one.by_detection[False] for one in both])} without"
        )
        names = tuple(one.run.name for one in both)
        question = "bytes sent: scans with a detection against scans without"
        yield _Test(DETECTION, "", question, shown, paired(differences), names)


def _contrast(about: str, figures: Sequence[Figures], arms: tuple[Arm, ...], words: str) -> Iterator[_Test]:
    known: set[tuple[int, ...]] = set()
    names = tuple(one.run.name for one in figures)
    for place in measures.places(figures):
        on_machine = ON_MACHINE if about == MARKING and place == measures.ALL else {}
        for what, unit in {**UNITS, **on_machine}.items():
            column = tuple(one.values.get((place, what), 0) for one in figures)
            shape = tuple(value - min(column) for value in column)
            if not any(shape) or shape in known:
                continue
            known.add(shape)
            first = [value for value, one in zip(column, figures, strict=True) if one.run.arm in arms]
            second = [value for value, one in zip(column, figures, strict=True) if one.run.arm not in arms]
            if first and second:
                where = place or ("on the machine" if what in on_machine else "all destinations")
                question, shown = f"{where}, {unit}: {words}", f"{_listed(first)} against {_listed(second)}"
                yield _Test(about, place, question, shown, permutation(first, second), names)


def _listed(values: Sequence[int]) -> str:
    return " ".join(f"{value:,}" for value in sorted(values))
