"""Runs the two control subjects of the conduct lab and writes docs/conduct/controls.md: what is found, and what is not.

python -m scripts.conduct_controls [--spy 5] [--behaving 100] [--compared 8]      as root; about 20 minutes
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.conduct import control
from tests.conduct.lab import SUBJECTS

from overt import __version__
from overt.conduct import profile
from overt.conduct.compare.tests import LEVEL
from overt.conduct.evidence.conclusions import Compared, Sighting
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Losses, Mode
from overt.conduct.judge import judge
from overt.conduct.session import lab
from overt.conduct.session.wanted import Wanted

PAGE = Path(__file__).parents[1] / "docs/conduct/controls.md"
FORMS = {
    "c": "content",
    "v": "content",
    "s": "part of the content",
    "n": "name",
    "d": "digest",
    "z": "size",
    "w": "content",
}


@dataclass
class Tally:
    """Of one way, over all runs."""

    sent: int = 0
    found: int = 0
    sized: int = 0
    routes: Counter[str] = field(default_factory=Counter)


def main() -> int:
    """Run, and write the page. Exit code 1 when the behaving control was accused, or an event was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--spy", type=int, default=5, metavar="N", help="runs of the spying control (default: 5)"
    )
    parser.add_argument(
        "--behaving", type=int, default=100, metavar="N", help="of the behaving one (default: 100)"
    )
    parser.add_argument(
        "--compared",
        type=int,
        default=8,
        metavar="N",
        help="runs of each arm, of encrypted ways (default: 8)",
    )
    args = parser.parse_args()
    tallies, lost = _spying(args.spy)
    compared = _compared(args.compared)
    accused = _behaving(args.behaving)
    PAGE.parent.mkdir(exist_ok=True)
    lines = [
        *_page(tallies, args.spy, args.behaving, accused, lost),
        *_encrypted(tallies, compared, args.compared),
    ]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{PAGE} written")
    return 1 if accused or lost else 0


def _report(file: Path, seed: int, work: Path, differential: int = 0) -> ReportFolder:
    wanted = Wanted(profile.read(file), file, work / "report", seed, Mode.SINK, differential=differential)
    name = wanted.profile.product.name
    return lab.make(wanted, work / "state", lambda line: print(f"{name} {seed}: {line}", file=sys.stderr))


def _spying(runs: int) -> tuple[dict[str, Tally], int]:
    """What became of each way, and how many events were lost."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    lost = 0
    for seed in range(1, runs + 1):
        with tempfile.TemporaryDirectory() as work:
            run = _report(SUBJECTS / "spy/profile.toml", seed, Path(work)).runs()[0]
            lost += run.run().losses != Losses()
            sized = control.sized(run)
            for sent, sightings in control.found(run).items():
                tally = tallies[sent.way]
                tally.sized += sent in sized
                tally.sent += 1
                tally.found += bool(sightings)
                tally.routes.update({" in ".join(reversed(seen.route)) or "as it is" for seen in sightings})
    return tallies, lost


def _compared(runs: int) -> dict[str, list[Compared]]:
    """By encrypted way: what runs that are compared say of its host, if anything is significant."""
    found: dict[str, list[Compared]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as work:
        report = _report(control.only(control.ENCRYPTED, Path(work)), 1, Path(work), runs)
        for one in report.compared():
            if one.p_corrected < LEVEL:
                found[control.way_of(one.place)].append(one)
    return found


def _behaving(runs: int) -> list[str]:
    """Every accusation, in words."""
    found: list[str] = []
    for seed in range(1, runs + 1):
        with tempfile.TemporaryDirectory() as work:
            report = _report(SUBJECTS / "behaves/profile.toml", seed, Path(work))
            run = report.runs()[0]
            found += [f"seed {seed}: sighting of canary {seen.canary}" for seen in run.read(Sighting)]
            found += [f"seed {seed}: {one.summary}" for one in judge(report) if one.good is False]
    return found


def _page(
    tallies: dict[str, Tally], spying: int, behaving: int, accused: list[str], lost: int
) -> Iterator[str]:
    yield "# The control subjects"
    yield ""
    yield "Made by `python -m scripts.conduct_controls`; the tests run both subjects as well (`tests/conduct/session`)."
    yield ""
    yield f"**The behaving control** was run {behaving} times, each with other canaries: {len(accused)} accusations."
    yield from (f"* {line}" for line in accused)
    yield ""
    yield f"**The spying control** was run {spying} times ({lost} of them lost an event), by Overt {__version__}."
    yield "Each way sends files of its choice to a host of its own; `found` counts the canaries found on their"
    yield "way to that host, in the right form."
    yield ""
    yield "| way | what leaves | canaries sent | found | how it was uncovered |"
    yield "|---|---|---|---|---|"
    for way in sorted(tallies):
        tally = tallies[way]
        routes = ", ".join(route for route, _ in tally.routes.most_common(2))
        how = routes or control.NOT_FOUND.get(way, "")
        yield f"| `{way}` | {FORMS[way[0]]} | {tally.sent} | {tally.found} | {how} |"
    yield ""
    yield "## What is not found"
    yield ""
    for way, why in control.NOT_FOUND.items():
        yield f"* `{way}`: {why}."
    for way, tally in sorted(tallies.items()):
        if 0 < tally.found < tally.sent:
            why = control.SIZES if way.startswith("z-") else control.PARTLY.get(way, "not explained yet")
            yield f"* `{way}`: {tally.sent - tally.found} of {tally.sent}: {why}."


def _encrypted(tallies: dict[str, Tally], compared: dict[str, list[Compared]], runs: int) -> Iterator[str]:
    yield ""
    yield "## What shows of it all the same"
    yield ""
    yield "Of what is encrypted, without reading a byte: by sizes, in the runs above; and in runs that are compared"
    yield f"(`--differential {runs}`), with these ways only."
    yield ""
    yield "| way | canaries sent | known by their sizes | what compared runs say |"
    yield "|---|---|---|---|"
    for way in control.ENCRYPTED:
        tally = tallies[way]
        said = "; ".join(f"{one.question}: corrected p = {one.p_corrected:.2g}" for one in compared[way][:3])
        yield f"| `{way}` | {tally.sent} | {tally.sized} | {said or 'nothing significant'} |"


if __name__ == "__main__":
    if shutil.which("strace") is None:
        sys.exit("strace is missing: apt-get install strace")
    sys.exit(main())
