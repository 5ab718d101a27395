"""What could not be seen, and whether the product tried not to be seen."""

from __future__ import annotations

from collections.abc import Iterator

from overt.conduct.evidence.records import Losses, Mode, Verdict
from overt.conduct.judge.answering import Fact, Said, bytes_text, counted, seconds_text
from overt.conduct.judge.declared import Declared
from overt.conduct.judge.material import Material, RunMaterial

LAYERS = {
    "network": "connections",
    "changes": "changed files",
    "open": "opened files",
    "trace": "system calls",
}
"""Observers that should all be at work, and what is not seen without them."""

LOST = {
    "file_events": "file events were lost",
    "unnamed_processes": "file events belong to programs that could not be told",
    "packets": "packets were dropped by the capture",
    "stream_bytes": "bytes sent or received were not kept",
    "trace_lines": "lines of the call trace could not be read",
    "other": "other events were lost",
}

MODES = {
    Mode.DEAD: "There was no network: what the product would have sent or fetched could not show.",
    Mode.SINK: "The lab's own servers answered instead of the maker's: an unactivated product may send less than a "
    "real one, and a product may act differently when its servers answer rightly.",
    Mode.REPLAY: "Recorded answers stood for the maker's servers: what depends on fresh answers could not show.",
    Mode.PASS_THROUGH: "Traffic really went out; connections that were not opened by the lab hide their content.",
}

ALWAYS = (
    "A run is some minutes on one machine: conduct that waits for a date, a place or an order was not exercised.",
    "Opening a file is seen; looking at its name, size or times without opening it is not.",
)


def observer(material: Material, declared: Declared) -> Said:
    """Did it try to hide from the observers?"""
    if not material.runs:
        return Said(Verdict.UNSEEN, None, "This could not be seen: there is no run.")
    attempts = [
        (run, number, one) for run in material.runs for number, one in enumerate(run.run.blind) if one.attempt
    ]
    if not attempts:
        return Said(Verdict.NO, True, "It did nothing that hides from an observer.")
    facts = tuple(
        Fact(
            f"{one.what} (by {run.program(one.by)}{', ' + seconds_text(one.at_s) if one.at_s is not None else ''}): "
            f"{'it failed' if one.defeated else 'IT MAY HAVE SUCCEEDED'}",
            (run.reference("run.json"),),
        )
        for run, _, one in attempts
    )
    open_ones = sum(not one.defeated for _, _, one in attempts)
    text = f"It tried {counted(len(attempts), 'time')} to escape being observed"
    return Said(
        Verdict.YES,
        False,
        f"{text}; {open_ones} may have succeeded." if open_ones else f"{text}; all failed.",
        facts,
    )


def sight(material: Material, declared: Declared) -> Said:
    """Could the lab see everything?"""
    if not material.runs:
        return Said(Verdict.NO, False, "There is no run.")
    lost = tuple(fact for run in material.runs for fact in _losses(run))
    blind = tuple(fact for run in material.runs for fact in _blind(run))
    opaque = tuple(fact for run in material.runs for fact in _opaque(run))
    missing = tuple(fact for run in material.runs for fact in _missing(run))
    modes = tuple(Fact(MODES[mode]) for mode in sorted({run.run.mode for run in material.runs}))
    facts = (*lost, *missing, *blind, *opaque, *modes, *map(Fact, ALWAYS))
    if lost or missing:
        return Said(Verdict.PARTLY, False, "No: the record has gaps, which are listed here.", facts)
    if opaque or blind:
        return Said(
            Verdict.PARTLY, None, "No event was lost; what could not be read or seen is listed here.", facts
        )
    return Said(Verdict.YES, True, "No event was lost, and everything that left could be read.", facts)


def _losses(run: RunMaterial) -> Iterator[Fact]:
    for name in Losses.__struct_fields__:
        count = getattr(run.run.losses, name)
        if count:
            yield Fact(f"run {run.name}: {count:,} {LOST[name]}", (run.reference("run.json"),))


def _missing(run: RunMaterial) -> Iterator[Fact]:
    for layer, what in LAYERS.items():
        if not run.observed(layer) and not (layer == "open" and run.observed("ranges")):
            yield Fact(f"run {run.name}: {what} were not observed", (run.reference("run.json"),))
    for step in run.run.steps:
        if step.timed_out or not step.expected:
            how = "did not end in time" if step.timed_out else f"ended with status {step.exit_status}"
            text = f"run {run.name}: step {step.number} ({step.kind}) {how}: the product may not have done its work"
            yield Fact(text, (run.reference(step.output),))


def _blind(run: RunMaterial) -> Iterator[Fact]:
    for one in run.run.blind:
        if not one.defeated:
            yield Fact(f"run {run.name}: {one.what}", (run.reference("run.json"),))


def _opaque(run: RunMaterial) -> Iterator[Fact]:
    for one in run.opaque:
        text = (
            f"run {run.name}: {bytes_text(one.value.bytes)} to {one.value.destination} could not be read "
            f"({one.value.bits_per_byte:.2f} bits per byte): {one.value.why}"
        )
        yield Fact(text, (one.reference,))
