"""What the last checks of a channel found, as it is kept beside its releases; light enough for every scan to read.

    check.json   `Check`, written durably
    polled       the time of a later check that found everything as it is there: TIME DIGEST

`polled` is overwritten in place, and not made durable: after a loss of power the check before may seem to be the last,
and the channel stale too early. Its digest binds it to the bytes of `check.json`, so that it says nothing of any other.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from overt.store import atomic
from overt.tlog.merkle import TreeHead

CHECK_FILE = "check.json"
POLLED_FILE = "polled"
_TIME_DIGITS = 12
_POLLED_BYTES = _TIME_DIGITS + 1 + 64 + 1


class Check(msgspec.Struct, frozen=True):
    """What checks found. Times are seconds since the Epoch by this machine's clock; 0: never."""

    checked_s: int = 0
    """The last attempt."""
    fresh_s: int = 0
    """The last one in which everything held."""
    failure: str = ""
    """Why the last one failed; empty when it did not."""
    family: str = ""
    """`refused`: what was served failed a check. `failed`: it could not be had, or not be kept."""
    etag: str = ""
    seen_size: int = 0
    """The log's size at the last accepted checkpoint, and its root hash (hexadecimal)."""
    seen_root: str = ""
    cosigned: tuple[tuple[str, int], ...] = ()
    """Witnesses whose cosignatures counted, and when they made them."""
    fresh_until_s: int = 0
    """Until when a quorum of these is young enough."""
    last_cosigned_s: int = 0
    """When the last of these was made."""
    witnesses: int = 0
    """How many the policy knows."""
    channel: str = ""
    """As its charter names it."""
    warning: str = ""
    """What the charter demands to be shown."""

    @property
    def seen(self) -> TreeHead | None:
        """The tree of the last accepted checkpoint."""
        return TreeHead(self.seen_size, bytes.fromhex(self.seen_root)) if self.seen_size else None


def read_check(folder: Path) -> Check:
    """The channel's `Check`. A damaged file counts as none: the newest release still bounds the log."""
    try:
        data = (folder / CHECK_FILE).read_bytes()
        check = msgspec.json.decode(data, type=Check)
    except (OSError, msgspec.MsgspecError):
        return Check()
    polled_s = _read_polled(folder, data)
    return msgspec.structs.replace(check, checked_s=polled_s, fresh_s=polled_s) if polled_s else check


def keep_check(folder: Path, check: Check) -> None:
    """Store what `read_check` reads: durably, or only the time when that is all that is new and everything held.
    Raises `OSError`."""
    path = folder / CHECK_FILE
    try:
        data = path.read_bytes()
        before = msgspec.json.decode(data, type=Check)
    except (OSError, msgspec.MsgspecError):
        data, before = b"", Check()
    as_before = msgspec.structs.replace(check, checked_s=before.checked_s, fresh_s=before.fresh_s)
    held = not check.failure and check.checked_s == check.fresh_s >= before.fresh_s
    if held and msgspec.json.encode(as_before) == data:
        _write_polled(folder, data, check.checked_s)
    else:
        atomic.write(path, msgspec.json.encode(check))


def _polled(data: bytes, time_s: int) -> bytes:
    time = b"%0*d" % (_TIME_DIGITS, time_s)
    return b"%b %b\n" % (time, hashlib.sha256(time + data).hexdigest().encode())


def _read_polled(folder: Path, data: bytes) -> int:
    """When a check found `data`, the content of `check.json`, to hold still; 0: never, or that is not known."""
    try:
        fd = os.open(folder / POLLED_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        found = os.read(fd, _POLLED_BYTES + 1)
        time = found[:_TIME_DIGITS]
        return int(time) if time.isdigit() and found == _polled(data, int(time)) else 0
    except OSError:
        return 0
    finally:
        os.close(fd)


def _write_polled(folder: Path, data: bytes, time_s: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(folder / POLLED_FILE, flags, 0o600)
    try:
        if os.fstat(fd).st_size > _POLLED_BYTES:
            os.ftruncate(fd, 0)
        os.write(fd, _polled(data, time_s))  # a shorter or a mixed one is none
    finally:
        os.close(fd)
