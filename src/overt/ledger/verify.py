"""Verifying a ledger's folder, or an export of one: streaming, without a lock, and without writing anything."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from overt.core.errors import LedgerError, Malformed
from overt.ledger.check import Checker, Fault, Report
from overt.ledger.export import header, omitted
from overt.ledger.files import KEY, NEW_KEY, Line, first_of, read_lines
from overt.ledger.head import Head
from overt.ledger.keys import read_key
from overt.ledger.reading import named_segments, read_head


def verify(source: Path | BinaryIO, anchor: Head | None = None) -> Report:
    """Verify the ledger in a folder, or an export as a stream of bytes, against itself and against `anchor`.

    What is appended meanwhile may or may not be covered. Raises `LedgerError` when there is nothing to verify: no
    ledger, no export, or it can't be read.
    """
    try:
        return _folder(source, anchor) if isinstance(source, Path) else _export(source, anchor)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LedgerError(f"{error.filename or 'the ledger'}: {reason}") from error


def _folder(folder: Path, anchor: Head | None) -> Report:
    names = named_segments(folder)
    head, trouble = _head(folder)  # before the entries: it may be behind them, never ahead
    if not names and trouble == _NO_HEAD and not os.path.lexists(folder / KEY):
        raise LedgerError(f"there is no ledger in {str(folder)!r} yet: nothing was recorded")
    checker = Checker(head, anchor, key=head.key if head else None)
    if trouble:
        checker.problem(Fault.HEAD, trouble, where="head")
    torn = 0
    for name in names:
        if first_of(name) != checker.next:
            detail = f"a segment begins with entry {first_of(name)} where {checker.next} was due"
            checker.problem(Fault.MISSING, detail, checker.next, name)
        torn = _segment(checker, folder / name, name == names[-1])
    if checker.next == 0:
        checker.problem(Fault.MISSING, "there are no entries", 0)
    _check_key(checker, folder)
    return checker.finish(torn)


_NO_HEAD = "the head beside the entries is missing"


def _head(folder: Path) -> tuple[Head | None, str]:
    """The head, or what is wrong with it."""
    try:
        head = read_head(folder)
    except Malformed as error:
        return None, f"the head beside the entries can't be used: {error}"
    return head, "" if head else _NO_HEAD


def _segment(checker: Checker, path: Path, newest: bool) -> int:
    """Check one segment; returns the bytes behind its last entry when it is the newest."""
    torn = 0
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW)) as stream:
        for line in read_lines(stream):
            if newest and not line.ended:
                torn = path.stat().st_size - stream.tell() + len(line.data)
            else:
                _line(checker, line, f"{path.name}, line {line.number}")
    return torn


def _line(checker: Checker, line: Line, where: str) -> None:
    if not line.ended:
        checker.problem(Fault.FORM, "a line without its end", checker.next, where)
    checker.line(line.data, where)


def _check_key(checker: Checker, folder: Path) -> None:
    """The private key beside the entries must be the one in force; unreadable for this user is no problem."""
    with suppress(PermissionError):
        try:
            keys = [key for key in (read_key(folder / KEY), read_key(folder / NEW_KEY)) if key]
        except LedgerError as error:
            checker.problem(Fault.KEY, str(error), where=KEY)
            return
        if not keys:
            checker.problem(Fault.MISSING, "the ledger's key is missing", where=KEY)
        elif checker.key not in [key.public for key in keys]:
            detail = f"the key beside the entries is another one: {keys[0].public.fingerprint}"
            checker.problem(Fault.KEY, detail, where=KEY)


def _export(stream: BinaryIO, anchor: Head | None) -> Report:
    lines = read_lines(stream)
    first = next(lines, None)
    try:
        begin = header(first.data if first else b"")
    except Malformed as error:
        raise LedgerError(f"this is no export of a ledger: {error}") from None
    checker = Checker(begin.head, anchor, begin.start, begin.before, begin.key)
    for line in lines:
        where = f"line {line.number}"
        try:
            gap = omitted(line.data)
        except Malformed as error:
            checker.problem(Fault.FORM, str(error), checker.next, where)
            continue
        if gap:
            checker.omitted(*gap, where)
        else:
            _line(checker, line, where)
    if checker.next != begin.stop:
        detail = f"the export ends with entry {checker.next - 1}; its first line says {begin.stop - 1}"
        checker.problem(Fault.MISSING, detail, checker.next)
    return checker.finish()
