"""The figures of one run that are compared: what left, by destination, and what was done on the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Access, Change, FileAccess, Flow, Run, StepKind

ALL = ""
"""All destinations together."""
MAX_PLACES = 40
"""Destinations that are compared one by one: those with the most bytes."""
MIN_FLOWS_FOR_PAUSE = 3
SCANS = {StepKind.SCAN: False, StepKind.SCAN_DETECTION: True}


@dataclass(frozen=True, slots=True)
class Figures:
    """One run's figures, by (destination, what): `bytes`, `flows`, `requests`; of all together `pause`, and what was
    done on the machine but for installing and removing the product: `opened`, `changed`, `written`."""

    run: Run
    values: dict[tuple[str, str], int]
    by_detection: dict[bool, int]
    """Bytes that left in steps with a detection, and in scans without; absent: there was no such step."""


def of_run(folder: RunFolder) -> Figures:
    """The figures of one run. Raises `ConductError` if its evidence is damaged."""
    run, flows = folder.run(), list(folder.read(Flow))
    groups: dict[str, list[Flow]] = {ALL: flows}
    for flow in flows:
        groups.setdefault(place_of(flow), []).append(flow)
    values = {(place, what): value for place, group in groups.items() for what, value in _figures(group)}
    values[ALL, "pause"] = _pause(flows)
    values |= {(ALL, what): value for what, value in _on_machine(folder, run)}
    return Figures(run, values, _by_detection(run, flows))


def place_of(flow: Flow) -> str:
    """Its destination; names asked of the resolver are one destination, whatever they are."""
    return f"DNS:{flow.port}" if flow.application == "dns" else flow.destination


def _figures(flows: list[Flow]) -> Iterable[tuple[str, int]]:
    yield "bytes", sum(flow.sent_bytes for flow in flows)
    yield "flows", len(flows)
    yield "requests", sum(len(flow.requests) for flow in flows)


def _on_machine(folder: RunFolder, run: Run) -> Iterable[tuple[str, int]]:
    installing = {step.number for step in run.steps if step.kind in (StepKind.INSTALL, StepKind.UNINSTALL)}
    opened = (one for one in folder.read(FileAccess) if one.access is Access.OPEN)
    yield "opened", sum(one.count for one in opened if one.step not in installing)
    changes = [one for one in folder.read(Change) if one.step not in installing]
    yield "changed", len(changes)
    yield "written", sum(one.size for one in changes)


def _pause(flows: list[Flow]) -> int:
    """The median time between the beginnings of connections, ms; 0 for fewer than three."""
    begun = sorted(flow.at_s for flow in flows)
    if len(begun) < MIN_FLOWS_FOR_PAUSE:
        return 0
    return median_low(round(1000 * (late - early)) for early, late in pairwise(begun))


def _by_detection(run: Run, flows: list[Flow]) -> dict[bool, int]:
    kinds = {step.number: SCANS[step.kind] for step in run.steps if step.kind in SCANS and not step.repeated}
    sums = dict.fromkeys(kinds.values(), 0)
    for flow in flows:
        if flow.step in kinds:
            sums[kinds[flow.step]] += flow.sent_bytes
    return sums


def places(figures: Iterable[Figures]) -> list[str]:
    """All destinations together, then those with the most bytes over all runs: chosen without a look at the arms."""
    sizes: Counter[str] = Counter()
    for one in figures:
        for (place, what), value in one.values.items():
            if what == "bytes" and place != ALL:
                sizes[place] += value
    return [
        ALL,
        *(place for place, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:MAX_PLACES]),
    ]
