"""Measure Overt against its peers on this machine and print one table (Markdown).

    python -m bench.run [--quick] [--write] [--only ROW ...]

Needs yara, clamav and clamav-daemon. Rules: the folder named by OVERT_BENCH_RULES, or a generated set of the same
shape.
As root the kernel's caches are dropped for the cold measurements.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench import machine, rules, trees
from bench.rows import ROWS, Row, Setting

DOCUMENT = Path(__file__).parents[1] / "docs/benchmarks.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
NEEDED = ("yara", "yarac", "clamscan", "clamdscan", "clamd", "find")
ENOUGH_FILES = 100_000


def table(rows: list[Row]) -> list[str]:
    """Markdown lines."""
    lines = ["| what | against | Overt | the other | ratio | reach | |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        mark = "" if row.met is None else "met" if row.met else "short"
        lines.append(
            f"| {row.what} | {row.against} | {row.ours} | {row.theirs} | {row.ratio} | {row.reach} | {mark} |"
        )
    return lines


def report(rows: list[Row], setting: Setting, elapsed_s: float) -> str:
    """Table, machine and notes."""
    prepared = setting.prepared
    notes = [
        *machine.description(),
        f"rules: {prepared.origin}, {prepared.rules:,} rules; {prepared.left_out} files left out because an engine "
        f"rejects them; {prepared.signatures:,} of the rules as ClamAV signatures (`bench/clamav.py` says how)",
        "times are of whole commands with their start-up, but the bare engine's, which are without loading: median "
        "(lowest–highest)",
        *setting.notes,
        f"measured {time.strftime('%Y-%m-%d', time.gmtime())} in {elapsed_s / 60:.0f} min, "
        f"load average at the end {os.getloadavg()[0]:.1f}",
    ]
    return "\n".join([*table(rows), "", *(f"* {note}" for note in notes)])


def write(text: str, document: Path = DOCUMENT) -> None:
    """Put the report between the document's markers. Raises `ValueError` when it has none."""
    before, begin, rest = document.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{document} lacks the lines {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="stop at 100,000 small files and 1 million hashes"
    )
    parser.add_argument("--write", action="store_true", help="also write the table into docs/benchmarks.md")
    parser.add_argument(
        "--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=", ".join(ROWS)
    )
    parser.add_argument("--rounds", type=int, default=3, help="warm runs of each (default 3)")
    parser.add_argument("--cold-rounds", type=int, default=3, help="runs with empty caches (default 3)")
    parser.add_argument("--tree", type=Path, default=Path("/usr/lib"), help="for the first scan")
    parser.add_argument("--clam-tree", type=Path, help="for ClamAV, which is slow (default: as --tree)")
    parser.add_argument("--wide-tree", type=Path, default=Path("/usr"), help="for the second scan")
    parser.add_argument("--packages", type=Path, help="folder of .deb files, used when --wide-tree is small")
    parser.add_argument("--work", type=Path, help="where trees are made (default: a temporary folder)")
    return parser.parse_args()


def main() -> int:
    """Measure and print."""
    args = options()
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        print(f"missing: {', '.join(missing)}; install yara, clamav and clamav-daemon", file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="overt-bench-", dir=args.work) as folder:
        setting = _setting(args, Path(folder))
        rows = _measured(args.only, setting)
        text = report(rows, setting, time.monotonic() - began)
    print(text)
    if args.write:
        write(text)
    return 0


def _measured(names: list[str], setting: Setting) -> list[Row]:
    """The rows; Ctrl-C keeps those that are done."""
    rows: list[Row] = []
    try:
        for name in names:
            print(f"{name} …", file=sys.stderr)
            rows += list(ROWS[name](setting))
    except KeyboardInterrupt:
        setting.notes.append("interrupted: not everything was measured")
    return rows


def _setting(args: argparse.Namespace, work: Path) -> Setting:
    named = os.environ.get("OVERT_BENCH_RULES")
    prepared = rules.prepare(Path(named) if named else None, work)
    wide = args.wide_tree
    if args.packages and trees.count(wide)[0] < ENOUGH_FILES:
        wide = trees.unpacked_packages(args.packages, work / "packages")
    return Setting(
        prepared=prepared,
        work=work,
        tree=args.tree,
        clam_tree=args.clam_tree or args.tree,
        wide_tree=wide,
        rounds=args.rounds,
        cold_rounds=args.cold_rounds,
        quick=args.quick,
        hashes=1_000_000 if args.quick else 10_000_000,
    )


if __name__ == "__main__":
    sys.exit(main())
