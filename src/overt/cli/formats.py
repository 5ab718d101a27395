"""`overt formats`: the formats table."""

from __future__ import annotations

import argparse

from overt.cli.voice import Exit, say
from overt.engine.unpack.registry import FORMATS


def configure(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def run(args: argparse.Namespace) -> int:
    """One line per format: name, whether it is unpacked, what it is."""
    for form in sorted(FORMATS, key=lambda form: form.name):
        say(f"{form.name:<12} {'unpacked ' if form.unpack else 'named    '} {form.describes}")
    return Exit.OK
