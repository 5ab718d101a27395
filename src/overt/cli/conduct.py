"""`overt conduct`: runs a product in an observation chamber, and reports what it read, changed, executed and sent."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

from overt.cli.conduct_loading import loaded

EXAMPLES = """examples:
  sudo overt conduct check                               what this machine lacks for the lab
  sudo overt conduct run clamscan                        a ready profile; the report is in clamscan-report/
  overt conduct new scanner.toml                         write a profile by answering questions
  sudo overt conduct run scanner.toml --differential 8   also compare runs with and without markings
  sudo overt conduct run scanner.toml --clock +400d      in a virtual machine, 400 days from now
  overt conduct verify clamscan-report                   signature, evidence, and the finder run again
  overt conduct diff old-report new-report               what changed between two versions of a product

exit codes of 'run': 0 the report is complete, 2 an error, or something could not be observed (the report says what).
exit codes of 'verify': 0 it holds, 4 unchanged, but made by another build that gives other answers, 2 it does not hold.
See docs/conduct.md, and docs/conduct-scheme.md for certificates."""

Actions = argparse._SubParsersAction

DEFAULT_PAIRS = 16


def configure(parser: argparse.ArgumentParser) -> None:
    """The actions."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    _run(actions)
    _add(
        actions,
        "check",
        "say what this machine lacks for the lab, and how to get it",
        "running:check",
        more="Nothing is changed: what the kernel can do is tried in a process of its own.",
    )
    _add(actions, "profiles", "list the profiles that come with Overt", "profiles:show")
    new = _add(
        actions,
        "new",
        "write a profile by answering questions",
        "profiles:new",
        more="It asks what the product is, how it is installed, which of its commands are exercised, and what its "
        "maker says that it reads, changes, runs and contacts. docs/conduct-profiles.md explains every field.",
    )
    new.add_argument("file", type=Path, metavar="FILE", help="the profile to write, NAME.toml")
    _reports(actions)
    _certify(actions)


def _add(
    actions: Actions[argparse.ArgumentParser], name: str, summary: str, act: str, more: str = ""
) -> argparse.ArgumentParser:
    description = f"{summary[:1].upper()}{summary[1:]}. {more}".rstrip()
    parser = actions.add_parser(name, help=summary, description=description)
    parser.set_defaults(act=loaded(act))
    return parser


def _run(actions: Actions[argparse.ArgumentParser]) -> None:
    parser = _add(
        actions,
        "run",
        "run a product in the chamber and report (needs root)",
        "running:run",
        more="It takes as long as the product's own commands, somewhat slowed down, and a minute more for each run; "
        "every step is told. Nothing of this machine changes; what leaves the product goes nowhere, but for --mode "
        "pass-through. Ctrl-C ends it and cleans up.",
    )
    parser.add_argument(
        "profile",
        metavar="PROFILE",
        help="a ready profile's name ('overt conduct profiles'), or a file NAME.toml",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the report's folder (default: NAME-report)")
    parser.add_argument(
        "--mode",
        choices=("sink", "dead", "replay", "pass-through"),
        help="what answers the product's traffic (default: replay if the profile has something to replay, else sink)",
    )
    parser.add_argument(
        "--let-it-out",
        default="",
        metavar="PRODUCT",
        help="for pass-through: the product's name, word for word; what it sends then really goes out",
    )
    parser.add_argument(
        "--runs",
        type=int,
        default=1,
        metavar="N",
        help="how often, each time with other canaries (default: 1)",
    )
    parser.add_argument(
        "--differential",
        type=int,
        default=0,
        metavar="N",
        help="also run N times each without canaries, with plain and with marked ones, and compare (try 8: 25 runs)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="number that decides canaries and order, to repeat a run (default: by chance; it is told)",
    )
    parser.add_argument(
        "--pairs",
        type=int,
        default=DEFAULT_PAIRS,
        metavar="N",
        help="matched pairs of documents: a marked one and its unmarked twin "
        f"(default: {DEFAULT_PAIRS}; a quarter as many more are packed with malware test files)",
    )
    parser.add_argument(
        "--snapshot", type=Path, metavar="DIR", help="use this root file system, not the machine's own"
    )
    parser.add_argument(
        "--clock",
        default="",
        metavar="WHEN",
        help="run it in a virtual machine whose clock shows this date: 2027-01-01, +400d, now, or --clock=-12h",
    )
    parser.add_argument(
        "--no-trace",
        action="store_true",
        help="without strace, which a product can notice: its system calls are then not seen",
    )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="sign with this key (default: this machine's own)"
    )


def _reports(actions: Actions[argparse.ArgumentParser]) -> None:
    show = _add(actions, "show", "print what a report answers", "reports:show")
    show.add_argument("report", type=Path, metavar="REPORT", help="a report's folder")
    verify = _add(
        actions,
        "verify",
        "check signature and evidence, and run the finder again",
        "reports:verify",
        more="Needs no root. Exit codes: 0 it holds, 4 unchanged, but made by another build that gives other answers, "
        "2 it does not hold.",
    )
    verify.add_argument("report", type=Path, metavar="REPORT", help="a report's folder")
    verify.add_argument(
        "--public-key",
        type=Path,
        metavar="FILE",
        help="who must have signed it: a file with what 'overt conduct key' printed at the lab",
    )
    diff = _add(actions, "diff", "compare two reports", "reports:diff")
    diff.add_argument("old", type=Path, metavar="OLD", help="the folder of the older report")
    diff.add_argument("new", type=Path, metavar="NEW", help="the folder of the newer one")
    diff.add_argument("--html", type=Path, metavar="FILE", help="also write a page to look at")
    key = _add(actions, "key", "print the public key with which this machine signs reports", "reports:key")
    key.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="the key in this file, made now if there is none (default: this machine's own)",
    )


def _certify(actions: Actions[argparse.ArgumentParser]) -> None:
    summary = "issue, verify, withdraw and log certificates of conduct"
    description = (
        "Issue, verify, withdraw and log certificates of conduct: signed statements that a product, by a report of its "
        "conduct, meets the requirements of a level."
    )
    parser = actions.add_parser("certify", help=summary, description=description)
    importlib.import_module("overt.cli.conduct_certify").configure(parser)


def run(args: argparse.Namespace) -> int:
    """Do the action. Raises `OvertError`."""
    act: Callable[[argparse.Namespace], int] = args.act
    return act(args)
