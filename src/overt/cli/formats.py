"""`overt formats`: the formats table."""

from __future__ import annotations

import argparse

from overt.cli.voice import Exit, say
from overt.engine.unpack.registry import FORMATS


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/formats.md")


def run(args: argparse.Namespace) -> int:
    """One line per format: name and what it is."""
    for line in markdown() if args.markdown else plain():
        say(line)
    return Exit.OK


def plain() -> list[str]:
    """For a terminal."""
    width = max(len(form.name) for form in FORMATS)
    return [f"{form.name:<{width}}  {form.describes}" for form in sorted(FORMATS, key=lambda form: form.name)]


def markdown() -> list[str]:
    """For the documentation."""
    rows = [f"| {form.name} | {form.describes} |" for form in sorted(FORMATS, key=lambda form: form.name)]
    return ["| format | what is unpacked |", "|---|---|", *rows]
