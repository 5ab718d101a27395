"""`overt conduct profiles` and `overt conduct new`."""

from __future__ import annotations

import argparse
import sys

from overt.cli.voice import Exit, note, say
from overt.conduct import interview, profile
from overt.core.errors import UsageError


def show(args: argparse.Namespace) -> int:
    """One line for each ready profile."""
    for name, path in profile.ready().items():
        found = profile.read(path)
        kinds = ", ".join(dict.fromkeys(step.kind.value for step in found.step))
        say(f"{name:18} {found.product.name}: {kinds}")
    note("next: sudo overt conduct run NAME; or a profile of your own: overt conduct new FILE.toml")
    return Exit.OK


def new(args: argparse.Namespace) -> int:
    """Ask, then write the file, which must not exist yet. Raises `UsageError`."""
    if args.file.suffix != ".toml":
        raise UsageError(f"{args.file}: name it {args.file}.toml: by that 'overt conduct run' knows a file")
    if args.file.exists():
        raise UsageError(f"{args.file} exists already: name another file")
    if not args.file.absolute().parent.is_dir():
        raise UsageError(f"{args.file}: there is no such folder: make it first")
    note("Enter takes what stands in brackets, or leaves it out; a path is from the folder of the profile")
    text = interview.interview(_ask, note)
    with open(args.file, "x", encoding="utf-8") as stream:
        stream.write(text)
    note(
        f"{args.file} written: look it over (docs/conduct-profiles.md), then: sudo overt conduct run {args.file}"
    )
    note("the report lists what the product did undeclared: add what its maker says of that, and run again")
    return Exit.OK


def _ask(question: str, default: str) -> str:
    print(f"{question}{f' [{default}]' if default else ''}: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise UsageError("the answers ended before the questions did: nothing was written")
    return line.strip() or default
