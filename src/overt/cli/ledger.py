"""`overt ledger`: what this machine fetched, sent, installed and decided, and whether the record is whole."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from overt.cli.quantities import whole
from overt.cli.render.ledger import csv_rows, entries_text, line, report_json, report_lines
from overt.cli.voice import Exit, OutputError, note, say
from overt.core.errors import LedgerError, Malformed, UsageError
from overt.ledger import Entry, Head, Kind, Ledger, Report, anchor, verify
from overt.ledger.entry import utc
from overt.ledger.export import export
from overt.ledger.head import MAX_HEAD_BYTES
from overt.ledger.reading import entries, read_head
from overt.store.paths import paths

EXAMPLES = """examples:
  overt ledger show --since 7d
  overt ledger show --kind installed --kind rolled-back --limit 0
  overt ledger head > /media/usb/overt.anchor
  overt ledger verify --anchor /media/usb/overt.anchor
  overt ledger export --kind send-request --kind sent --output sent.jsonl
  overt ledger verify --file sent.jsonl --anchor /media/usb/overt.anchor

whoever has this machine's key can rewrite the whole ledger: only a head that is kept elsewhere shows that"""

SHOWN = 50
_SPAN = re.compile(r"(\d{1,9})([smhdw])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

Actions = argparse._SubParsersAction


def configure(parser: argparse.ArgumentParser) -> None:
    """The five actions."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    _configure_show(actions)
    _configure_verify(actions)
    _configure_export(actions)
    head = _action(actions, "head", "print the signed head: kept elsewhere, it is an anchor", _print_head)
    head.description = "Print the signed head of the ledger. Keep it on paper, a stick or another machine."
    rotate = _action(actions, "rotate-key", "continue with a new key", _rotate)
    rotate.add_argument("--reason", default="", metavar="TEXT", help="recorded with it")


def _action(
    actions: Actions[argparse.ArgumentParser],
    name: str,
    summary: str,
    act: Callable[[argparse.Namespace, Path], int],
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=summary)
    parser.add_argument(
        "--folder", type=Path, metavar="FOLDER", help="another ledger's folder (default: this user's own)"
    )
    parser.set_defaults(act=act)
    return parser


def _configure_show(actions: Actions[argparse.ArgumentParser]) -> None:
    show = _action(actions, "show", "one line per entry, newest last", _show)
    _add_filters(show)
    show.add_argument(
        "--limit", type=whole, default=SHOWN, metavar="N", help=f"the newest N; 0: all (default: {SHOWN})"
    )
    show.add_argument("--json", action="store_true", help="the entries as they stand (JSON Lines)")


def _configure_verify(actions: Actions[argparse.ArgumentParser]) -> None:
    check = _action(
        actions, "verify", "check every entry; exit code 1 when the record is not intact", _verify
    )
    check.add_argument("--anchor", type=Path, metavar="FILE", help="a head that was kept elsewhere")
    check.add_argument("--file", type=Path, metavar="FILE", help="an export instead of the ledger")
    check.add_argument("--json", action="store_true", help="one JSON document")


def _configure_export(actions: Actions[argparse.ArgumentParser]) -> None:
    out = _action(actions, "export", "write entries for somebody else, who can verify them", _export)
    _add_filters(out)
    out.add_argument("--start", type=whole, default=0, metavar="N", help="first entry (default: 0)")
    out.add_argument("--stop", type=whole, metavar="N", help="the entry to end before (default: all)")
    out.add_argument(
        "--format",
        choices=("jsonl", "csv"),
        default="jsonl",
        help="jsonl can be verified with --file; csv is for reading only (default: jsonl)",
    )
    out.add_argument("--output", type=Path, metavar="FILE", help="a new file (default: standard output)")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind",
        action="append",
        choices=[kind.value for kind in Kind],
        metavar="KIND",
        help=f"only these; may be repeated: {', '.join(Kind)}",
    )
    parser.add_argument(
        "--since",
        type=since,
        metavar="WHEN",
        help="a moment in UTC (2026-03-01 or 2026-03-01T09:12) or a time back: 30m, 12h, 7d, 4w",
    )


def since(text: str) -> str:
    """The time of an entry, from a date, a moment or a span back. Raises `argparse.ArgumentTypeError`."""
    try:
        if found := _SPAN.fullmatch(text):
            return utc(datetime.now(UTC) - timedelta(seconds=int(found[1]) * _UNITS_S[found[2]]))
        moment = datetime.fromisoformat(text)
        return utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no moment: write 2026-03-01, 2026-03-01T09:12, or a time back such as 12h or 7d"
        ) from None


def run(args: argparse.Namespace) -> int:
    """Act on this user's ledger, or the one named. Raises `OvertError`."""
    act: Callable[[argparse.Namespace, Path], int] = args.act
    return act(args, args.folder or paths().ledger)


def _show(args: argparse.Namespace, folder: Path) -> int:
    if not folder.exists() and not args.folder:
        note(f"nothing is recorded yet in {folder}")
        return Exit.OK
    found = _wanted(args, entries(folder))
    shown = deque(found, args.limit) if args.limit else found
    count = 0
    for entry in shown:
        say(entry.line.decode() if args.json else line(entry))
        count += 1
    if args.limit and count == args.limit:
        note(f"the newest {entries_text(count)} only: --limit 0 shows all")
    return Exit.OK


def _wanted(args: argparse.Namespace, found: Iterator[Entry]) -> Iterator[Entry]:
    for entry in found:
        if (not args.kind or entry.kind in args.kind) and (not args.since or entry.time >= args.since):
            yield entry


def _verify(args: argparse.Namespace, folder: Path) -> int:
    kept = _anchor(args.anchor) if args.anchor else None
    report = _verified(args.file, kept) if args.file else verify(folder, kept)
    if args.json:
        say(report_json(report))
    else:
        for text in report_lines(report, kept, str(args.file or folder)):
            say(text)
    return Exit.OK if report.ok else Exit.INFECTED


def _anchor(path: Path) -> Head:
    try:
        with open(path, "rb") as stream:
            return anchor(stream.read(MAX_HEAD_BYTES + 1), str(path))
    except OSError as error:
        raise UsageError(f"cannot read the anchor {path}: {error.strerror}") from error


def _verified(path: Path, kept: Head | None) -> Report:
    try:
        with open(path, "rb") as stream:
            return verify(stream, kept)
    except OSError as error:
        raise UsageError(f"cannot read the export {path}: {error.strerror}") from error
    except LedgerError as error:
        raise LedgerError(f"{path}: {error}: name what 'overt ledger export' wrote") from None


def _export(args: argparse.Namespace, folder: Path) -> int:
    start = max(args.start, _first_since(folder, args.since)) if args.since else args.start
    if args.output is None:
        _write_export(args, folder, start, _to_stdout)
        return Exit.OK
    try:
        with open(args.output, "xb") as stream:
            count = _write_export(args, folder, start, stream.write)
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError:
        raise UsageError(f"{args.output} exists already: name a new file") from None
    except BaseException:
        args.output.unlink(missing_ok=True)
        raise
    say(f"exported {entries_text(count)} to {args.output}")
    if args.format == "jsonl":
        note(f"next: overt ledger verify --file {args.output}, on any machine")
    return Exit.OK


def _write_export(args: argparse.Namespace, folder: Path, start: int, write: Callable[[bytes], int]) -> int:
    if args.format == "jsonl":
        return export(folder, write, start, args.stop, args.kind)
    rows = csv_rows(_wanted(args, entries(folder, start, args.stop)))
    return sum(1 for row in rows if write(row.encode())) - 1


def _first_since(folder: Path, moment: str) -> int:
    """Number of the first entry at or after the moment."""
    for entry in entries(folder):
        if entry.time >= moment:
            return entry.sequence
    raise LedgerError(f"nothing was recorded since {moment}")


def _to_stdout(data: bytes) -> int:
    try:
        return sys.stdout.buffer.write(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error


def _print_head(args: argparse.Namespace, folder: Path) -> int:
    try:
        head = read_head(folder)
    except (OSError, Malformed) as error:
        raise LedgerError(f"the head of the ledger in {folder} can't be read: {error}") from None
    if head is None:
        raise LedgerError(f"the ledger in {folder} has no head yet: nothing was recorded")
    say(head.note.removesuffix("\n"))
    return Exit.OK


def _rotate(args: argparse.Namespace, folder: Path) -> int:
    if not folder.exists():
        raise LedgerError(f"there is no ledger in {folder} yet: it gets a key with its first entry")
    entry = Ledger.open(folder).rotate_key(args.reason)
    say(f"entry {entry.sequence} names the new key: {entry.facts['key']}")
    note("next: overt ledger head, and keep it in place of the old anchor")
    return Exit.OK
