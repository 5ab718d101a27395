"""Feed mutated files of every format to real, confined scan sessions, and check that nothing is lost or written.

    python -m scripts.fuzz --inputs 200000 --seed 1

Every input must get exactly one verdict, every session must end by itself with its summary, and nothing in the area
where the session could write (its working folder and those above it, its home, its temporary folder, the inputs
themselves) may differ afterwards but its own report. Inputs that cost an examiner its life are kept for a closer look.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.mutate import Sample, mutated, sample
from tests.formats.test_registry import FIXTURES

from overt.engine.unpack.registry import identify

CLAMAV_TESTFILES = Path("/usr/share/clamav-testfiles")
BATCH = 2_000
"""Inputs per session."""
LARGE_SAMPLE_BYTES = 256 << 10
"""Samples above this size are drawn less often, so that disk images don't take all the time."""
PACKED_WEIGHT = 1 / 32
"""Programs that are emulated take seconds each."""
PROGRAM_WEIGHT = 1 / 4
"""What carries such a program, and may let it be emulated."""
SESSION_TIMEOUT_S = 3_600
DEATHS = ("crashed", "forbidden system call", "deadline", "max_memory_bytes")
"""Reasons that mean an examiner was lost, or ran out of memory."""
UNEXPECTED = "unexpected exception"
_EXCEPTION = re.compile(r": ([A-Z][A-Za-z]*(?:Error|Exception|Iteration)): ")


@dataclass(frozen=True, slots=True)
class Event:
    """One input on which something ended that should not have."""

    format: str
    reason: str
    detail: str
    seed: str
    """`mutate.mutated` makes the input from this, given the same samples."""
    kept: str
    """Where the input is kept; empty if there were enough of its kind."""


@dataclass(slots=True)
class Tally:
    """Running counts over all batches."""

    inputs: Counter[str] = field(default_factory=Counter)
    """Sample's name → mutated inputs."""
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    slowest_s: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Sample's name → (seconds, seed)."""
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Sample's name → time of examiners."""
    bytes: int = 0
    events: list[Event] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Broken promises: an input without its verdict, a dead session, something written."""
    elapsed_s: float = 0.0

    def of_kind(self, *reasons: str) -> list[Event]:
        """The events with one of these reasons."""
        return [event for event in self.events if event.reason in reasons]


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: how many inputs, from which seed, and where."""

    inputs: int
    seed: int
    area: Path
    """An empty folder (best on tmpfs) that holds everything the sessions can write to."""
    keep: Path
    """Where troublesome inputs are kept."""
    deadline_s: float = 60.0
    keep_per_kind: int = 5


def collect_samples(folder: Path) -> list[Sample]:
    """One sample per fixture of the format tests, and Debian's test files where they are installed."""
    found = []
    for name in sorted(FIXTURES):
        place = folder / re.sub(r"\W", "_", name)
        place.mkdir(parents=True)
        found.append(sample(name, FIXTURES[name](place)))
    if CLAMAV_TESTFILES.is_dir():
        found += [sample(path.name, path.read_bytes()) for path in sorted(CLAMAV_TESTFILES.iterdir())]
    return found


def weight(each: Sample) -> float:
    """How often a sample is drawn: those that take much time, less often."""
    if any(form.name == "packed pe" for form in identify(each.data)):
        return PACKED_WEIGHT
    if each.name.startswith("clam"):
        return PROGRAM_WEIGHT
    return max(1 / 16, min(1.0, LARGE_SAMPLE_BYTES / max(1, len(each.data))))


def run(plan: Plan, samples: Sequence[Sample], tell: bool = False) -> Tally:
    """All batches of `plan`."""
    tally = Tally()
    weights = [weight(each) for each in samples]
    plan.keep.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for first in range(0, plan.inputs, BATCH):
        numbers = range(first, min(first + BATCH, plan.inputs))
        _batch(plan, samples, weights, numbers, tally)
        tally.elapsed_s = time.monotonic() - began
        if tell:
            deaths = Counter(event.reason for event in tally.events)
            print(f"{numbers.stop} inputs, {tally.elapsed_s:.0f} s, {dict(deaths)}", file=sys.stderr)
    return tally


def _batch(
    plan: Plan, samples: Sequence[Sample], weights: Sequence[float], numbers: range, tally: Tally
) -> None:
    """Make the inputs, scan them in one session, check, and clear up."""
    inputs = plan.area / "inputs"
    inputs.mkdir(parents=True)
    names: dict[str, str] = {}
    for number in numbers:
        chosen, data = mutated(samples, weights, f"{plan.seed}/{number}")
        (inputs / str(number)).write_bytes(data)
        names[str(number)] = chosen.name
        tally.inputs[chosen.name] += 1
        tally.bytes += len(data)
    _warm_home(plan)
    before = manifest(plan.area)
    exit_code, complaint, records = _session(plan)
    after = manifest(plan.area)
    where = f"inputs {numbers.start} to {numbers.stop - 1} of seed {plan.seed}"
    tally.faults += [f"{where}: {fault}" for fault in _faults(exit_code, complaint, records, names)]
    tally.faults += [f"{where}: {name} was {change}" for name, change in differences(before, after)]
    for record in records:
        if record["record"] == "file":
            _count(plan, tally, record, names)
    for path in inputs.iterdir():
        path.unlink()
    inputs.rmdir()


def _environment(plan: Plan) -> dict[str, str]:
    """Whatever a session takes from its environment to find places to write to is inside the area."""
    places = ("OVERT_HOME", "HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
    inside = {name: str(plan.area / name.lower()) for name in places}
    for folder in inside.values():
        Path(folder).mkdir(exist_ok=True)
    return os.environ | inside | {"PYTHONDONTWRITEBYTECODE": "1"}


def _working_folder(plan: Plan) -> Path:
    """Deep in the area, so that a member called `../../x` would land in it too."""
    folder = plan.area / "work/a/b/c/d/e/f/g/h"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _overt(plan: Plan, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "overt", *arguments]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=_working_folder(plan),
        env=_environment(plan),
        timeout=timeout_s,
        check=False,
    )


def _warm_home(plan: Plan) -> None:
    """Let the rule pack be built before the manifest is taken: that is written on purpose."""
    if not (plan.area / "overt_home/data/active.pack").exists():
        _overt(plan, "rules", "rebuild", timeout_s=600).check_returncode()
    (plan.area / "report.jsonl").write_bytes(b"")


def _session(plan: Plan) -> tuple[int, str, list[dict[str, Any]]]:
    """Exit code, standard error and JSON records of one session over the inputs."""
    report = plan.area / "report.jsonl"
    options = ["--no-cache", "--quiet", "--incomplete", "clean", "--deadline-s", str(plan.deadline_s)]
    try:
        done = _overt(
            plan,
            "scan",
            *options,
            "--json",
            str(report),
            str(plan.area / "inputs"),
            timeout_s=SESSION_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return -1, f"the session did not end within {SESSION_TIMEOUT_S} s", []
    records = [json.loads(line) for line in report.read_bytes().splitlines()]
    report.write_bytes(b"")
    return done.returncode, done.stderr.decode(errors="replace").strip(), records


def _faults(
    exit_code: int, complaint: str, records: list[dict[str, Any]], names: dict[str, str]
) -> Iterator[str]:
    if exit_code not in (0, 1) or complaint:
        yield f"the session ended with {exit_code}: {complaint[-2000:]}"
    if not records or records[-1]["record"] != "summary":
        yield "the report has no summary"
    reported = Counter(Path(record["path"]).name for record in records if record["record"] == "file")
    for name in names:
        if reported[name] != 1:
            yield f"input {name} ({names[name]}) has {reported[name]} verdicts"
    for name in reported.keys() - names.keys():
        yield f"a verdict about {name!r}, which is no input"


def _count(plan: Plan, tally: Tally, record: dict[str, Any], names: dict[str, str]) -> None:
    number = Path(record["path"]).name
    name, seed = names[number], f"{plan.seed}/{number}"
    tally.verdicts[name, record["verdict"]] += 1
    tally.seconds[name] += record["elapsed_s"]
    tally.slowest_s[name] = max(tally.slowest_s.get(name, (0.0, "")), (record["elapsed_s"], seed))
    kinds = {}
    for gap in record.get("gaps", ()):
        detail = gap.get("detail", "")
        kinds[UNEXPECTED if _EXCEPTION.search(detail) else gap["reason"]] = detail
    for reason, detail in kinds.items():
        tally.reasons[name, reason] += 1
        if reason in (*DEATHS, UNEXPECTED):
            kept = _keep(plan, tally, name, reason, number)
            tally.events.append(Event(name, reason, detail, seed, kept))


def _keep(plan: Plan, tally: Tally, name: str, reason: str, number: str) -> str:
    """Copy an input to the keep folder, unless enough of its kind are there."""
    if tally.reasons[name, reason] > plan.keep_per_kind:
        return ""
    kept = plan.keep / re.sub(r"[^\w.]", "-", f"{reason}-{name}-{plan.seed}-{number}")
    kept.write_bytes((plan.area / "inputs" / number).read_bytes())
    return str(kept)


def manifest(area: Path) -> dict[str, tuple[int, ...] | bytes]:
    """Every path below `area` → its metadata and the hash of its content."""
    found: dict[str, tuple[int, ...] | bytes] = {}
    for folder, folders, files in os.walk(area):
        for name in (*folders, *files):
            path = Path(folder, name)
            status = path.lstat()
            state = (status.st_mode, status.st_uid, status.st_ino, status.st_size, status.st_mtime_ns)
            digest = hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b""
            found[str(path.relative_to(area))] = repr(state).encode() + digest
    return found


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str]]:
    """(path, `added`, `removed` or `changed`) for everything but the session's report."""
    rest = (before.keys() | after.keys()) - {"report.jsonl"}
    return [
        (name, "added" if name not in before else "removed" if name not in after else "changed")
        for name in sorted(rest)
        if before.get(name) != after.get(name)
    ]


def table(tally: Tally) -> str:
    """A Markdown table: one line per format, and the totals."""
    columns = ("clean", "infected", "incomplete")
    deaths = (*DEATHS, UNEXPECTED)
    head = ["format", "inputs", *columns, *deaths, "seconds", "slowest (s)"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name in sorted(tally.inputs):
        counts = [tally.inputs[name], *(tally.verdicts[name, verdict] for verdict in columns)]
        counts += [tally.reasons[name, reason] for reason in deaths]
        slowest = tally.slowest_s.get(name, (0.0, ""))[0]
        lines.append(
            f"| {name} | {' | '.join(map(str, counts))} | {tally.seconds[name]:.1f} | {slowest:.2f} |"
        )
    sums = [sum(tally.inputs.values())]
    sums += [sum(tally.verdicts[name, verdict] for name in tally.inputs) for verdict in columns]
    sums += [sum(tally.reasons[name, reason] for name in tally.inputs) for reason in deaths]
    slowest = max((value[0] for value in tally.slowest_s.values()), default=0.0)
    lines.append(
        f"| **all** | {' | '.join(map(str, sums))} | {sum(tally.seconds.values()):.1f} | {slowest:.2f} |"
    )
    return "\n".join(lines)


def main() -> int:
    """Run, print the table, the events and the faults; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=200_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--deadline-s", type=float, default=60.0, metavar="SECONDS")
    keep = Path(tempfile.gettempdir()) / "overt-fuzz"
    parser.add_argument("--keep", type=Path, default=keep, metavar="DIR", help="where bad inputs are kept")
    options = parser.parse_args()
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with (
        tempfile.TemporaryDirectory(prefix="overt-fuzz-", dir=shared) as area,
        tempfile.TemporaryDirectory() as made,
    ):
        plan = Plan(options.inputs, options.seed, Path(area), options.keep, options.deadline_s)
        tally = run(plan, collect_samples(Path(made)), tell=True)
    print(table(tally))
    print(f"\n{tally.bytes / 1e9:.1f} GB in {tally.elapsed_s:.0f} s")
    for event in tally.events:
        print(f"{event.reason}: {event.format}, seed {event.seed}: {event.detail} {event.kept}")
    for fault in tally.faults:
        print(f"FAULT {fault}")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
