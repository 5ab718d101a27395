"""Where a channel's static tree is read from: a server through the courier, or a folder that somebody carried here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from overt.channel import layout
from overt.core.errors import EgressError, Malformed, NetworkFailed, PeerAtFault
from overt.egress.courier import Courier, Fetched, NotModified
from overt.egress.errors import BadStatus
from overt.egress.recorded import FETCH, Fact
from overt.ledger import Kind, Ledger
from overt.tlog.tiles import FULL_WIDTH, Fetch
from overt.tlog.tiles import MAX_BUNDLE_BYTES as MAX_ENTRIES_BYTES

NOT_THERE = (403, 404, 410)
"""Answers that mean "no such file" (python-tuf takes the first two so as well)."""
TILE_BYTES = FULL_WIDTH * 32


@dataclass(frozen=True, slots=True)
class Body:
    """A file, whole."""

    data: bytes
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """It is still what the ETag stands for."""


class Source(Protocol):
    """One tree."""

    def read(self, path: str, max_bytes: int, etag: str = "") -> Body | Unchanged:
        """The file at `path` (`overt.channel.layout`), at most `max_bytes` of it. Raises `FileNotFoundError` for none
        there, `NetworkFailed`, `PeerAtFault` or `Malformed` for too many bytes, `OSError` and what a ledger raises."""


def content(source: Source, path: str, max_bytes: int) -> bytes:
    """The file's bytes; raises as `Source.read`."""
    match source.read(path, max_bytes):
        case Body(data):
            return data
        case Unchanged():
            raise Malformed(f"{path}: not modified, which was not asked")


def tiles(source: Source) -> Fetch:
    """How the log's reader reads this tree's log."""

    def fetch(path: str) -> bytes:
        limit = MAX_ENTRIES_BYTES if path.startswith("tile/entries/") else TILE_BYTES
        return content(source, layout.LOG + path, limit)

    return fetch


class Recorder:
    """A ledger as the courier's record, which remembers the number of the last request."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.request = 0

    def __call__(self, kind: str, facts: Mapping[str, Fact]) -> None:
        entry = self.ledger.append(kind, facts)
        if kind == FETCH:
            self.request = entry.sequence

    def result(self, outcome: str, **facts: Fact) -> None:
        """What became of the last request."""
        self.ledger.append(Kind.FETCH_RESULT, {"request": self.request, "outcome": outcome, **facts})


class OverCourier:
    """A server's tree; each request and its result is in the ledger."""

    def __init__(self, courier: Courier, recorder: Recorder) -> None:
        self._courier, self._recorder = courier, recorder

    def read(self, path: str, max_bytes: int, etag: str = "") -> Body | Unchanged:
        """As `Source.read`."""
        try:
            found = self._courier.fetch(path, max_bytes=max_bytes, etag=etag or None)
        except (NetworkFailed, PeerAtFault) as error:
            status = error.status if isinstance(error, BadStatus) else 0
            if status in NOT_THERE:
                self._recorder.result("absent", status=status)
                raise FileNotFoundError(str(error)) from None
            outcome = "refused" if isinstance(error, PeerAtFault) else "failed"
            answered = {"status": status} if status else {}
            self._recorder.result(outcome, error=str(error)[:2000], **answered)
            raise
        match found:
            case NotModified(status=status):
                self._recorder.result("not-modified", status=status)
                return Unchanged()
            case Fetched(path=spooled, sha256=sha256, etag=tag, status=status):
                data = _taken(spooled, sha256)
                self._recorder.result("ok", status=status, bytes=len(data), sha256=sha256)
                return Body(data, tag or "")


def _taken(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    finally:
        path.unlink()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise EgressError(f"{path}: the disk changed what was fetched: check the disk, then try again")
    return data


class InFolder:
    """A tree on a stick or disk. The folder is the user's choice; what lies in it is not trusted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str, max_bytes: int, etag: str = "") -> Body | Unchanged:
        """As `Source.read`."""
        fd = os.open(self._folder / path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise Malformed(f"{path}: more than {max_bytes:,} bytes")
        return Body(data)
