"""The end of a ledger: its last entry, and whatever stands behind it that is none."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from overt.core.errors import Malformed
from overt.ledger.entry import START, Entry, parsed
from overt.ledger.files import first_of, last_lines, segment_name, segments
from overt.ledger.kinds import Reason


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the next entry goes."""

    size: int
    """Entries so far."""
    digest: bytes
    """The chain's digest after the last."""
    segment: str
    """The file that the next one may go to."""
    end: int
    """Bytes of it that are entries."""
    last: Entry | None


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Bytes of a segment, behind its last entry, that are no entry."""

    segment: str
    start: int
    end: int
    reason: Reason


def find_tail(folder: Path) -> tuple[Tail, tuple[Spoiled, ...]]:
    """The last line that is an entry by its form (no signature is verified), and what is behind it, last first.

    Reads the end of the last segment only, unless that is spoiled. Raises `OSError`.
    """
    spoiled: list[Spoiled] = []
    names = segments(folder)
    for name in reversed(names):
        fd = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            end = os.fstat(fd).st_size
            found, start = _last_entry(fd, end, first_of(name))
            if start < end:
                spoiled.append(Spoiled(name, start, end, _reason(fd, start, end)))
        finally:
            os.close(fd)
        if found is not None:
            return _after(found, name, start, names[-1]), tuple(spoiled)
    return Tail(0, START, segment_name(0), 0, None), tuple(spoiled)


def _after(last: Entry, segment: str, end: int, newest: str) -> Tail:
    """The tail behind `last`; a newer segment that was begun for the next entry is where that goes."""
    if newest != segment and first_of(newest) == last.sequence + 1:
        segment, end = newest, 0
    return Tail(last.sequence + 1, last.chain, segment, end, last)


def _last_entry(fd: int, end: int, first: int) -> tuple[Entry | None, int]:
    """The last entry before `end` that may be in a segment of entries from number `first` on, and where it ends."""
    for start, data in last_lines(fd, end):
        if data.endswith(b"\n"):
            try:
                entry = parsed(data[:-1])
            except Malformed:
                continue
            if 0 <= entry.sequence - first <= start:
                return entry, start + len(data)
    return None, 0


def _reason(fd: int, start: int, end: int) -> Reason:
    """One line without its end is what an interruption leaves; anything more is damage."""
    position = start
    while position < end and (piece := os.pread(fd, min(end - position, 1 << 20), position)):
        if b"\n" in piece:
            return Reason.DAMAGED
        position += len(piece)
    return Reason.TORN
