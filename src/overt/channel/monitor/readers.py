"""The readers of a monitor: they compare bundles too."""

from __future__ import annotations

import msgspec

from overt.channel import bundle as bundles
from overt.channel import readers
from overt.channel.bundle import Bundle
from overt.channel.monitor.changes import changes
from overt.channel.monitor.record import Event, event_of
from overt.channel.readers import BOUNDS, Read, Readers, Review, Unpack
from overt.core.errors import Malformed
from overt.sandbox.expendable import Bounds


class Compare(msgspec.Struct, frozen=True, tag=True):
    """What release `serial` changes, from the bundle before it (None: it is the first that is known)."""

    serial: int
    before: bytes | None
    after: bytes


class Compared(msgspec.Struct, frozen=True):
    """What it changes: of each rule and list, and what it takes back that was not taken back before, with reasons."""

    events: tuple[Event, ...] = ()
    revoked: tuple[tuple[str, str], ...] = ()


class MonitorReaders(Readers):
    """`Readers` that answer `Compare`."""

    def __init__(self, confined: bool = True, dynamic: bool = True, bounds: Bounds = BOUNDS) -> None:
        """Raises `ConfinementError`."""
        super().__init__(confined, dynamic, bounds, _answer)

    def compare(self, serial: int, before: bytes | None, after: bytes) -> Compared:
        """Both bundles uncompressed. Raises `Malformed` unless `after` can be read, `WorkerDied`."""
        return self.asked(Compare(serial, before, after), Compared)


def compared(asked: Compare) -> Compared:
    """In the worker."""
    before = _read(asked.before)
    after = bundles.read(asked.after)
    known = {one.rule for one in before.manifest.revoked} if before else set()
    return Compared(
        tuple(event_of(asked.serial, change) for change in changes(before, after)),
        tuple((one.rule, one.reason) for one in after.manifest.revoked if one.rule not in known),
    )


def _read(data: bytes | None) -> Bundle | None:
    try:
        return bundles.read(data) if data is not None else None
    except Malformed:
        return None


def _answer(data: bytes) -> bytes:
    asked: Unpack | Read | Review | Compare = msgspec.msgpack.decode(
        data, type=Unpack | Read | Review | Compare
    )
    if isinstance(asked, Compare):
        return msgspec.msgpack.encode(compared(asked))
    return readers.answered(asked)
