"""`overt rules history`: when a rule appeared, what became of it, and who signed it."""

from __future__ import annotations

import argparse
import importlib


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the one action."""
    parser.add_argument("name", metavar="NAME", help="a rule's name, or the file of a hash list")
    parser.add_argument(
        "--monitor",
        metavar="URL|DIR",
        help="ask this monitor's site, which knows all releases; without it only those kept on this machine are looked "
        "at (at most three of each channel)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document (schema overt-rule-history/1)")
    parser.add_argument(
        "--ca-file", metavar="FILE", help="trust these certificates for the monitor's address"
    )
    parser.add_argument(
        "--unconfined", action="store_true", help="ask even if the kernel can't confine the courier"
    )
    parser.set_defaults(act=history)


def history(args: argparse.Namespace) -> int:
    """Look it up and say it, by a module that the other actions need not load. Returns the exit code."""
    return int(importlib.import_module("overt.cli.chronicle").history(args))
