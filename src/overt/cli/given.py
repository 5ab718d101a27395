"""Files that are named on a command line, as a whole."""

from __future__ import annotations

from pathlib import Path

from overt.core.errors import UsageError


def content(path: str | Path, option: str = "", advice: str = "") -> bytes:
    """The bytes of a file that was given, with `option` if with one. Raises `UsageError`, with `advice` on what to give
    instead."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        words = f"{option} {path}: {error.strerror}".lstrip()
        raise UsageError(f"{words}: {advice}" if advice else words) from None
