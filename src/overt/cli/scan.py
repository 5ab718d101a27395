"""`overt scan`: options in, a session, an exit code out."""

from __future__ import annotations

import argparse

from overt.channel.client.standing import notices, stale
from overt.cli import outputs
from overt.cli.options import (
    add_configuration,
    add_confinement,
    add_limits,
    add_pack,
    add_passwords,
    file_name,
    limits_of,
    need_standard_input,
    passwords_of,
    switch,
)
from overt.cli.quantities import whole
from overt.cli.voice import Exit
from overt.core.errors import UsageError
from overt.core.model import Summary
from overt.scan.request import Request
from overt.scan.session import run as run_session
from overt.store.paths import paths

EPILOG = """\
exit codes:
  0    every file was examined and is clean
  1    at least one file is infected
  2    an error, or something could not be examined (--incomplete changes how that counts)
  130  stopped with Ctrl-C; the report covers what was done

examples:
  overt scan ~/Downloads                     scan a folder
  overt scan --html report.html /srv         and write a report to look at
  overt scan --json - upload.zip             for programs
  find /srv -mtime -1 -print0 | overt scan --files-from - --null
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """All options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = "overt scan [OPTION ...] PATH ..."
    parser.epilog = EPILOG
    parser.add_argument("targets", nargs="*", metavar="PATH", help="a file or folder; '-' is standard input")
    _add_selection(parser)
    _add_session(parser)
    outputs.add_outputs(parser)
    add_limits(parser)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to scan")
    group.add_argument(
        "--files-from",
        type=file_name,
        metavar="FILE",
        help="a list of paths, one per line ('-': standard input)",
    )
    switch(group, "--null", "paths in --files-from end with NUL, as from find -print0")
    group.add_argument(
        "--exclude",
        action="append",
        metavar="GLOB",
        help="leave out what matches, in .gitignore syntax, e.g. '*.iso' or '/cache/' (may be repeated)",
    )
    group.add_argument(
        "--exclude-from",
        action="append",
        type=file_name,
        metavar="FILE",
        help="a file of such patterns (may be repeated)",
    )
    switch(group, "--follow-symlinks", "examine what symbolic links point to")
    switch(group, "--one-file-system", "stay on the file system of each PATH")
    add_passwords(group)


def _add_session(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how to scan")
    switch(group, "--quarantine", "move infected files into quarantine (overt quarantine brings them back)")
    group.add_argument(
        "--incomplete",
        choices=("error", "clean", "infected"),
        help="how a file that could not be wholly examined counts for the exit code: as an error (2, the "
        "default), as clean (0) or as infected (1)",
    )
    group.add_argument(
        "--stale",
        choices=("report", "error"),
        help="how a rule channel that is stale counts for the exit code: not at all, reports say it (the default), "
        "or as 3 when all else is well",
    )
    switch(group, "--cache", "use remembered verdicts for unchanged files (on unless --no-cache)")
    group.add_argument(
        "--workers", type=whole, metavar="N", help="examining processes (default: one per processor)"
    )
    group.add_argument(
        "--ignore-rule",
        action="append",
        metavar="GLOB",
        help="findings of the rules so named, e.g. 'miner_*' or 'base:miner_*', make no file infected; reports "
        "say that they were ignored (may be repeated)",
    )
    add_pack(group)
    add_confinement(group)
    add_configuration(group)


def run(args: argparse.Namespace) -> int:
    """Scan, and return the exit code."""
    request = request_of(args)
    told = outputs.outputs(args, request)
    summary = run_session(request, told.sinks, told.begin)
    code = exit_code(summary, args.incomplete or "error")
    return Exit.STALE if code == Exit.OK and summary.stale and args.stale == "error" else code


def request_of(args: argparse.Namespace) -> Request:
    """The session to run. Raises `UsageError` when there is nothing to scan or an option is out of bounds."""
    if not args.targets and args.files_from is None:
        raise UsageError("nothing to scan: name a file or folder, for example 'overt scan ~/Downloads'")
    if "" in args.targets:
        raise UsageError("an empty PATH was given: name a file or folder ('.' is the folder you are in)")
    if "-" in (*args.targets, args.files_from):
        need_standard_input()
    if args.null and args.files_from is None:
        raise UsageError("--null says how --files-from is written: give that too")
    if args.workers is not None and not 1 <= args.workers <= 1024:
        raise UsageError(f"--workers {args.workers} is out of bounds: use 1 to 1024")
    own = outputs.own_excludes(args.targets, outputs.output_names(args).values())
    given = {
        "files_from": args.files_from,
        "null_separated": args.null,
        "follow_symlinks": args.follow_symlinks,
        "one_file_system": args.one_file_system,
        "workers": args.workers,
        "cache": args.cache,
        "quarantine": args.quarantine,
        "pack": args.pack,
    }
    return Request(
        targets=tuple(args.targets),
        exclude=(*(args.exclude or ()), *own),
        exclude_from=tuple(args.exclude_from or ()),
        limits=limits_of(args),
        passwords=passwords_of(args),
        ignore_rules=tuple(args.ignore_rule or ()),
        unconfined=args.unconfined,
        stale=() if args.pack else stale(paths().data),
        notices=() if args.pack else notices(paths().data),
        **{name: value for name, value in given.items() if value is not None},
    )


def exit_code(summary: Summary, incomplete: str) -> Exit:
    """The session's exit code; `incomplete` is `error`, `clean` or `infected`."""
    if summary.interrupted:
        return Exit.INTERRUPTED
    if summary.infected or (summary.incomplete and incomplete == "infected"):
        return Exit.INFECTED
    if summary.incomplete and incomplete == "error":
        return Exit.ERROR
    return Exit.OK
