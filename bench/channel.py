"""Figures of the rule channel: what a poll and an update cost, and a year of daily releases.

    python -m bench.channel [--days 365] [--only poll update year fleet ...]

Needs nginx. Rules: the folder named by OVERT_BENCH_RULES, or a generated set of the same shape.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import machine, ruleset, webserver, wire
from bench.measure import Runs, repeat
from bench.publishing import NAME, Home, Publisher, tree_bytes

from overt.channel import layout

CLIENTS = 2_000_000
POLLS_A_DAY = 24
RETURNING = (1, 30, 365)
"""Days that clients stayed away."""
LOAD = (
    "import time; from overt.engine.matcher import Matcher; from overt.scan import arsenal; "
    "began = time.perf_counter(); Matcher(arsenal.load(None).pack); print(time.perf_counter() - began)"
)
Lines = Iterator[str]


@dataclass(frozen=True)
class Polled:
    """A poll that finds nothing new."""

    up: int
    down: int
    """Bytes of TCP payload."""
    verifier_s: float
    courier_s: float
    """Seconds of CPU."""
    wall_s: float
    command: Runs
    """As a command of its own."""

    @property
    def cpu_s(self) -> float:
        """Of all that a client does for it, once its processes run."""
        return self.verifier_s + self.courier_s


@dataclass(frozen=True)
class FirstUpdate:
    """From nothing to rules loaded."""

    rules: str
    bundle_bytes: int
    command: Runs
    loading_s: float

    @property
    def whole_s(self) -> float:
        """From the start of the command to rules loaded."""
        return self.command.median_s + self.loading_s


def polled(work: Path) -> Polled:
    """Measure a poll when nothing changed."""
    publisher = Publisher(work / "poll")
    _daily_rule(publisher, 0)
    publisher.publish()
    home = Home(work / "poll-home")
    with (
        webserver.serving(publisher.public, work / "poll-nginx", logged=False) as served,
        wire.relay(served.port) as relay,
    ):
        home.overt("channel", "add", _url(relay.port), "--root", str(publisher.root), "--proxy", "")
        home.overt("update", "--proxy", "")
        relay.taken()
        command = repeat(3, lambda: _timed(lambda: home.overt("update", "--proxy", "")))
        up, down = (count // 3 for count in relay.taken())
        found = _inside(home)
    return Polled(up, down, found["verifier_s"], found["courier_s"], found["wall_s"], command)


def first_update(work: Path) -> FirstUpdate:
    """Measure the update of a new client: base pack plus the rule set, on the loopback."""
    named = os.environ.get("OVERT_BENCH_RULES")
    publisher = Publisher(work / "update")
    for number, text in enumerate(ruleset.sources(Path(named) if named else None).values()):
        (publisher.rules / f"{number}.yar").write_text(text, "utf-8")
    publisher.publish()
    _, size = tree_bytes(publisher.public / "bundles")
    with webserver.serving(publisher.public, work / "update-nginx", logged=False) as served:
        homes = [Home(work / f"update-home-{number}") for number in range(3)]
        words = ("channel", "add", _url(served.port), "--root", str(publisher.root), "--proxy", "")
        seconds = tuple(_timed(partial(home.overt, *words)) for home in homes)
        told = homes[0].overt("status").splitlines()
    return FirstUpdate(_rules(told), size, Runs(seconds), sorted(map(_loaded, homes))[1])


def poll(work: Path) -> Lines:
    """When nothing changed."""
    found = polled(work)
    yield f"poll, nothing new: {found.up} bytes up, {found.down} down (TCP payload, one connection, no TLS)"
    yield (
        f"CPU of its check: {found.verifier_s * 1e3:.2f} ms in the verifier and {found.courier_s * 1e3:.2f} ms in the "
        f"courier (ledger entries included; {found.wall_s * 1e3:.1f} ms of wall clock, with their fsync; best of ten "
        "rounds of 40)"
    )
    yield f"the same as a command of its own, with Python and all processes started: {found.command}"


def update(work: Path) -> Lines:
    """From nothing to rules loaded."""
    found = first_update(work)
    yield (
        f"first update of {found.rules} and the base pack (bundle {found.bundle_bytes:,} bytes), whole command: "
        f"{found.command}"
    )
    yield f"loading them afterwards: {found.loading_s:.2f} s; together {found.whole_s:.2f} s (reach: 3 s)"


def year(work: Path, days: int) -> Lines:
    """Daily releases, each with one rule more than the base pack before it; clients that return."""
    publisher = Publisher(work / "year")
    for path in (Path(layout.__file__).parents[1] / "rules/base").glob("*.yar"):
        (publisher.rules / path.name).write_bytes(path.read_bytes())
    homes: dict[int, Home] = {}
    with (
        webserver.serving(publisher.public, work / "year-nginx", logged=False) as served,
        wire.relay(served.port) as relay,
    ):
        began = time.perf_counter()
        for day in range(days + 1):
            _daily_rule(publisher, day)
            publisher.publish()
            for back in RETURNING:
                if day == days - back:
                    homes[back] = Home(work / f"year-home-{back}")
                    words = ("--root", str(publisher.root), "--proxy", "")
                    homes[back].overt("channel", "add", _url(relay.port), *words)
                    homes[back].overt("update", "--proxy", "")
        elapsed = time.perf_counter() - began
        files, size = tree_bytes(publisher.public)
        proof = (publisher.public / layout.PROOF).stat().st_size
        yield (
            f"{days + 1} releases, one a day (214 rules and one more each day): {elapsed / (days + 1):.2f} s each; "
            f"the tree has {files:,} files, {size / 1e6:.1f} MB; the proof has {proof:,} bytes"
        )
        for back, home in sorted(homes.items()):
            relay.taken()
            took = _timed(partial(home.overt, "update", "--proxy", ""))
            up, down = relay.taken()
            yield f"back after {back} day{'s' * (back > 1)}: {up:,} bytes up, {down:,} down, {took:.2f} s, in one go"


def fleet(work: Path) -> Lines:
    """What two million clients ask for."""
    publisher = Publisher(work / "fleet")
    _daily_rule(publisher, 0)
    publisher.publish()
    with webserver.serving(publisher.public, work / "fleet-nginx", logged=False) as served:
        etag = _etag(served.port)
        request = wire.conditional(f"/acme/{layout.PROOF}", etag)
        wire.rate(served.port, request, 400)
        rates = [wire.rate(served.port, request) for _ in range(3)]
    measured = sorted(rates)[1]
    wanted = CLIENTS * POLLS_A_DAY / 86400
    yield (
        f"nginx answered {measured:,.0f} polls a second, each on a connection of its own, without TLS, beside the "
        f"Python that asked (3 × 4,000 requests; {min(rates):,.0f}–{max(rates):,.0f})"
    )
    yield (
        f"computed: {CLIENTS:,} clients that poll hourly are {wanted:,.0f} requests a second, "
        f"{wanted / measured:.0%} of that"
    )


def _daily_rule(publisher: Publisher, day: int) -> None:
    text = (
        f'rule daily_{day} {{ meta: author = "generated" description = "day {day}" strings: '
        f'$a = "overt-bench-day-{day:04d}-{day * 7919 % 104729:06d}" condition: uint16(0) == 0x5a4d and $a }}\n'
    )
    (publisher.rules / f"daily-{day:04d}.yar").write_text(text)


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/acme/"


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _inside(home: Home) -> dict[str, float]:
    """`bench.poll` in a process of its own."""
    command = [sys.executable, "-m", "bench.poll", NAME, "400"]
    done = subprocess.run(command, env=home.environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _loaded(home: Home) -> float:
    """Seconds to load the rules in use, without starting Python."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD], env=home.environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _rules(status: list[str]) -> str:
    return next(
        line.split(": ", 1)[1].split(", ")[1] for line in status if line.startswith(f"channel {NAME}")
    )


def _etag(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", f"/acme/{layout.PROOF}")
    return connection.getresponse().headers["ETag"]


def main() -> int:
    """Measure and print Markdown lines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = ("poll", "update", "year", "fleet")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--days", type=int, default=365)
    args = parser.parse_args()
    if webserver.program() is None:
        print("nginx is missing: install it", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="overt-bench-") as folder:
        measures: dict[str, Callable[[Path], Lines]] = {
            "poll": poll,
            "update": update,
            "year": lambda work: year(work, args.days),
            "fleet": fleet,
        }
        for name in args.only:
            for line in measures[name](Path(folder)):
                print(f"* {line}", flush=True)
    for line in machine.description():
        print(f"* {line}")
    print(f"* load average at the end {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
