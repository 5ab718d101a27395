"""`overt monitor`: follows a rule channel, checks every release of it, and keeps its history for everybody."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from overt.channel.monitor import deliver
from overt.channel.monitor.database import FILE
from overt.channel.monitor.following import Looking, LookingAtPrograms, Said, look
from overt.channel.monitor.places import Places
from overt.channel.monitor.state import State
from overt.cli.given import content
from overt.cli.quantities import whole
from overt.cli.voice import Exit, note, say, visible
from overt.core.errors import UsageError
from overt.sandbox.apart import TaskDied
from overt.store.paths import paths

EXAMPLES = """examples:
  overt monitor run --channel-url https://rules.example.org/acme --root 1.root.json --state m --site /var/www/acme
  overt monitor run … --witness https://witness.example.net --mirror https://cdn.example.com/acme --every 300
  overt monitor run … --sources https://rules.example.org/acme-sources --alarm 'python3 page-me.py'
  overt monitor releases --log-url https://overt.example.org/releases --policy policy.txt --state r --site /var/www/r
  overt monitor acknowledge --state m 3 --reason 'the publisher restored the tree, see our report of 3 May'

exit codes of a single look: 0 everything could be checked and is as it should be, 2 something is amiss.
See docs/monitor.md for the folders of sources and for what the alarm command reads."""

DEFAULT_PATIENCE_S = 3600
ELSEWHERE = "have it from who publishes, by another way than the log"

Actions = argparse._SubParsersAction


def configure(parser: argparse.ArgumentParser) -> None:
    """The three actions."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    running = actions.add_parser("run", help="look at a channel, once or again and again")
    _configure_places(running)
    _configure_work(running)
    running.set_defaults(act=_run)
    programs = actions.add_parser(
        "releases", help="look at the log of a program's own releases, such as Overt's (docs/releases.md)"
    )
    _configure_log(programs)
    _configure_work(programs)
    programs.set_defaults(act=_run_releases)
    answering = actions.add_parser("acknowledge", help="end an alarm in public, with the reason")
    answering.add_argument("--state", required=True, type=Path, metavar="DIR", help="the monitor's folder")
    answering.add_argument("alarm", type=whole, metavar="ID", help="the alarm's number")
    answering.add_argument("--reason", required=True, help="what came of it: the site shows it")
    answering.set_defaults(act=_acknowledge)


def _configure_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel-url", required=True, metavar="URL", help="the channel's address, or a copy in a folder"
    )
    parser.add_argument(
        "--root", required=True, type=Path, metavar="FILE", help="root metadata of the channel that you trust"
    )
    parser.add_argument(
        "--sources", default="", metavar="URL|DIR", help="where the sources of each release are"
    )
    _configure_others(parser)


def _configure_others(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--witness",
        action="append",
        default=[],
        metavar="URL|FILE",
        help="another witness's monitoring address besides those of the policy, or a file with a checkpoint "
        "from elsewhere (may be repeated)",
    )
    parser.add_argument(
        "--no-policy-witnesses",
        action="store_true",
        help="do not ask the witnesses that the policy names",
    )
    parser.add_argument(
        "--mirror",
        action="append",
        default=[],
        metavar="URL|DIR",
        help="another copy of the log, which must be the same (may be repeated)",
    )
    parser.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="trust these certificates, not the system's"
    )


def _configure_log(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log-url", required=True, metavar="URL", help="the log's address, or a copy in a folder"
    )
    parser.add_argument(
        "--policy", required=True, type=Path, metavar="FILE", help="log and witnesses that you trust"
    )
    _configure_others(parser)


def _configure_work(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state", required=True, type=Path, metavar="DIR", help="the monitor's own folder, for one log"
    )
    parser.add_argument("--site", required=True, type=Path, metavar="DIR", help="the web site's folder")
    parser.add_argument("--site-url", default="", metavar="URL", help="its address, for the feeds")
    parser.add_argument(
        "--alarm", default="", metavar="COMMAND", help="run for each alarm, which it reads as JSON from stdin"
    )
    parser.add_argument(
        "--patience",
        type=whole,
        default=DEFAULT_PATIENCE_S,
        metavar="S",
        help=f"seconds that something may be out of reach before it is an alarm (default: {DEFAULT_PATIENCE_S})",
    )
    often = parser.add_mutually_exclusive_group()
    often.add_argument("--once", action="store_true", help="look once (the default)")
    often.add_argument(
        "--every", type=whole, default=0, metavar="S", help="look every S seconds, until stopped"
    )
    parser.add_argument(
        "--unconfined",
        action="store_true",
        help="fetch and review even if the kernel can't confine who does it",
    )


def run(args: argparse.Namespace) -> int:
    """Do the action. Raises `OvertError`."""
    act: Callable[[argparse.Namespace], int] = args.act
    return act(args)


def _run(args: argparse.Namespace) -> int:
    return _looks(
        args, partial(Looking, root=content(args.root, "--root", ELSEWHERE)), args.channel_url, args.sources
    )


def _run_releases(args: argparse.Namespace) -> int:
    policy = content(args.policy, "--policy", ELSEWHERE)
    return _looks(args, partial(LookingAtPrograms, policy=policy), args.log_url, "")


def _looks(
    args: argparse.Namespace, made: Callable[..., Looking | LookingAtPrograms], tree: str, sources: str
) -> int:
    """Look once, or until stopped."""
    command = _command(args.alarm)
    looking = made(
        state=args.state,
        site=args.site,
        site_url=args.site_url,
        places=Places(tree, args.witness, args.mirror, sources, args.ca_file, args.unconfined),
        patience_s=args.patience,
        ledger=paths().ledger,
        policy_witnesses=not args.no_policy_witnesses,
        commanded=bool(command),
    )
    while True:
        try:
            clean = look(looking, _said, partial(deliver.run, command))
        except TaskDied as error:
            if not args.every:
                raise
            note(f"overt: {visible(str(error))}; the next look begins anew")
            clean = False
        if not args.every:
            return Exit.OK if clean else Exit.ERROR
        time.sleep(args.every)


def _said(line: Said) -> None:
    (note if line.aside else say)(visible(line.text))


def _command(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--alarm: {error}: quote it as a shell wants it") from None


def _acknowledge(args: argparse.Namespace) -> int:
    if not args.reason.strip():
        raise UsageError("--reason: say what came of it, readers of the site will want to know")
    if not (args.state / FILE).exists():
        raise UsageError(
            f"{args.state} is no monitor's folder: name the one given to 'overt monitor run --state'"
        )
    if not State(args.state).acknowledge(args.alarm, args.reason, int(time.time())):
        raise UsageError(f"there is no alarm {args.alarm} that still stands")
    say(f"alarm {args.alarm} is over; the site says so after the next look")
    return Exit.OK
