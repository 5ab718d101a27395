"""A monitor over a year of daily releases: what there is at once, then day by day. docs/monitor.md holds a run.

    python -m bench.monitor [--days N] [--looks N]

The channel begins with the base pack and gets a rule a day; all is reviewed, static and dynamic, and sources are kept,
so that the monitor builds every bundle again. The tree is a folder: what the network costs is not in it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from bench import machine
from bench.channel import _daily_rule
from bench.measure import command, with_memory
from bench.publishing import NAME, Publisher, tree_bytes

from overt.channel import layout
from overt.channel.publisher import build, keeping, publish, sources, state
from overt.rules.compile import RuleText
from overt.rules.review import RuleReview
from overt.rules.review.dynamic import review_all

BASE = Path(layout.__file__).parents[1] / "rules/base"


@cache
def _reviewed(text: RuleText) -> tuple[RuleReview, ...]:
    return review_all([text]).rules


def _review(texts: Sequence[RuleText]) -> Iterator[RuleReview]:
    """Each file once: what it says does not depend on the others."""
    for text in texts:
        yield from _reviewed(text)


def _publish(publisher: Publisher, kept: Path) -> None:
    """The rules in the folder as the next release, reviewed, its sources kept. Raises `RuntimeError`."""
    present = state.read(publisher.desk)
    serial = present.head.size if present else 0
    overrides = sources.read(BASE / "sources.toml").override
    origin = sources.Origin("bench", (str(publisher.rules),), "generated", "CC0-1.0", "https://example.org")
    listed = sources.Sources((origin,), overrides)
    built = build.build(NAME, serial, listed, _review)
    keeping.keep(kept, serial, listed)
    if not isinstance(publish.publish(publisher.desk, built.data), publish.Published):
        raise RuntimeError(f"release {serial} was not published")


def _watching(publisher: Publisher, kept: Path, folder: Path) -> list[str]:
    program = str(Path(sys.executable).with_name("overt"))
    words = ["--channel-url", str(publisher.public), "--root", str(publisher.root), "--sources", str(kept)]
    words += ["--no-policy-witnesses"]  # they are in this process' memory
    return [
        program,
        "monitor",
        "run",
        *words,
        "--state",
        str(folder / "state"),
        "--site",
        str(folder / "site"),
    ]


def year(work: Path, days: int, looks: int) -> Iterator[str]:
    """One that begins late takes in what there is, then looks every day."""
    publisher, kept = Publisher(work / "channel"), work / "sources"
    for path in BASE.glob("*.yar"):
        (publisher.rules / path.name).write_bytes(path.read_bytes())
    environment = os.environ | {"OVERT_HOME": str(work / "home")}
    for day in range(days + 1 - looks):
        _daily_rule(publisher, day)
        _publish(publisher, kept)
    watching = _watching(publisher, kept, work)
    count = days + 1 - looks
    elapsed, peak = with_memory(watching, environment=environment)
    yield (
        f"{count} daily releases (214 rules and one more each day) taken in at once: {elapsed:.0f} s, "
        f"{elapsed / count:.2f} s each; at most {peak / 1e6:.0f} MB with all its processes"
    )
    took = []
    for day in range(count, days + 1):
        _daily_rule(publisher, day)
        _publish(publisher, kept)
        took.append(command(watching, environment=environment))
    nothing, peak = with_memory(watching, environment=environment)
    yield (
        f"then {looks} more, looked at every day: {statistics.median(took):.1f} s a look (median; {min(took):.1f} to "
        f"{max(took):.1f}); one at which nothing is new: {nothing:.1f} s, at most {peak / 1e6:.0f} MB"
    )
    files, size = tree_bytes(work / "site")
    database = (work / "state" / "monitor.sqlite").stat().st_size
    _, archives = tree_bytes(kept)
    yield (
        f"after {days + 1} releases the state has {database / 1e6:.1f} MB, the site {files:,} files and "
        f"{size / 1e6:.1f} MB, the kept sources {archives / 1e6:.1f} MB"
    )


def main() -> int:
    """Measure and print Markdown lines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--looks", type=int, default=30, help="days at the end that are looked at every day")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="overt-bench-") as folder:
        for line in year(Path(folder), args.days, min(args.looks, args.days)):
            print(f"* {line}", flush=True)
    for line in machine.description():
        print(f"* {line}")
    print(f"* load average at the end {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
