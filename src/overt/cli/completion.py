"""`overt completion`: a script that completes commands, options and file names, written by shtab."""

from __future__ import annotations

import argparse

import shtab

from overt.cli import app
from overt.cli.options import file_name
from overt.cli.outputs import json_name
from overt.cli.voice import Exit, say

SHELLS = ("bash", "zsh", "tcsh")
EPILOG = """\
to install:
  bash  overt completion bash > ~/.local/share/bash-completion/completions/overt
  zsh   overt completion zsh > _overt, in a folder of $fpath
  tcsh  overt completion tcsh > ~/.overt.tcsh, and source it from ~/.tcshrc
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """One argument: the shell."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    top = app.parser()
    _complete_files(top)
    say(shtab.complete(top, shell=args.shell))
    return Exit.OK


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Tell shtab which arguments are file names, in `parser` and its commands."""
    for action in parser._actions:  # argparse has no public list of a parser's options
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                _complete_files(sub)
        elif action.metavar in ("PATH", "FILE", "FOLDER") or action.type in (file_name, json_name):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
