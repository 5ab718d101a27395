"""Processes that go on after the product was uninstalled, and what they did then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from overt.conduct.evidence.records import Flow, Process, StepKind
from overt.conduct.judge.answering import Fact, counted, seconds_text, some
from overt.conduct.judge.material import Cited, RunMaterial


@dataclass(frozen=True, slots=True)
class Survivor:
    """One of them."""

    run: RunMaterial
    process: Cited[Process]
    flows: tuple[Cited[Flow], ...]
    """That it opened afterwards."""

    @property
    def first(self) -> Process:
        """What the lab itself started, and what it comes from."""
        found = self.process.value
        while found.parent is not None and found.parent in self.run.processes:
            found = self.run.processes[found.parent].value
        return found

    @property
    def fact(self) -> Fact:
        """Who it is, and whom it went on to contact."""
        value = self.process.value
        text = f"still running: {self.run.program(value.number)}, started {seconds_text(value.at_s)}"
        if self.flows:
            places = some(dict.fromkeys(flow.value.destination for flow in self.flows))
            text += f"; it connected {counted(len(self.flows), 'time')} more: {places}"
        return Fact(text, (self.process.reference, *(flow.reference for flow in self.flows)))


def survivors(run: RunMaterial) -> Iterator[Survivor]:
    """Those that began before the last uninstall step was over, and were not over with it (the lab gives them a moment
    to end: that is part of the step). Without the call layer no end is seen: only who connects afterwards is known to
    live."""
    over_s = max(step.ended_s for step in run.run.steps if step.kind is StepKind.UNINSTALL)
    flows: dict[int | None, list[Cited[Flow]]] = {}
    for flow in run.flows.values():
        if flow.value.at_s > over_s:
            flows.setdefault(flow.value.process, []).append(flow)
    for number, process in run.processes.items():
        value = process.value
        if value.at_s > over_s:
            continue
        lives = run.observed("trace") and (value.ended_s is None or value.ended_s > over_s)
        if lives or number in flows:
            yield Survivor(run, process, tuple(flows.get(number, ())))
