"""`overt verify-install`: is what is installed what everybody got?"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from overt.channel.install import place, proven
from overt.channel.install.finding import Grade
from overt.channel.install.proven import Evidence
from overt.channel.install.verify import program_version, verify
from overt.cli.render.install import as_json, lines
from overt.cli.voice import Exit, say
from overt.core.errors import UsageError
from overt.store.paths import paths

PROGRAM = "overt"
PINNED = "release-policy.txt"
"""The policy that this machine trusts, beside its configuration file; the last one there is counts."""
CLOCK_SLACK_S = 300
"""Seconds by which a witness's clock may be ahead of this machine's."""

EXAMPLES = """examples:
  overt verify-install --from ~/overt-releases
  overt verify-install --from ~/overt-releases --policy policy.txt --wheels ~/wheels
  trusted/bin/overt verify-install --python /opt/overt/.venv --from ~/overt-releases

a program that was changed can say anything of itself: to be sure, check it with a copy from elsewhere (--python)

exit codes: 0 it is the release; 1 it is not, or other code runs with it; 2 something could not be verified"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.description = (
        "Compare every file of an installation of Overt with a release that is in the public log, and find code that "
        "would run with it: planted modules, bytecode, start-up files. Nothing of what is compared is run."
    )
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--from",
        dest="folder",
        type=Path,
        metavar="DIR",
        help="folder with overt-VERSION.release.json, overt-VERSION.tlog-proof and policy.txt",
    )
    parser.add_argument("--release", type=Path, metavar="FILE", help="the release's record")
    parser.add_argument("--proof", type=Path, metavar="FILE", help="the proof that it is in the log")
    parser.add_argument(
        "--policy",
        type=Path,
        metavar="FILE",
        help=f"the log and the witnesses that you trust (default: {PINNED} beside the configuration file, "
        "else the one in DIR)",
    )
    parser.add_argument(
        "--python",
        type=Path,
        metavar="PATH",
        help="check the virtual environment PATH (its folder or its Python) instead of this program's own",
    )
    parser.add_argument(
        "--wheels",
        type=Path,
        metavar="DIR",
        help="hold dependencies to the wheels in DIR that the release names, not to their own RECORD",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON document (schema overt-verify-install/1)"
    )


def run(args: argparse.Namespace) -> int:
    """Prove the release, compare, report. Raises `OvertError`."""
    where = place.other(args.python) if args.python else place.own()
    version = program_version(where, PROGRAM)
    evidence = _evidence(args, version)
    release = proven.read(evidence, int(time.time()) + CLOCK_SLACK_S)
    if release.release.program != PROGRAM:
        raise UsageError(f"{evidence.release} is a release of {release.release.program}, not of {PROGRAM}")
    report = verify(where, release.release, args.wheels)
    if args.json:
        say(as_json(report, release, evidence))
    else:
        for line in lines(report, release, evidence, _same_source(evidence)):
            say(line)
    if report.count(Grade.PROBLEM):
        return Exit.INFECTED
    return Exit.ERROR if report.count(Grade.UNVERIFIED) else Exit.OK


def _evidence(args: argparse.Namespace, version: str) -> Evidence:
    """The three files. Raises `UsageError` when one is not named."""
    if args.folder is None and not (args.release and args.proof):
        raise UsageError(
            f"which release of {PROGRAM} {version}? give --from DIR with its files, or --release and --proof"
        )
    there = proven.found_in(args.folder or args.release.parent, PROGRAM, version)
    policy = args.policy or _pinned() or (there.policy if args.folder else None)
    if policy is None:
        raise UsageError("whom do you trust? give --policy FILE: the log's key and its witnesses'")
    return Evidence(args.release or there.release, args.proof or there.proof, policy)


def _pinned() -> Path | None:
    beside = [config.with_name(PINNED) for config in paths().config]
    return next((path for path in reversed(beside) if path.exists()), None)


def _same_source(evidence: Evidence) -> bool:
    """Whether whoever gave the release also said whom to trust."""
    return evidence.policy.absolute().parent == evidence.proof.absolute().parent
