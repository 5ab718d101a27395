"""What observing costs a product: the same commands in the same chamber, observed and not observed, on one processor.

    python -m bench.conduct [--rounds 5] [--whole] [--only NAME ...]

Needs root, ClamAV and rkhunter. Each way of observing has a chamber of its own, and all stand at the same time: a
round of a command is one run in each, one after the other, so that what else the machine does meets all alike. The
first round does not count. `--whole` adds all of `rkhunter --check`, one round of it, without one before: about four
minutes.

A ratio of seconds is only true of a quiet machine. Processor time (of product, observers and kernel together) is hardly
changed by other programs, and on one processor it is what the product waits for.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from bench.machine import description

from overt.conduct.chamber.build import Chamber
from overt.conduct.chamber.plan import ChamberPlan, Command
from overt.conduct.chamber.warden import in_warden
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.observe.attribution import Sources, merge
from overt.conduct.observe.files import FileObserver
from overt.conduct.observe.trace import command
from overt.conduct.observe.tracelog import TraceLog
from overt.conduct.observe.watch import Trailer

FILES = 5_000
SIGNATURES = 100_000
"""Of the common case: bodies of chance, for any type of file."""
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
    "import random\n"
    "chance = random.Random(1)\n"
    "with open('/tmp/many.ndb', 'w') as file:\n"
    f"    for number in range({SIGNATURES}):\n"
    "        file.write(f'Bench.{number}:0:*:{chance.randbytes(24).hex()}\\n')\n"
)
TRACE = "trace.log"
TICKS_IN_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Subject:
    """One command, for the shell inside."""

    name: str
    line: str
    whole: bool = False
    """Only with `--whole`, and then one round."""


SUBJECTS = (
    Subject(f"reader, {FILES:,} files, opens", f'python3 -c "{READER}" /tmp/many'),
    Subject(
        f"reader, {FILES:,} files in a home, opens and ranges", f'python3 -c "{READER}" /home/alice/many'
    ),
    Subject(f"clamscan, {FILES:,} files, one signature", "clamscan -d /tmp/bench.ndb -r /tmp/many"),
    Subject(
        f"clamscan, Python's library, {SIGNATURES:,} signatures",
        "clamscan -d /tmp/many.ndb -r /usr/lib/python3.*",
    ),
    Subject("rkhunter --check --enable filesystem", "rkhunter --check --sk --nocolors --enable filesystem"),
    Subject("500 programs", "i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done"),
    Subject("rkhunter --check", "rkhunter --check --sk --nocolors", whole=True),
)
WAYS = ("nothing", "files", "files and calls")
MAX_S = 420.0
"""Of one run, so that `--whole` takes at most 21 minutes more if all is busy; the row of one that is ended says it."""


@dataclass(frozen=True, slots=True)
class Took:
    """One run of a command: seconds on the clock, and of processor time of everything in the warden."""

    wall: float
    processor: float
    whole: bool
    """False: it was ended."""


@dataclass(slots=True)
class Station:
    """One way of observing, in a chamber of its own that stands until `close`."""

    way: str
    folder: Path
    _ours: Connection = field(init=False)
    _process: multiprocessing.Process = field(init=False)

    def __post_init__(self) -> None:
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self.way, self.folder, theirs))
        self._process.start()
        theirs.close()

    def run(self, line: str) -> Took:
        """Run one command inside."""
        self._ours.send(line)
        took: Took = self._ours.recv()
        return took

    def close(self) -> tuple[dict[str, int], float]:
        """End it: what was lost, by name, and microseconds of the observer's processor time for each event."""
        self._ours.send(None)
        told: tuple[dict[str, int], float] = self._ours.recv()
        self._process.join()
        return told


def _serve(way: str, folder: Path, asked: Connection) -> None:
    def work(place: Path) -> None:
        with Chamber(ChamberPlan(), place) as chamber, _observing(way, chamber, place) as trailers:
            _run(chamber, place, f'python3 -c "{PREPARE}"')
            while (line := asked.recv()) is not None:
                asked.send(_run(chamber, place, line))
            chamber.close()
        asked.send(_told(trailers, place))

    in_warden(work, folder)


@contextlib.contextmanager
def _observing(way: str, chamber: Chamber, place: Path) -> Iterator[list[Trailer]]:
    """Start the chamber, observed so; the observer's trailer is in the list afterwards."""
    trailers: list[Trailer] = []
    observer = FileObserver()
    log = TraceLog(place / TRACE, place / "pipe") if way == "files and calls" else None
    try:
        if way != "nothing":
            observer.start(chamber.superblocks, place / "raw", time.monotonic())
        chamber.start(command(log.pipe) if log else ())
        yield trailers
        if way != "nothing":
            trailers.append(observer.stop())
    finally:
        observer.close()
        if log is not None:
            log.close()


def _told(trailers: list[Trailer], place: Path) -> tuple[dict[str, int], float]:
    if not trailers:
        return {}, 0.0
    run_folder = RunFolder(place / "run")
    run_folder.path.mkdir()
    trace = place / TRACE if (place / TRACE).exists() else None
    losses = merge(run_folder, Sources(place / "raw", None, trace), ()).losses
    lost = {name: getattr(losses, name) for name in losses.__struct_fields__ if getattr(losses, name)}
    return lost, trailers[0].busy_s / max(1, trailers[0].events) * 1e6


def _run(chamber: Chamber, place: Path, line: str) -> Took:
    before, began = _processor_s(), time.perf_counter()
    ended = chamber.execute(Command(["sh", "-c", line], timeout_s=MAX_S), place / "output")
    return Took(time.perf_counter() - began, _processor_s() - before, not ended.timed_out)


def _processor_s() -> float:
    """Used so far by all processes of this process namespace, those that ended included (proc_pid_stat(5))."""
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))  # utime, stime, and both of children that were waited for
    return ticks / TICKS_IN_S


def _row(subject: Subject, took: list[list[Took]]) -> str:
    """A line of the table: medians, and ratios to the first way."""
    if not all(one.whole for way in took for one in way):
        return (
            f"| {subject.name} | not measured: one took longer than {MAX_S:.0f} s |{' |' * (len(WAYS) - 1)}"
        )
    walls = [statistics.median(one.wall for one in way) for way in took]
    processors = [statistics.median(one.processor for one in way) for way in took]
    cells = [
        f"{wall:.2f} ({wall / walls[0]:.2f}; {processor / processors[0]:.2f})"
        for wall, processor in zip(walls, processors, strict=True)
    ]
    return f"| {subject.name} | {' | '.join(cells)} |"


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
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
    print("\n".join(f"* {line}" for line in description()))
    print(f"\n| seconds, median (ratio; of processor time) | {' | '.join(WAYS)} |\n|---|{'---|' * len(WAYS)}")
    with tempfile.TemporaryDirectory() as folder:
        stations = [Station(way, Path(folder)) for way in WAYS]
        for subject in subjects:
            rounds = 1 if subject.whole else asked.rounds + 1
            rows = [[station.run(subject.line) for station in stations] for _ in range(rounds)]
            counted = rows if subject.whole else rows[1:]
            print(_row(subject, [list(way) for way in zip(*counted, strict=True)]), flush=True)
        told = {station.way: station.close() for station in stations}
    for way, (lost, per_event_us) in list(told.items())[1:]:
        print(f"\n* {way}: lost {lost or 'nothing'}, {per_event_us:.1f} µs for each event")
    print(f"* load average at the end {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
