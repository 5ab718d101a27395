"""One run over time: its steps, when files were first opened, and when something went out."""

from __future__ import annotations

from dataclasses import dataclass

from overt.conduct.evidence.records import Flow, Opened
from overt.conduct.judge.files import LOOKED_INTO
from overt.conduct.judge.material import RunMaterial

BINS = 120


@dataclass(frozen=True, slots=True)
class Band:
    """One step."""

    label: str
    began_s: float
    ended_s: float


@dataclass(frozen=True, slots=True)
class Point:
    """What went out in one part of the run and is alike: readable or not, with or without a planted file."""

    at_s: float
    flows: int
    sent_bytes: int
    place: str
    """The destination that was sent most."""
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
    total_opens: int | None
    """None: nobody could see that."""


def time_line(run: RunMaterial) -> TimeLine:
    """The time line of one run. Reads every access once."""
    ends = [step.ended_s for step in run.run.steps] + [flow.value.ended_s for flow in run.flows.values()]
    length = max(ends, default=0.0) or 1.0
    opens, of_planted = [0] * BINS, [0] * BINS
    for access in run.accesses():
        if access.value.access in LOOKED_INTO:
            place = min(BINS - 1, max(0, int(access.value.at_s / length * BINS)))
            opens[place] += 1
            of_planted[place] += access.value.path in run.planted
    return TimeLine(
        run=run.name,
        length_s=length,
        steps=tuple(Band(step.kind, step.began_s, step.ended_s) for step in run.run.steps),
        opens=tuple(opens),
        planted=tuple(of_planted),
        points=_points(run, length),
        total_opens=sum(opens) if run.files_observed else None,
    )


def _points(run: RunMaterial, length_s: float) -> tuple[Point, ...]:
    sighted = {number for one in run.sightings for number in (one.value.flow, *one.value.flows)}
    grouped: dict[tuple[int, bool, Opened], list[Flow]] = {}
    for flow in run.flows.values():
        part = min(BINS - 1, max(0, int(flow.value.at_s / length_s * BINS)))
        key = (part, flow.value.number in sighted, flow.value.opened)
        grouped.setdefault(key, []).append(flow.value)
    return tuple(
        Point(
            min(flow.at_s for flow in flows),
            len(flows),
            sum(flow.sent_bytes for flow in flows),
            max(flows, key=lambda flow: flow.sent_bytes).destination,
            opened,
            seen,
        )
        for (_, seen, opened), flows in sorted(grouped.items())
    )
