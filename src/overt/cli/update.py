"""`overt update`: its options. What it does with channels is in `overt.cli.updating`."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from overt.cli.options import add_way
from overt.cli.voice import Exit, note
from overt.rules import subscribed
from overt.store.paths import paths

EPILOG = """exit codes:
  0  every channel was checked, and its newest release is in use (or, with --check, is known)
  2  an error of the command, this machine or its configuration; nothing was changed
  3  a channel is stale: it could not be checked or was refused; its old rules stay in use

examples:
  overt update                                  all channels
  overt update --check                          look only
  overt update --from /media/usb/acme           from a copy of the channel's tree, with the same checks
  overt update --channel acme --rollback        back to the release before

docs/updates.md tells what is checked, and has a timer"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument(
        "--channel", action="append", metavar="NAME", help="this one only (may be repeated; default: all)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="say what is newer, and install nothing")
    what.add_argument(
        "--rollback", action="store_true", help="return --channel NAME to its release before; recorded"
    )
    what.add_argument("--again", action="store_true", help="install the newest release anew, if it is there")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, recorded with --rollback")
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="DIR", help="read a copy of the tree, without network"
    )
    parser.add_argument(
        "--scheduled",
        action="store_true",
        help="for timers: what was rolled back stays so, and silence is good",
    )
    add_way(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object (schema overt-update/1)")


def run(args: argparse.Namespace) -> int:
    """Update, or roll back, if there is anything to. Raises `OvertError`."""
    if args.channel or args.rollback or subscribed.read_index(paths().data).channels:
        return int(importlib.import_module("overt.cli.updating").run(args))
    note("no channels: 'overt channel add URL --root FILE' adds one; the base pack is in use")
    return Exit.OK
