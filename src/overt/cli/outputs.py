"""Which sinks a scan has, made from its options. Everything they write to is opened here, before the reader process
is locked down: later it can open nothing for writing, nor rename. So an output file is written in place, and emptied
only when nothing can refuse the scan any more; one that lacks its end is from a scan that was killed."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, TextIO

from overt.cli.options import file_name
from overt.cli.overwrite import STANDARD, empty, identities, inputs, open_whole
from overt.cli.render.human import Human
from overt.cli.render.output import HeldStream, Output
from overt.cli.render.tally import Tally
from overt.cli.voice import capable
from overt.core.errors import UsageError
from overt.scan.request import Request, Sink

FORMATS = {
    "json": "overt.cli.render.jsonl",
    "sarif": "overt.cli.render.sarif",
    "csv": "overt.cli.render.csv",
    "html": "overt.cli.render.html",
}
"""Format → the module whose `make(output)` is its sink: loaded only when asked for, as some load slowly."""
BAR = "overt.cli.render.bar"
JSON_ENDINGS = (".json", ".jsonl", ".ndjson")


def json_name(text: str) -> str:
    """The optional name after `--json`. Raises `argparse.ArgumentTypeError` for a name that looks like something
    to scan: `overt scan --json letter.doc` must not overwrite the letter."""
    if text == STANDARD or text.startswith("/dev/") or text.lower().endswith(JSON_ENDINGS):
        return file_name(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} does not end in {', '.join(JSON_ENDINGS)}: to write to standard output and scan {text!r}, "
        "put --json after the paths"
    )


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """The options about outputs."""
    group = parser.add_argument_group(
        "output",
        "By default a report for people goes to standard output. Any of the following can be\n"
        "written in the same scan; '-' is standard output, and the report for people then goes\n"
        "to standard error. Files are overwritten.",
    )
    group.add_argument(
        "--json",
        nargs="?",
        const=STANDARD,
        type=json_name,
        metavar="FILE",
        help="JSON Lines, schema overt-scan/1: a start record, a record per file, a summary (default FILE: -)",
    )
    group.add_argument(
        "--sarif", type=file_name, metavar="FILE", help="SARIF 2.1.0, for code-scanning services"
    )
    group.add_argument("--csv", type=file_name, metavar="FILE", help="CSV (RFC 4180), for spreadsheets")
    group.add_argument("--html", type=file_name, metavar="FILE", help="a report to look at, in one file")
    group.add_argument(
        "--only-findings",
        action=argparse.BooleanOptionalAction,
        help="list only files with findings (the totals count all files)",
    )
    group.add_argument(
        "-v",
        "--verbose",
        action=argparse.BooleanOptionalAction,
        help="list every file, with all findings, notes and reasons",
    )
    group.add_argument(
        "-q",
        "--quiet",
        action=argparse.BooleanOptionalAction,
        help="no report for people and no progress bar",
    )


def output_names(args: argparse.Namespace) -> dict[str, str]:
    """Format → file name, for the formats asked for. Raises `UsageError` when two would be mixed in one file."""
    names = {form: getattr(args, form) for form in FORMATS if getattr(args, form)}
    seen: dict[str, str] = {}
    for form, name in names.items():
        key = name if name == STANDARD else os.path.realpath(name)
        if key in seen:
            where = "standard output" if name == STANDARD else name
            raise UsageError(
                f"--{seen[key]} and --{form} would both write to {where}: give each its own file"
            )
        seen[key] = form
    return names


class Outputs(NamedTuple):
    """The sinks in the order in which they must be told, and the files and pipes that some of them write."""

    sinks: Sequence[Sink]
    streams: Sequence[HeldStream]

    def begin(self) -> None:
        """The scan is under way: from now on the files hold this scan's report."""
        for stream in self.streams:
            stream.begin()


def outputs(args: argparse.Namespace, request: Request) -> Outputs:
    """Open every output; files are not emptied yet (see `Outputs.begin`).

    Raises `UsageError` when an output cannot be opened or is an input.
    """
    started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = output_names(args)
    streams = _open(names, identities(inputs(args)))
    tally = Tally(
        ignoring=request.ignore_rules,
        stdin_only=not args.files_from and set(args.targets) == {STANDARD},
    )
    made: list[Sink] = [tally]
    for form, stream in streams.items():
        output = Output(stream, tally, request, started, bool(args.only_findings))
        made.append(importlib.import_module(FORMATS[form]).make(output))
    if not args.quiet:
        made += _for_people(args, tally, sys.stderr if STANDARD in names.values() else sys.stdout)
    return Outputs(made, tuple(streams.values()))


def _for_people(args: argparse.Namespace, tally: Tally, stream: TextIO) -> Iterable[Sink]:
    """The bar, if standard error is a terminal, before the report: it must be gone when the summary is written."""
    write: Callable[[str], None] = partial(print, file=stream)
    if capable(sys.stderr):
        bar = importlib.import_module(BAR).Bar(sys.stderr)
        write = partial(bar.write, stream=stream)
        yield bar
    yield Human(stream, write, tally, verbose=bool(args.verbose), only_findings=bool(args.only_findings))


def _open(names: dict[str, str], read: dict[tuple[int, int], str]) -> dict[str, HeldStream]:
    """Format → its stream, none of which is a file that is `read`."""
    opened = {form: open_whole(name, f"--{form}", read) for form, name in names.items() if name != STANDARD}
    return {
        form: HeldStream(open(opened[form], "wb"), f"the --{form} output to {name}", empty)
        if form in opened
        else HeldStream(sys.stdout.buffer, f"the --{form} output to standard output", _as_it_is)
        for form, name in names.items()
    }


def _as_it_is(fd: int) -> None:
    """Standard output is the caller's to empty, also when it is a file."""


def own_excludes(targets: Sequence[str], outputs: Iterable[str]) -> tuple[str, ...]:
    """`.gitignore` patterns that leave this scan's own outputs out: they change while they are written.

    Raises `UsageError` when a pattern would leave out a file of another target too.
    """
    found = []
    folders = [Path(os.path.realpath(target)) for target in targets if target != STANDARD]
    for name in (*outputs, *_redirected()):
        output = Path(os.path.realpath(name))
        for folder in folders if name != STANDARD else ():
            if folder in output.parents:
                relative = output.relative_to(folder)
                if any((other / relative).exists() for other in folders if other / relative != output):
                    raise UsageError(
                        f"write the output {name} outside the scanned folders: they share its name"
                    )
                found.append(
                    "/" + "".join(f"\\{char}" if char in "\\*?[]!# " else char for char in str(relative))
                )
    return tuple(dict.fromkeys(found))


def _redirected() -> list[str]:
    """The files that standard output and error were redirected to."""
    standard = (os.path.realpath(f"/dev/fd/{number}") for number in (1, 2))
    return [path for path in standard if os.path.isfile(path)]
