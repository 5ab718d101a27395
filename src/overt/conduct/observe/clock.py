"""Two clocks: the run's own, which only goes forwards, and the wall clock, which strace writes and others may set."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

Reading = tuple[float, float]
"""(seconds since the run began, seconds since 1970), at one moment."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns one into the other by the readings that were made of both during the run."""

    readings: tuple[Reading, ...]

    @classmethod
    def of(cls, readings: Iterable[Reading]) -> Clock:
        """Raises `ValueError` if there are none."""
        ordered = tuple(sorted(readings))
        if not ordered:
            raise ValueError("no reading of the clocks")
        return cls(ordered)

    def at(self, wall_s: float) -> float:
        """Seconds since the run began, by the last reading before."""
        place = bisect_right(self.readings, wall_s, key=lambda reading: reading[1])
        own, wall = self.readings[max(0, place - 1)]
        return own + (wall_s - wall)

    def wall(self, at_s: float) -> float:
        """Seconds since 1970."""
        place = bisect_right(self.readings, at_s, key=lambda reading: reading[0])
        own, wall = self.readings[max(0, place - 1)]
        return wall + (at_s - own)


def reading(zero_s: float) -> Reading:
    """Both clocks now; `zero_s` is the run's beginning on the monotonic one."""
    before = time.monotonic()
    wall = time.time()
    return (before + time.monotonic()) / 2 - zero_s, wall
