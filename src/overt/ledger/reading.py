"""Reading entries without a lock or a key, in memory for one line."""

from __future__ import annotations

import os
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from overt.core.errors import LedgerError, Malformed
from overt.ledger.entry import Entry, parsed
from overt.ledger.files import HEAD, content, first_of, read_lines, segments
from overt.ledger.head import MAX_HEAD_BYTES, Head, opened

HEAD_LOOKS = 4
"""How often an unreadable head is read before it is called so."""


def entries(folder: Path, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
    """The entries numbered from `start` to before `stop` (None: all). Raises `LedgerError` at a line that is none.

    What is being written meanwhile may or may not be among them.
    """
    names = named_segments(folder)
    begin = max(bisect_right([first_of(name) for name in names], start) - 1, 0)
    for name in names[begin:]:
        if stop is not None and first_of(name) >= stop:
            return
        try:
            yield from _segment(folder / name, start, stop)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise LedgerError(f"{str(folder / name)!r} can't be read: {reason}") from error


def named_segments(folder: Path) -> list[str]:
    """The segments' names. Raises `LedgerError` when there is no ledger."""
    try:
        return segments(folder)
    except OSError as error:
        text = (error.strerror or str(error)).lower()
        raise LedgerError(f"there is no ledger to read in {str(folder)!r}: {text}") from error


def _segment(path: Path, start: int, stop: int | None) -> Iterator[Entry]:
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW)) as stream:
        for line in read_lines(stream):
            number = first_of(path.name) + line.number - 1
            if not line.ended or (stop is not None and number >= stop):
                return
            if number >= start:
                yield _entry(line.data, path, line.number)


def _entry(data: bytes, path: Path, number: int) -> Entry:
    try:
        return parsed(data)
    except Malformed as error:
        raise LedgerError(
            f"{str(path)!r}, line {number} is no entry ({error}): see overt ledger verify"
        ) from None


def read_head(folder: Path) -> Head | None:
    """The head beside the entries; None when there is none. Raises `Malformed`, and `OSError`.

    Read without the lock: one that is being written over is read again.
    """
    for _ in range(HEAD_LOOKS - 1):
        with suppress(Malformed):
            return _head(folder)
        time.sleep(0.002)
    return _head(folder)


def _head(folder: Path) -> Head | None:
    try:
        return opened(content(folder / HEAD, MAX_HEAD_BYTES))
    except FileNotFoundError:
        return None
