"""Matched pairs: what happened to the marked file and to its unmarked twin."""

from __future__ import annotations

from dataclasses import dataclass

from overt.conduct.evidence.records import Side
from overt.conduct.judge.files import opened_canaries
from overt.conduct.judge.material import Material

MAX_ROWS = 400


@dataclass(frozen=True, slots=True)
class PairRow:
    """One pair, over all runs in which both halves were planted."""

    number: int
    format: str
    language: str
    system: str
    marking: str
    runs: int
    opened: tuple[int, int] | None
    """Runs in which the marked and the plain half were opened; None: nobody could see that."""
    left: tuple[int, int]
    """Runs in which something of the marked and of the plain half left."""

    @property
    def differs(self) -> bool:
        """Whether the halves were treated differently."""
        return any(marked != plain for marked, plain in (self.opened or (0, 0), self.left))


def pair_rows(material: Material) -> tuple[PairRow, ...]:
    """The pairs, those whose halves differ first. Reads every access once."""
    halves: dict[int, list[tuple[str, Side]]] = {}
    about: dict[int, tuple[str, str, str, str]] = {}
    counts: dict[tuple[int, Side], list[int]] = {}
    for run in material.runs:
        left = {one.value.canary for one in run.sightings}
        opened = opened_canaries(run)
        for cited in run.canaries.values():
            canary = cited.value
            if canary.pair is None or canary.side is Side.ALONE:
                continue
            halves.setdefault(canary.pair, []).append((run.name, canary.side))
            if canary.side is Side.MARKED or canary.pair not in about:
                about[canary.pair] = (canary.format, canary.language, canary.system, canary.marking)
            count = counts.setdefault((canary.pair, canary.side), [0, 0])
            count[0] += canary.number in opened
            count[1] += canary.number in left
    watched = any(run.files_observed for run in material.runs)
    rows = [_row(number, about[number], counts, halves[number], watched) for number in sorted(halves)]
    return tuple(sorted(rows, key=lambda row: not row.differs)[:MAX_ROWS])


def _row(
    number: int,
    about: tuple[str, str, str, str],
    counts: dict[tuple[int, Side], list[int]],
    halves: list[tuple[str, Side]],
    watched: bool,
) -> PairRow:
    marked = counts.get((number, Side.MARKED), [0, 0])
    plain = counts.get((number, Side.PLAIN), [0, 0])
    runs = max(sum(side is wanted for _, side in halves) for wanted in (Side.MARKED, Side.PLAIN))
    opened = (marked[0], plain[0]) if watched else None
    return PairRow(number, *about, runs, opened, (marked[1], plain[1]))
