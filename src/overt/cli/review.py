"""`overt rules review`: which rules look for people instead of malware, and why it is thought so."""

from __future__ import annotations

import argparse
import importlib


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of the one action."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="rules or hash lists: files, folders, archives"
    )
    parser.add_argument(
        "--json", metavar="FILE", help="write every verdict with its grounds to FILE ('-': standard output)"
    )
    parser.add_argument("--all", action="store_true", help="show the rules that pass, too")
    parser.add_argument(
        "--static", action="store_true", help="only read the rules, don't run them over innocent documents"
    )
    parser.add_argument(
        "--unconfined",
        action="store_true",
        help="review in this process' own rights, if the kernel can't confine it",
    )
    parser.set_defaults(act=review)


def review(args: argparse.Namespace) -> int:
    """Review and report, by a module that the other actions need not load. Returns the exit code."""
    return int(importlib.import_module("overt.cli.reviewed").review(args))
