"""One run over time: its steps, when files were first opened, and when something went out."""

from __future__ import annotations

from dataclasses import dataclass

from overt.conduct.evidence.records import Access, Opened
from overt.conduct.judge.material import RunMaterial, destination

BINS = 120
MAX_FLOWS = 400
"""Drawn; the largest by bytes sent."""


@dataclass(frozen=True, slots=True)
class Band:
    """One step."""

    label: str
    began_s: float
    ended_s: float


@dataclass(frozen=True, slots=True)
class Point:
    """One connection."""

    at_s: float
    sent_bytes: int
    place: str
    opened: Opened
    sighted: bool
    """Whether something of a planted file was found in it."""


@dataclass(frozen=True, slots=True)
class TimeLine:
    """What is drawn of one run."""

    run: str
    length_s: float
    steps: tuple[Band, ...]
    opens: tuple[int, ...]
    """Files first opened in each of `BINS` equal parts of the run."""
    planted: tuple[int, ...]
    """Of them, planted files."""
    points: tuple[Point, ...]
    total_opens: int


def time_line(run: RunMaterial) -> TimeLine:
    """The time line of one run. Reads every access once."""
    ends = [step.ended_s for step in run.run.steps] + [flow.value.ended_s for flow in run.flows.values()]
    length = max(ends, default=0.0) or 1.0
    planted = {canary.value.path for canary in run.canaries.values()}
    opens, of_planted = [0] * BINS, [0] * BINS
    for access in run.accesses():
        if access.value.access in (Access.OPEN, Access.READ):
            place = min(BINS - 1, max(0, int(access.value.at_s / length * BINS)))
            opens[place] += 1
            of_planted[place] += access.value.path in planted
    return TimeLine(
        run=run.name,
        length_s=length,
        steps=tuple(Band(step.kind, step.began_s, step.ended_s) for step in run.run.steps),
        opens=tuple(opens),
        planted=tuple(of_planted),
        points=_points(run),
        total_opens=sum(opens),
    )


def _points(run: RunMaterial) -> tuple[Point, ...]:
    sighted = {number for one in run.sightings for number in (one.value.flow, *one.value.flows)}
    largest = sorted(run.flows.values(), key=lambda flow: (-flow.value.sent_bytes, flow.value.number))[
        :MAX_FLOWS
    ]
    points = (
        Point(
            flow.value.at_s,
            flow.value.sent_bytes,
            destination(flow.value),
            flow.value.opened,
            flow.value.number in sighted,
        )
        for flow in largest
    )
    return tuple(sorted(points, key=lambda point: point.at_s))
