"""Asking a person: for agreement, and for passphrases and PINs, which are never arguments or in the environment."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from functools import cache

from overt.core.errors import UsageError

MAX_BYTES = 4096


def configure(parser: argparse.ArgumentParser) -> None:
    """The one option."""
    parser.add_argument(
        "--passphrase-fd",
        type=int,
        metavar="N",
        help="read the passphrase or PIN from file descriptor N, one line, instead of asking",
    )


def asker(args: argparse.Namespace) -> Callable[[str], str]:
    """What answers questions for a secret, each asked once. It raises `UsageError` where nobody can be asked."""
    if args.passphrase_fd is not None:
        secret = _read(args.passphrase_fd)
        return lambda what: secret
    return cache(_typed)


def chosen(args: argparse.Namespace, what: str) -> str:
    """A new secret, typed twice. Raises `UsageError` when the two differ."""
    if args.passphrase_fd is not None:
        return _read(args.passphrase_fd)
    first = _typed(f"new passphrase of {what}")
    if _typed("the same again") != first:
        raise UsageError("the two passphrases differ: nothing was done, try again")
    return first


@cache
def _read(fd: int) -> str:
    """The line; a descriptor can be read once only."""
    try:
        data = b""
        while len(data) < MAX_BYTES and b"\n" not in data and (piece := os.read(fd, MAX_BYTES)):
            data += piece
        return data.partition(b"\n")[0].decode()
    except OSError as error:
        raise UsageError(f"--passphrase-fd {fd}: {error.strerror}: open it, as in '{fd}<FILE'") from None
    except (UnicodeDecodeError, OverflowError) as error:
        raise UsageError(f"--passphrase-fd {fd}: {error}") from None


def agreed(question: str) -> bool:
    """Whether the answer is yes. Raises `UsageError` where nobody can be asked."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on: confirm with --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _typed(what: str) -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"there is no terminal to ask for the {what}: give it with --passphrase-fd")
    return getpass.getpass(f"{what}: ")
