"""The rows of the table: each measures one promise of speed or size against its peer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import channel, clamav, hashes, machine, trees, webserver
from bench.measure import Runs, can_drop_caches, command, drop_caches, pss, repeat, with_memory
from bench.rules import Prepared

OVERT = str(Path(sys.executable).with_name("overt"))
NO_UNPACKING = ("--max-unpacked-bytes", "1")
"""There is no switch: unpacking ends at its first byte."""
LOAD = (
    "import time; from overt.engine.matcher import Matcher; from overt.scan import arsenal; "
    "began = time.perf_counter(); Matcher(arsenal.load(None).pack); "
    "print(time.perf_counter() - began)"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `ratio` has the sense of `reach` (`≥ 3×`: times as fast; `≤ 3×`: times as long)."""

    what: str
    against: str
    ours: str
    theirs: str
    ratio: str
    reach: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything that the rows share."""

    prepared: Prepared
    work: Path
    """An empty folder on a real disk, with room for a million small files."""
    tree: Path
    clam_tree: Path
    wide_tree: Path
    rounds: int
    cold_rounds: int
    quick: bool
    hashes: int
    notes: list[str] = field(default_factory=list)
    """Facts that go below the table."""

    @property
    def environment(self) -> dict[str, str]:
        """A home of Overt's own, without the byte-code of others' edits in between."""
        return os.environ | {"OVERT_HOME": str(self.work / "home")}

    def overt(self, *arguments: str) -> float:
        """Seconds of one `overt scan` with the rules that everybody has."""
        return command(self.scan(*arguments), good=(0, 1), environment=self.environment)

    def scan(self, *arguments: str) -> list[str]:
        """The command line of that."""
        pack = str(self.prepared.pack)
        return [OVERT, "scan", "--no-config", "--incomplete", "clean", "--pack", pack, *arguments]


Table = Iterator[Row]


def faster(what: str, against: str, ours: Runs, theirs: Runs, reach: float, state: str) -> Row:
    """A row of times where ours is to be the smaller."""
    ratio = theirs.median_s / ours.median_s
    return Row(
        f"{what}, {state}", against, str(ours), str(theirs), f"{ratio:.2f}×", f"≥ {reach:g}×", ratio >= reach
    )


def throughput(setting: Setting) -> Table:
    """A whole tree, the same rules, all processors, against engines that only match."""
    tree, processors = str(setting.tree), str(len(os.sched_getaffinity(0)))
    size = _describe(setting, "first scan", setting.tree)
    yara = ["yara", "-w", "-r", "-N", "-f", "-p", processors, "-C", str(setting.prepared.compiled), tree]
    scanners = _ours(setting, tree) | {
        "bare": lambda: _bare(setting),
        "yara": lambda: command(yara, good=(0, 1)),
    }
    for state, rounds in _states(setting):
        runs = _round_robin(scanners, rounds, drop_caches if state == "cold" else _nothing)
        for name, note in ((UNLIKE, " (unpacks nothing)"), (LIKE, "")):
            yield faster(name, f"`yara -f -p {processors}`{note}", runs[name], runs["yara"], 3, state)
            yield faster(name, f"bare engine × {processors}{note}", runs[name], runs["bare"], 1.5, state)
        rates = (f"{name} {size / each.median_s / 1e6:.0f}" for name, each in runs.items())
        setting.notes.append(f"MB/s of files on disk, {state}: {', '.join(rates)}")
    _, peak = with_memory(setting.scan("--no-cache", tree), (0, 1), setting.environment)
    setting.notes.append(f"Overt's memory, all processes, peak of that scan: {peak / 1e6:.0f} MB PSS")


def against_clamav(setting: Setting) -> Table:
    """A tree, rules of the same shape, against scanners that unpack too."""
    tree, processors = str(setting.clam_tree), len(os.sched_getaffinity(0))
    _describe(setting, "scans against ClamAV", setting.clam_tree)
    with clamav.daemon(setting.prepared.database, _fresh(setting.work / "clamd"), processors) as clamd:
        alone = [
            "clamscan",
            "-d",
            str(setting.prepared.database),
            "-r",
            "--no-summary",
            "-i",
            *clamav.FLAGS,
            tree,
        ]
        asked = ["clamdscan", "-c", str(clamd.configuration), "--multiscan", "--no-summary", "-i", tree]
        scanners = _ours(setting, tree) | {
            "`clamscan`": lambda: command(alone, good=(0, 1, 2)),
            "`clamdscan --multiscan`": lambda: command(asked, good=(0, 1, 2)),
        }
        for state, rounds in _states(setting):
            runs = _round_robin(scanners, rounds, drop_caches if state == "cold" else _nothing)
            for name in ("`clamscan`", "`clamdscan --multiscan`"):
                yield faster(UNLIKE, name, runs[UNLIKE], runs[name], 3, state)
        setting.notes.append(f"clamd's memory with the same rules: {pss(clamd.pid) / 1e6:.0f} MB PSS")


UNLIKE, LIKE = "first scan", "first scan, unpacking cut off"


def _ours(setting: Setting, tree: str) -> dict[str, Callable[[], float]]:
    return {
        UNLIKE: lambda: setting.overt("--no-cache", tree),
        LIKE: lambda: setting.overt("--no-cache", *NO_UNPACKING, tree),
    }


def _describe(setting: Setting, what: str, tree: Path) -> int:
    """Note what the tree is; returns its bytes."""
    files, size = trees.count(tree)
    setting.notes.append(f"tree of the {what}: {tree}, {files:,} files, {size / 1e9:.2f} GB")
    return size


def _states(setting: Setting) -> Iterator[tuple[str, int]]:
    yield "warm", setting.rounds
    if can_drop_caches() and setting.cold_rounds:
        yield "cold", setting.cold_rounds
    else:
        setting.notes.append("cold: not measured (it takes root to drop the kernel's caches)")


def _round_robin(
    scanners: dict[str, Callable[[], float]], rounds: int, before: Callable[[], None]
) -> dict[str, Runs]:
    """Each in turn, `rounds` times, so that a change of the machine's mood hits all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in scanners}
    for number in range(rounds):
        for name, once in scanners.items():
            before()
            seconds[name].append(once())
            print(f"round {number + 1}: {name} {seconds[name][-1]:.1f} s", file=sys.stderr)
    return {name: Runs(tuple(values)) for name, values in seconds.items()}


def _nothing() -> None:
    """No preparation."""


def _bare(setting: Setting) -> float:
    arguments = [sys.executable, "-m", "bench.bare", str(setting.prepared.sources), str(setting.tree)]
    printed = subprocess.run(arguments, stdout=subprocess.PIPE, check=True).stdout
    return float(json.loads(printed)["seconds"])


def second_scan(setting: Setting) -> Table:
    """An unchanged tree, every verdict remembered, against the least that looking at every file costs."""
    tree = str(setting.wide_tree)
    _describe(setting, "second scan", setting.wide_tree)
    first = setting.overt("--cache", tree)
    setting.notes.append(f"its first scan, which fills the cache: {first:.1f} s")
    find = ["find", tree, "-printf", r"%p %s %T@ %C@ %i\n"]
    for state, rounds in _states(setting):
        before = drop_caches if state == "cold" else _nothing
        before()
        setting.overt("--cache", tree)
        ours = repeat(rounds, lambda: setting.overt("--cache", tree), before)
        theirs = repeat(rounds, lambda: command(find), before)
        ratio = ours.median_s / theirs.median_s
        yield Row(
            f"second scan, {state}",
            "`find -printf`",
            str(ours),
            str(theirs),
            f"{ratio:.2f}×",
            "≤ 3×",
            ratio <= 3,
        )


def one_small_file(setting: Setting) -> Table:
    """From the shell, with the rules that everybody has."""
    target = setting.work / "small.txt"
    target.write_text("nothing in particular\n" * 40)
    setting.overt("--no-cache", str(target))
    ours = repeat(setting.rounds * 3, lambda: setting.overt("--no-cache", str(target)))
    theirs = repeat(setting.rounds * 3, lambda: command([sys.executable, "-c", "pass"]))
    met = ours.median_s <= 0.35
    more = f"{ours.median_s - theirs.median_s:+.3f} s"
    yield Row(
        "one small file, from the shell", "Python's start-up", str(ours), str(theirs), more, "≤ 0.35 s", met
    )
    own = setting.environment | {"OVERT_HOME": str(setting.work / "plain-home")}
    scan = [OVERT, "scan", "--no-config", "--no-cache", str(target)]
    command(scan, environment=own)
    base = repeat(setting.rounds * 3, lambda: command(scan, environment=own))
    met = base.median_s <= 0.35
    more = f"{base.median_s - theirs.median_s:+.3f} s"
    yield Row(
        "the same with the base pack", "Python's start-up", str(base), str(theirs), more, "≤ 0.35 s", met
    )


def start_up(setting: Setting) -> Table:
    """`overt --version`, whose imports every command pays."""
    ours = repeat(setting.rounds * 3, lambda: command([OVERT, "--version"]))
    theirs = repeat(setting.rounds * 3, lambda: command([sys.executable, "-c", "pass"]))
    more = ours.median_s - theirs.median_s
    yield Row(
        "`overt --version`",
        "Python's start-up",
        str(ours),
        str(theirs),
        f"{more:+.3f} s",
        "≤ 0.15 s",
        more <= 0.15,
    )


def many_hashes(setting: Setting) -> Table:
    """Millions of hashes and the rules: time to load, and memory of all processes while they scan."""
    home = setting.work / "hash-home"
    environment = setting.environment | {"OVERT_HOME": str(home)}
    digests = hashes.add(home, setting.hashes, setting.prepared.texts)
    load = [sys.executable, "-c", LOAD]
    seconds = [float(subprocess.check_output(load, env=environment)) for _ in range(setting.rounds + 1)][1:]
    loaded = Runs(tuple(seconds))
    tree = trees.small_files(setting.work / "hash-tree", 20_000)
    scan = [OVERT, "scan", "--no-config", "--no-cache", "--incomplete", "clean", str(tree)]
    _, peak = with_memory(scan, (0, 1), environment)
    theirs, clamd = hashes.clamd(setting.prepared.database, digests, _fresh(setting.work / "clamd-hashes"))
    what = f"{setting.hashes / 1e6:g} million hashes and {setting.prepared.rules:,} rules"
    mb = f"{peak / 1e6:.0f} MB", f"{clamd / 1e6:.0f} MB"
    yield Row(f"{what}, memory", "clamd", *mb, f"{peak / clamd:.2f}×", "≤ 200 MB", peak <= 200e6)
    against = f"{theirs:.1f} s"
    ratio = f"{loaded.median_s / theirs:.3f}×"
    yield Row(f"{what}, load", "clamd", str(loaded), against, ratio, "< 0.6 s", loaded.median_s < 0.6)


def slope(setting: Setting) -> Table:
    """Time and memory from a thousand to a million small files."""
    measured: dict[int, tuple[float, int]] = {}
    for number in (1_000, 10_000, 100_000) + (() if setting.quick else (1_000_000,)):
        tree = trees.small_files(setting.work / f"tree-{number}", number)
        rounds = 1 if number > 10_000 else setting.rounds
        runs = [
            with_memory(setting.scan("--no-cache", str(tree)), (0, 1), setting.environment)
            for _ in range(rounds)
        ]
        seconds = sorted(run[0] for run in runs)[len(runs) // 2]
        measured[number] = seconds, max(run[1] for run in runs)
        subprocess.run(["rm", "-rf", tree], check=True)
        setting.notes.append(
            f"{number:,} files of about 1 kB: {seconds:.2f} s, {seconds / number * 1e6:.0f} µs a file, "
            f"peak {measured[number][1] / 1e6:.0f} MB PSS"
        )
    small, large = 10_000, max(measured)
    ratios = [
        measured[large][0] / measured[small][0] / (large / small),
        measured[large][1] / measured[small][1],
    ]
    for what, ratio, unit in (("time per file", ratios[0], 0), ("memory", ratios[1], 1)):
        ours, theirs = (
            f"{measured[n][1] / 1e6:.0f} MB" if unit else f"{measured[n][0] / n * 1e6:.0f} µs"
            for n in (large, small)
        )
        yield Row(
            f"{what} with {large:,} small files", f"with {small:,}", ours, theirs, f"{ratio:.2f}×", "flat"
        )


def installed(setting: Setting) -> Table:
    """What the core takes on disk."""
    sizes = machine.core_install()
    total = sum(sizes.values())
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    setting.notes.append(
        "largest parts of the core: " + ", ".join(f"{name} {s / 1e6:.1f} MB" for name, s in largest)
    )
    yield Row(
        "core install on disk",
        "Overt's own part",
        f"{total / 1e6:.1f} MB",
        f"{sizes['overt'] / 1e6:.1f} MB",
        "",
    )


def rule_channel(setting: Setting) -> Table:
    """What following a channel costs (`python -m bench.channel` tells more). Needs nginx."""
    if webserver.program() is None:
        setting.notes.append("the rule channel was not measured: nginx is missing")
        return
    found, first = channel.polled(setting.work), channel.first_update(setting.work)
    size, cpu_ms = found.up + found.down, found.cpu_s * 1e3
    yield Row(
        "poll of a rule channel, on the wire", "", f"{size} bytes", "", "", "≤ 2,000 bytes", size <= 2000
    )
    yield Row("poll of a rule channel, CPU", "", f"{cpu_ms:.1f} ms", "", "", "≤ 1 ms", cpu_ms <= 1)
    what = f"first update of {first.rules} and the base pack, to rules loaded"
    yield Row(what, "", f"{first.whole_s:.1f} s", "", "", "≤ 3 s", first.whole_s <= 3)


def _fresh(folder: Path) -> Path:
    folder.mkdir()
    return folder


ROWS: dict[str, Callable[[Setting], Table]] = {
    "throughput": throughput,
    "clamav": against_clamav,
    "second": second_scan,
    "small": one_small_file,
    "hashes": many_hashes,
    "version": start_up,
    "slope": slope,
    "installed": installed,
    "channel": rule_channel,
}
