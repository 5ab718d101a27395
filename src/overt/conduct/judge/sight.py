"""What could not be seen, and whether the product tried not to be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.records import Losses, Mode, Run
from overt.conduct.judge.answering import Fact, Said, bytes_text, counted
from overt.conduct.judge.declared import Declared
from overt.conduct.judge.material import Material, RunMaterial

LAYERS = {
    "network": "connections",
    "changes": "changed files",
    "open": "opened files",
    "trace": "system calls",
}
"""Observers that should all be at work, and what is not seen without them."""

FROM_OUTSIDE = ("network", "changes")
"""Those that should be at work where nobody can look inside: around a virtual machine."""
OUTSIDE = (
    "opened files, programs, rights, calls and open ports of a virtual machine can't be seen from outside"
)

LOST = {
    "file_events": "file events were lost",
    "unnamed_processes": "file events belong to programs that could not be told",
    "packets": "packets were dropped by the capture",
    "stream_bytes": "bytes sent or received were not kept",
    "trace_lines": "lines of the call trace were not kept or could not be read",
    "other": "other events were lost",
}

MODES = {
    Mode.DEAD: "There was no network: what the product would have sent or fetched could not show.",
    Mode.SINK: "The lab's own servers answered instead of the maker's: an unactivated product may send less than a "
    "real one, and a product may act differently when its servers answer rightly.",
    Mode.REPLAY: "Recorded answers stood for the maker's servers: what depends on fresh answers could not show.",
    Mode.PASS_THROUGH: "Traffic really went out; connections that were not opened by the lab hide their content.",
}

MAX_IN_SUMMARY = 120
"""Characters of a fact that a summary quotes."""

ALWAYS = "A run is some minutes on one machine: conduct that waits for a date, a place or an order was not exercised."
INSIDE = (
    "Opening a file is seen; looking at its name, size or times without opening it is not, nor is an opening that the "
    "system refused, as of the kernel's settings or memory."
)

WORDS = (
    "What left counts as read where it is words, names or a few numbers: what these stand for by agreement (a code "
    "book), and what their order, times and lengths tell, nobody can read. Runs that are compared show some of that."
)


def observer(material: Material, declared: Declared) -> Said:
    """Did it try to hide from the observers?"""
    if not material.runs:
        return Said(Verdict.UNSEEN, None, "This could not be seen: there is no run.")
    attempts = [(run, one) for run in material.runs for one in run.run.blind if one.attempt]
    if not attempts and not all(run.observed("trace") for run in material.runs):
        text = "Nothing that hides was refused; but calls were not traced, and others may have been made."
        return Said(Verdict.UNSEEN, None, text)
    if not attempts and (lines := sum(run.run.losses.trace_lines for run in material.runs)):
        text = f"Nothing that hides was seen; but {lines:,} {LOST['trace_lines']}."
        return Said(Verdict.UNSEEN, None, text)
    if not attempts:
        return Said(Verdict.NO, True, "It did nothing that hides from an observer.")
    facts = _alike(
        (
            f"{'it failed' if one.defeated else 'IT MAY HAVE SUCCEEDED'}: {one.what} (by {run.program(one.by)})",
            run,
        )
        for run, one in sorted(attempts, key=lambda found: found[1].defeated)
    )
    undefeated = sum(not one.defeated for _, one in attempts)
    if undefeated:
        text = f"It did {counted(undefeated, 'thing')} that may have hidden what it does from an observer."
        return Said(Verdict.YES, False, text, facts)
    text = f"It made {counted(len(attempts), 'attempt')} at what can hide from an observer; all failed."
    return Said(Verdict.PARTLY, None, text, facts)


def sight(material: Material, declared: Declared) -> Said:
    """Could the lab see everything?"""
    if not material.runs:
        return Said(Verdict.NO, False, "There is no run.")
    gaps, hidden = _gaps(material, declared), _unread(material)
    limits = _alike(_per_run(material, _limits))
    inside = (Fact(INSIDE),) if any(run.run.machine is None for run in material.runs) else ()
    modes = tuple(Fact(MODES[mode]) for mode in sorted({run.run.mode for run in material.runs}))
    left = any(flow.value.sent_bytes for run in material.runs for flow in run.flows.values())
    words = (Fact(WORDS),) if left else ()
    facts = (*gaps, *hidden, *limits, *words, *modes, Fact(ALWAYS), *inside)
    if gaps:
        return Said(Verdict.PARTLY, False, f"The record has gaps: {_first(gaps)}", facts)
    if hidden:
        text = f"No event was lost; not read or seen: {_first(hidden)}"
        return Said(Verdict.PARTLY, None, text, facts)
    return Said(Verdict.YES, True, "No event was lost, and all that left could be read.", facts)


def incomplete(material: Material, declared: Declared) -> str:
    """The first thing that keeps the record of all runs from being whole; empty if it is."""
    facts = (*_gaps(material, declared), *_unread(material))
    return facts[0].text if facts else ""


def _gaps(material: Material, declared: Declared) -> tuple[Fact, ...]:
    return _alike(_per_run(material, _missing, partial(_failed, declared), _losses))


def _unread(material: Material) -> tuple[Fact, ...]:
    """What was hidden, or could not be read."""
    return _alike(_per_run(material, _hidden, _opaque))


def _first(facts: tuple[Fact, ...]) -> str:
    """The first, in a summary, and how many more there are."""
    more = f" And {len(facts) - 1:,} more." if len(facts) > 1 else ""
    text = facts[0].text
    if len(text) > MAX_IN_SUMMARY:
        text = text[:MAX_IN_SUMMARY].rpartition(" ")[0] + " …"
    return f"{text.rstrip('.')}.{more}"


Told = tuple[str, RunMaterial, str]
"""Words, the run they are about, and the file that tells it."""


def _per_run(
    material: Material, *tellers: Callable[[RunMaterial], Iterator[tuple[str, str]]]
) -> Iterator[Told]:
    for teller in tellers:
        for run in material.runs:
            for words, file in teller(run):
                yield words, run, file


def _alike(told: Iterable[tuple[str, RunMaterial] | Told]) -> tuple[Fact, ...]:
    """One fact for the same words about several runs, in the order of first times."""
    grouped: dict[str, list[tuple[str, str]]] = {}
    for words, run, *file in told:
        grouped.setdefault(words, []).append((run.name, run.reference(file[0] if file else "run.json")))
    return tuple(
        Fact(
            _of_runs(words, [name for name, _ in where]),
            tuple(dict.fromkeys(reference for _, reference in where)),
        )
        for words, where in grouped.items()
    )


def _of_runs(words: str, names: list[str]) -> str:
    runs = list(dict.fromkeys(names))
    times = f", {counted(len(names), 'time')}" if len(names) > len(runs) else ""
    return f"{words} (run {runs[0]}{times})" if len(runs) == 1 else f"{words} (in {len(runs)} runs{times})"


def _losses(run: RunMaterial) -> Iterator[tuple[str, str]]:
    for name in Losses.__struct_fields__:
        count = getattr(run.run.losses, name)
        if count:
            yield f"{count:,} {LOST[name]}", "run.json"


def _missing(run: RunMaterial) -> Iterator[tuple[str, str]]:
    for layer, what in LAYERS.items():
        if run.run.machine is not None and layer not in FROM_OUTSIDE:
            continue
        if not run.observed(layer) and not (layer == "open" and run.observed("ranges")):
            yield f"{what} were not observed", "run.json"


def _failed(declared: Declared, run: RunMaterial) -> Iterator[tuple[str, str]]:
    """Steps that did not end as the profile expects."""
    for step in run.run.steps:
        if not step.repeated and (step.timed_out or not step.expected):
            how = "did not end in time" if step.timed_out else f"ended with status {step.exit_status}"
            asked = declared.step_of(step)
            if asked is not None and asked.finds and not step.found:
                how += f", and no line that it printed has the words {asked.finds!r}"
            yield (
                f"step {step.number} ({step.kind}) {how}: the product may not have done its work",
                step.output,
            )


def _hidden(run: RunMaterial) -> Iterator[tuple[str, str]]:
    """What the product hid, what happened unseen at some moment, and what is behind a machine's walls."""
    if run.run.machine is not None:
        yield OUTSIDE, "run.json"
    for one in run.run.blind:
        if not one.defeated and (one.attempt or one.at_s is not None):
            yield one.what, "run.json"


def _limits(run: RunMaterial) -> Iterator[tuple[str, str]]:
    """What the lab could not have seen, whatever the product did; and what it was seen in, if not a chamber."""
    if run.run.machine is not None:
        yield f"the virtual machine: {machine_text(run.run)}", "run.json"
    for one in run.run.blind:
        if not one.attempt and one.at_s is None:
            yield one.what, "run.json"


def machine_text(run: Run) -> str:
    """The virtual machine of a run, in words; empty if there was none."""
    if run.machine is None:
        return ""
    one = run.machine
    shown = one.clock.replace("T", " ").replace("Z", " UTC")
    return (
        f"{one.system}, kernel {run.kernel}, on an emulated processor ({one.emulator}), {one.memory_mb:,} MB; "
        f"its clock began at {shown}"
    )


def _opaque(run: RunMaterial) -> Iterator[tuple[str, str]]:
    for one in run.opaque:
        value = one.value
        text = f"{bytes_text(value.bytes)} to {value.destination} could not be read: {value.why}"
        yield text, one.reference.rpartition("/")[2]
