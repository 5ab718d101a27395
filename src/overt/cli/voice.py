"""How Overt speaks: lower-case, one line per fact, next step last; results on stdout, people on stderr."""

from __future__ import annotations

import os
import sys
from enum import IntEnum

from overt.core.errors import OvertError


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    """Everything asked for was done; a scan: all examined and clean."""
    INFECTED = 1
    ERROR = 2
    """An error, or something could not be examined."""
    STALE = 3
    """`update`, `status`: a channel could not be checked or was refused; its old rules stay (ADR 12)."""
    OTHER_BUILD = 4
    """`conduct verify`: nothing was changed, but another build of Overt made the report; this one says otherwise."""
    INTERRUPTED = 130


class OutputError(OvertError):
    """Standard output took no more: nothing else is to blame."""


STYLES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def styled(text: str, style: str, stream: object = None) -> str:
    """`text` in a colour or weight when `stream` (default: stdout) can show it and NO_COLOR is not set."""
    target = sys.stdout if stream is None else stream
    if os.environ.get("NO_COLOR") or not capable(target):
        return text
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def capable(stream: object) -> bool:
    """Whether `stream` is a terminal that does more than print: colours, lines drawn over."""
    return os.environ.get("TERM") != "dumb" and bool(getattr(stream, "isatty", lambda: False)())


def visible(text: str) -> str:
    """`text` on one line, control characters and undecodable bytes escaped: a file's name can't forge output."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    """As Python writes it in a string. Not through the codec, which would be loaded from disk at its first use."""
    code = ord(char)
    if char in "\t\n\r":
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[char]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def say(line: str = "") -> None:
    """One line of result. Raises `OutputError`; a closed pipe stays a `BrokenPipeError`."""
    try:
        print(line)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error


def note(line: str) -> None:
    """One line for people."""
    print(line, file=sys.stderr)


def fail(text: str) -> int:
    """What went wrong, on one line or, where it is a list, on several; returns the exit code to end with. It may quote
    what a stranger wrote, which can neither control a terminal nor look like a line of another message."""
    first, *more = text.split("\n")
    print(
        "\n  ".join((f"overt: {visible(first)}", *(visible(line.strip()) for line in more))), file=sys.stderr
    )
    return Exit.ERROR
