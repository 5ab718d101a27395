"""Options that several commands share, and how a `Request`'s parts are made from them.

Options have no default of their own (None): what is not given is left to `Request` and `Limits`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from overt.cli.quantities import exact_size, seconds, size, whole
from overt.core.errors import UsageError
from overt.core.limits import BOUNDS, Limits

LIMITS: dict[str, tuple[str, str]] = {
    "max_file_bytes": ("SIZE", "bytes read of one file; the rest is not examined"),
    "max_unpacked_bytes": ("SIZE", "bytes that unpacking one file may produce, all depths together"),
    "max_member_bytes": ("SIZE", "bytes produced for one member of an archive, mail or document"),
    "max_depth": ("N", "archives inside archives"),
    "max_entries": ("N", "members of one file, all depths together"),
    "max_ratio": ("N", "bytes produced per byte of the file, looked at past 64MiB"),
    "max_memory_bytes": ("SIZE", "memory of one examining process"),
    "deadline_s": ("SECONDS", "time for one file"),
}
"""Limit → what its value is, and help."""

_KINDS: dict[str, Callable[[str], Any]] = {"SIZE": size, "N": whole, "SECONDS": seconds}


def file_name(text: str) -> str:
    """A file's name as given; `~` is expanded (the shell does not, in `--flag=~/name`, nor in a file)."""
    return os.path.expanduser(text)


def need_standard_input() -> None:
    """Raises `UsageError` when the caller closed it: `overt.cli.app` leaves `sys.stdin` None then."""
    if sys.stdin is None:
        raise UsageError("'-' is standard input, and that is closed: pipe or redirect something into it")


def switch(parser: argparse._ActionsContainer, flag: str, help: str) -> None:
    """A flag with its opposite (`--cache`, `--no-cache`), so that either can win over the configuration."""
    parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=help)


def add_limits(parser: argparse.ArgumentParser) -> None:
    """One flag per limit of `Limits`."""
    group = parser.add_argument_group(
        "limits",
        "How much of one file is examined. A file that hits a limit is reported as incomplete,\n"
        "with the reason. SIZE is in bytes or has a unit: 500MB, 2GiB.",
    )
    usual = Limits()
    for name, (metavar, text) in LIMITS.items():
        group.add_argument(
            flag_of(name),
            type=_KINDS[metavar],
            metavar=metavar,
            help=f"{text} (default {_usual(metavar, getattr(usual, name))})",
        )


def _usual(metavar: str, default: float) -> str:
    return exact_size(int(default)) if metavar == "SIZE" else f"{default:,.10g}"


def _bounded(metavar: str, value: float) -> str:
    """As the flag takes it."""
    return exact_size(int(value)) if metavar == "SIZE" else f"{value:.10g}"


def flag_of(name: str) -> str:
    """`max_file_bytes` → `--max-file-bytes`."""
    return "--" + name.replace("_", "-")


def limits_of(args: argparse.Namespace) -> Limits:
    """The limits that were asked for. Raises `UsageError` for one out of bounds."""
    every = {field.name: getattr(args, field.name) for field in fields(Limits)}
    given = {name: value for name, value in every.items() if value is not None}
    for name, value in given.items():
        low, high = BOUNDS[name]
        if not low <= value <= high:
            shown, least, most = (_bounded(LIMITS[name][0], number) for number in (value, low, high))
            raise UsageError(f"{flag_of(name)} {shown} is out of bounds: use {least} to {most}")
    return Limits(**given)


def add_passwords(parser: argparse._ActionsContainer) -> None:
    """`--password` and `--passwords-from`."""
    parser.add_argument(
        "--password",
        action="append",
        metavar="TEXT",
        help="a password to try on encrypted archives and documents (may be repeated; other users of this "
        "machine can see it while the scan runs: prefer --passwords-from)",
    )
    parser.add_argument(
        "--passwords-from",
        action="append",
        type=file_name,
        metavar="FILE",
        help="a file of passwords to try, one per line (may be repeated)",
    )


def passwords_of(args: argparse.Namespace) -> tuple[str, ...]:
    """All passwords, each once. Raises `UsageError` for a file that cannot be read."""
    found = list(args.password or ())
    for name in args.passwords_from or ():
        try:
            text = Path(name).read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise UsageError(f"cannot read the passwords in {name}: {error.strerror}") from error
        found += [line for line in text.splitlines() if line]
    return tuple(dict.fromkeys(found))


def add_confinement(parser: argparse._ActionsContainer) -> None:
    """`--unconfined`: never taken from a configuration file."""
    parser.add_argument(
        "--unconfined",
        action="store_true",
        help="scan even where the kernel cannot confine the scanner; every report then says so (cannot be set in "
        "a configuration file)",
    )


def add_pack(parser: argparse._ActionsContainer) -> None:
    """`--pack`."""
    parser.add_argument(
        "--pack", type=file_name, metavar="FILE", help="use this rule pack instead of the machine's rules"
    )


def add_configuration(parser: argparse._ActionsContainer) -> None:
    """`--config` and `--no-config`: read by `overt.cli.app` before everything else."""
    parser.add_argument(
        "--config",
        action="append",
        type=file_name,
        metavar="FILE",
        help="a configuration file to read after the usual ones (may be repeated)",
    )
    parser.add_argument("--no-config", action="store_true", help="do not read the usual configuration files")


NOT_CONFIGURABLE = frozenset(("help", "config", "no_config", "unconfined"))
"""Options that a configuration file must not set."""


def add_way_to_witnesses(parser: argparse.ArgumentParser) -> None:
    """How the witnesses of a log are reached; DIR is the folder of who keeps the log."""
    parser.add_argument(
        "--by-hand",
        action="store_true",
        help="leave requests to witnesses in DIR/requests, for a person to send, and read the answers there",
    )
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help="certificates to trust for witnesses")
    parser.add_argument(
        "--unconfined", action="store_true", help="ask witnesses even where couriers can't be confined"
    )


def add_way(parser: argparse.ArgumentParser) -> None:
    """How channels are reached."""
    parser.add_argument(
        "--proxy", metavar="URL", help="http:// or https:// proxy; empty: none (default: environment)"
    )
    parser.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="certificates to trust instead of the system's"
    )
    parser.add_argument(
        "--unconfined", action="store_true", help="update even where the kernel can't confine it; recorded"
    )
