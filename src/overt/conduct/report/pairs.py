"""Matched pairs: what happened to the marked file and to its unmarked twin."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from overt.conduct.compare.handling import Deed, Handled, handled, more
from overt.conduct.compare.pairs import Pair, pairs_of
from overt.conduct.evidence.records import Canary
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
    otherwise: tuple[tuple[str, int, int], ...] = ()
    """What was done on the machine with one half more than with the other: what, runs in which it was the marked half,
    runs in which it was the plain one."""

    @property
    def differs(self) -> bool:
        """Whether the halves were treated differently."""
        return bool(self.otherwise) or any(
            marked != plain for marked, plain in (self.opened or (0, 0), self.left)
        )


@dataclass
class _Fate:
    """What happened to one pair, run by run."""

    about: Canary
    runs: int = 0
    watched: bool = False
    opened: Counter[int] = field(default_factory=Counter)
    """0: the marked half, 1: the plain one."""
    left: Counter[int] = field(default_factory=Counter)
    otherwise: Counter[tuple[Deed, int]] = field(default_factory=Counter)

    def add(self, pair: Pair, opened: frozenset[int], left: set[int], done: Handled) -> None:
        self.runs += 1
        self.watched = self.watched or Deed.OPENED in done.seen
        self.opened.update(
            side for side, half in enumerate((pair.marked, pair.plain)) if half.number in opened
        )
        self.left.update(side for side, half in enumerate((pair.marked, pair.plain)) if half.number in left)
        for deed in done.seen:
            if how := more(deed, done.counts, pair.marked, pair.plain):
                self.otherwise[deed, int(how < 0)] += 1

    def row(self, number: int) -> PairRow:
        about, otherwise = self.about, self.otherwise
        return PairRow(
            number,
            about.format,
            about.language,
            about.system,
            about.marking,
            self.runs,
            (self.opened[0], self.opened[1]) if self.watched else None,
            (self.left[0], self.left[1]),
            tuple(
                (str(deed), otherwise[deed, 0], otherwise[deed, 1])
                for deed in Deed
                if otherwise[deed, 0] or otherwise[deed, 1]
            ),
        )


def pair_rows(material: Material) -> tuple[PairRow, ...]:
    """The pairs, those whose halves differ first. Reads every access twice."""
    fates: dict[int, _Fate] = {}
    for run in material.runs:
        pairs = list(pairs_of(run.name, (one.value for one in run.canaries.values())))
        if not pairs:
            continue
        left = {one.value.canary for one in run.sightings}
        opened, done = opened_canaries(run), handled(run.folder)
        for pair in pairs:
            if pair.marked.pair is not None:
                fates.setdefault(pair.marked.pair, _Fate(pair.marked)).add(pair, opened, left, done)
    rows = [fates[number].row(number) for number in sorted(fates)]
    return tuple(sorted(rows, key=lambda row: not row.differs)[:MAX_ROWS])
