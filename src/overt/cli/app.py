"""The command line: one table of commands, each in a module of its own that is loaded only when asked for."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NamedTuple

from overt import __version__
from overt.cli.voice import Exit, OutputError, fail
from overt.core.errors import OvertError
from overt.store.paths import paths


class Command(NamedTuple):
    """A command's name, the module that defines `configure(parser)` and `run(args) -> int`, and its one line."""

    name: str
    module: str
    summary: str


COMMANDS = (
    Command("scan", "overt.cli.scan", "scan files and folders, confined by the kernel"),
    Command("explain", "overt.cli.explain", "show why a file is infected or incomplete, and what to do"),
    Command("quarantine", "overt.cli.quarantine", "list, show, restore, delete or export quarantined files"),
    Command("rules", "overt.cli.rules", "list, add, remove, inspect and test the rules on this machine"),
    Command(
        "prove", "overt.cli.prove", "attempt what is forbidden from inside each process and show the answers"
    ),
    Command("update", "overt.cli.update", "fetch, verify and install the rules of this machine's channels"),
    Command("status", "overt.cli.status", "show on one screen how this machine is protected, and by what"),
    Command("ledger", "overt.cli.ledger", "show, verify and export what was fetched, sent and installed"),
    Command(
        "channel", "overt.cli.channel_parser", "publish rules that everyone can check, or take a publisher's"
    ),
    Command(
        "verify-install",
        "overt.cli.verify_install",
        "compare this installation of Overt with a logged release",
    ),
    Command("witness", "overt.cli.witness", "cosign the logs of rule channels: server and archive"),
    Command("monitor", "overt.cli.monitor", "follow a rule channel, check it, and publish its history"),
    Command(
        "conduct",
        "overt.cli.conduct",
        "run a product in an observation chamber and report what it does",
    ),
    Command("formats", "overt.cli.formats", "list the file formats that are recognised and unpacked"),
    Command("completion", "overt.cli.completion", "print a shell completion script"),
)


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser; with `only`, the other commands' options are left out (their modules stay unloaded)."""
    return parsers(only)[0]


def parsers(only: str | None = None) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser as `parser` makes it, and each command's own."""
    top = argparse.ArgumentParser(
        prog="overt",
        description="Anti-malware that anyone can check: scans files confined by the kernel, and says what it "
        "could not examine.",
        epilog="Start with 'overt scan ~/Downloads'; every command has its own --help.",
    )
    top.add_argument("--version", action="version", version=f"overt {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    own = {}
    for command in COMMANDS:
        sub = commands.add_parser(command.name, help=command.summary, description=_sentence(command.summary))
        own[command.name] = sub
        if only is None or only == command.name:
            importlib.import_module(command.module).configure(sub)
    return top, own


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. Returns the exit code (`overt.cli.voice.Exit`)."""
    fill_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a character is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    names = {command.name: command for command in COMMANDS}
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    top, own = parsers(only=chosen if chosen in names else "")
    args = _parsed(top, arguments)
    if args.command is None:
        top.print_help()
        return Exit.ERROR
    try:
        if _configure(args, own):
            args = _parsed(top, arguments)
        code = int(importlib.import_module(names[args.command].module).run(args))
        sys.stdout.flush()
        return code
    except OutputError as error:
        _abandon_stdout()
        return fail(str(error))
    except OvertError as error:
        return fail(str(error))
    except BrokenPipeError:
        _abandon_stdout()
        return Exit.ERROR
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except OSError as error:
        _abandon_stdout()
        return fail(f"{error.filename or 'writing the output'}: {error.strerror or error}")
    except Exception:  # Python itself would end with 1, which means infected
        traceback.print_exc()
        return fail("this is a defect of Overt, and nothing was decided: please report the lines above")


def fill_standard_streams() -> None:
    """Open /dev/null where the caller closed standard input, output or error: the next file opened would become it.

    `sys.stdin` stays None then, by which `-` is refused.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is `fd`
            os.set_inheritable(fd, True)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)


def _parsed(top: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments; what nobody knows is an error of the command that was given it, and shows that one's usage."""
    args, unknown = top.parse_known_args(arguments)
    if unknown:
        _innermost(top, args).error(f"unrecognized arguments: {' '.join(unknown)}")
    return args


def _innermost(parser: argparse.ArgumentParser, args: argparse.Namespace) -> argparse.ArgumentParser:
    """The parser of the command, or of its action, that `args` came from."""
    for action in parser._actions:  # argparse has no public list of a parser's options
        if isinstance(action, argparse._SubParsersAction) and getattr(args, action.dest, None):
            return _innermost(action.choices[getattr(args, action.dest)], args)
    return parser


def _abandon_stdout() -> None:
    """What is left in its buffer cannot be written: it would fail once more at exit."""
    with contextlib.suppress(OSError):
        sys.stdout.close()


def _configure(args: argparse.Namespace, own: dict[str, argparse.ArgumentParser]) -> bool:
    """Apply the configuration files to the command's parser; False when there are none."""
    files = (
        () if getattr(args, "no_config", False) else tuple(path for path in paths().config if path.exists())
    )
    named = getattr(args, "config", None) or ()
    if not files and not named:
        return False
    configuration = importlib.import_module("overt.cli.configuration")
    configuration.apply(configuration.read(files, named), own, args.command)
    return True


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
