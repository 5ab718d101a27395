"""What the file observer could not see, and what was done to it: told once each, and not without end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from overt.conduct.evidence.records import Blind

MAX_SIGNS = 200
"""Of attempts, and of the rest: who makes many of the one does not crowd out the other."""
MORE = "More of this kind was seen than is told here: what the file observer told is not all."


@dataclass(slots=True)
class Signs:
    """`zero_s`: the run's beginning on the monotonic clock."""

    zero_s: float
    _told: dict[bool, dict[tuple[str, int | None], Blind]] = field(
        default_factory=lambda: {False: {}, True: {}}
    )

    def tell(self, what: str, by: int | None = None, attempt: bool = False) -> None:
        """Once for each `what` and process, `by`. An attempt has failed: it was seen."""
        told = self._told[attempt]
        if len(told) <= MAX_SIGNS and (what, by) not in told:
            if len(told) == MAX_SIGNS:
                what, by = MORE, None
            at_s = round(time.monotonic() - self.zero_s, 6)
            told[what, by] = Blind(at_s=at_s, what=what, by=by, attempt=attempt, defeated=attempt)

    def all(self) -> tuple[Blind, ...]:
        """In the order of time."""
        rows = [row for told in self._told.values() for row in told.values()]
        return tuple(sorted(rows, key=lambda row: row.at_s or 0.0))
