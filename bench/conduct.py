"""What observing costs a product: the same commands in the same chamber, observed and not observed, on one processor.

    python -m bench.conduct [--rounds 3] [--whole] [--only NAME ...]

Needs root, ClamAV and rkhunter. Each way of observing has a chamber of its own; the rounds of a command follow one
another, after one that is not counted. `--whole` adds all of `rkhunter --check`, about a minute for each round.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.machine import description

from overt.conduct.chamber.build import Chamber
from overt.conduct.chamber.plan import ChamberPlan
from overt.conduct.chamber.warden import in_warden, new_work_folder
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.observe.attribution import Sources, merge
from overt.conduct.observe.files import FileObserver
from overt.conduct.observe.trace import command
from overt.conduct.observe.watch import Trailer

FILES = 5_000
READER = (
    "import os,sys\nfor entry in os.scandir(sys.argv[1]):\n    with open(entry, 'rb') as file: file.read()\n"
)
PREPARE = (
    "import os\n"
    "for folder in ('/tmp/many', '/home/alice/many'):\n"
    "    os.makedirs(folder)\n"
    f"    for number in range({FILES}):\n"
    "        with open(f'{folder}/{number}', 'wb') as file: file.write(b'%8d' % number * 1024)\n"
    "with open('/tmp/bench.ndb', 'w') as file: file.write('Bench:0:*:6f7665727462656e6368\\n')\n"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """One command, for the shell inside."""

    name: str
    line: str
    whole: bool = False
    """Only with `--whole`."""


SUBJECTS = (
    Subject(f"reader, {FILES:,} files, opens", f'python3 -c "{READER}" /tmp/many'),
    Subject(
        f"reader, {FILES:,} files in a home, opens and ranges", f'python3 -c "{READER}" /home/alice/many'
    ),
    Subject(f"clamscan, {FILES:,} files", "clamscan -d /tmp/bench.ndb -r /tmp/many"),
    Subject("rkhunter --check --enable filesystem", "rkhunter --check --sk --nocolors --enable filesystem"),
    Subject("500 programs", "i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done"),
    Subject("rkhunter --check", "rkhunter --check --sk --nocolors", whole=True),
)
WAYS = ("nothing", "files", "files and calls")


@dataclass(frozen=True, slots=True)
class Timed:
    """One way of observing: seconds of each round by subject, and what the observer said."""

    seconds: dict[str, list[float]]
    lost: dict[str, int]
    per_event_us: float


def measure(way: str, subjects: list[Subject], rounds: int, folder: Path) -> Timed:
    """All rounds of all subjects in one chamber."""
    result = folder / f"{way}.json"

    def work(place: Path) -> None:
        with Chamber(ChamberPlan(), place) as chamber, observing(way, chamber, place) as trailers:
            run(chamber, place, f'python3 -c "{PREPARE}"')
            seconds = {
                subject.name: [run(chamber, place, subject.line) for _ in range(rounds + 1)][1:]
                for subject in subjects
            }
            chamber.close()
        lost, per_event_us = told(way, trailers, place)
        result.write_text(json.dumps([seconds, lost, per_event_us]))

    state = folder / "state"
    state.mkdir(exist_ok=True)
    in_warden(work, new_work_folder(state))
    return Timed(*json.loads(result.read_text()))


@contextlib.contextmanager
def observing(way: str, chamber: Chamber, place: Path) -> Iterator[list[Trailer]]:
    """Start the chamber, observed so; the observer's trailer is in the list afterwards."""
    trailers: list[Trailer] = []
    observer = FileObserver()
    if way != "nothing":
        observer.start(chamber.superblocks, place / "raw", time.monotonic())
    chamber.start(command(place / "trace.log") if way == "files and calls" else ())
    try:
        yield trailers
        if way != "nothing":
            trailers.append(observer.stop())
    finally:
        observer.close()


def told(way: str, trailers: list[Trailer], place: Path) -> tuple[dict[str, int], float]:
    """What was lost, by name, and microseconds of the observer's processor time for each event."""
    if not trailers:
        return {}, 0.0
    run_folder = RunFolder(place / "run")
    run_folder.path.mkdir()
    trace = place / "trace.log" if way == "files and calls" else None
    losses = merge(run_folder, Sources(place / "raw", None, trace), ()).losses
    lost = {name: getattr(losses, name) for name in losses.__struct_fields__ if getattr(losses, name)}
    return lost, trailers[0].busy_s / max(1, trailers[0].events) * 1e6


def run(chamber: Chamber, place: Path, line: str) -> float:
    """Seconds of one command."""
    began = time.perf_counter()
    chamber.execute(["sh", "-c", line], output=place / "output", timeout_s=1_800)
    seconds = time.perf_counter() - began
    print(f"{seconds:.2f} s: {line.strip()[:60]!r}", file=sys.stderr)
    return seconds


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    if os.geteuid() != 0:
        print("the lab needs root", file=sys.stderr)
        return 2
    subjects = [
        subject
        for subject in SUBJECTS
        if (asked.whole or not subject.whole)
        and (not asked.only or any(w in subject.name for w in asked.only))
    ]
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # as in the lab: see session/observed.py
    with tempfile.TemporaryDirectory() as folder:
        timed = {way: measure(way, subjects, asked.rounds, Path(folder)) for way in WAYS}
    print("\n".join(f"* {line}" for line in description()))
    print(f"\n| seconds, median of {asked.rounds} (ratio) | {' | '.join(WAYS)} |\n|---|{'---|' * len(WAYS)}")
    for subject in subjects:
        medians = [statistics.median(timed[way].seconds[subject.name]) for way in WAYS]
        cells = [f"{seconds:.2f} ({seconds / medians[0]:.2f})" for seconds in medians]
        print(f"| {subject.name} | {' | '.join(cells)} |")
    for way in WAYS[1:]:
        print(
            f"\n* {way}: lost {timed[way].lost or 'nothing'}, {timed[way].per_event_us:.1f} µs for each event"
        )
    print(f"* load average at the end {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
