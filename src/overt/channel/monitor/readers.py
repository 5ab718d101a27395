"""The readers of a monitor: they compare bundles, and describe programs' records, too."""

from __future__ import annotations

import msgspec

from overt.channel import bundle as bundles
from overt.channel import readers
from overt.channel.bundle import Bundle
from overt.channel.install import record
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


class Describe(msgspec.Struct, frozen=True, tag=True):
    """What a program's record lists, and what of that the record before it (None: there is none) had otherwise."""

    before: bytes | None
    after: bytes


class Described(msgspec.Struct, frozen=True):
    """See `ProgramRow`, which keeps it."""

    program: str
    version: str
    wheel: tuple[str, str, int]
    sbom: tuple[str, str, int]
    files: int
    changes: tuple[tuple[str, str, str], ...]
    requires: tuple[tuple[str, str, str], ...]


class Compared(msgspec.Struct, frozen=True):
    """What it changes: of each rule and list, and what it takes back that was not taken back before, with reasons."""

    events: tuple[Event, ...] = ()
    revoked: tuple[tuple[str, str], ...] = ()


class MonitorReaders(Readers):
    """`Readers` that answer `Compare` and `Describe`."""

    def __init__(self, confined: bool = True, dynamic: bool = True, bounds: Bounds = BOUNDS) -> None:
        """Raises `ConfinementError`."""
        super().__init__(confined, dynamic, bounds, _answer)

    def describe(self, before: bytes | None, after: bytes) -> Described:
        """Both records as they were published. Raises `Malformed`, `WorkerDied`."""
        return self.asked(Describe(before, after), Described)

    def compare(self, serial: int, before: bytes | None, after: bytes) -> Compared:
        """Both bundles uncompressed. Raises `Malformed` unless `after` can be read, `WorkerDied`."""
        return self.asked(Compare(serial, before, after), Compared)


def described(asked: Describe) -> Described:
    """In the worker. Raises `Malformed`."""
    after = record.parse(asked.after)
    before = record.parse(asked.before) if asked.before is not None else None
    files = {file.path: file.sha256 for file in after.files}
    needs = {one.name: one.version for one in after.requires}
    old = {file.path: file.sha256 for file in before.files} if before else files
    needed = {one.name: one.version for one in before.requires} if before else needs
    return Described(
        after.program,
        after.version,
        _file(after.wheel),
        _file(after.sbom),
        len(files),
        tuple(
            (
                "changed" if path in old and path in files else "added" if path in files else "removed",
                path,
                digest,
            )
            for path in sorted(old.keys() | files.keys())
            if old.get(path) != files.get(path)
            for digest in (files.get(path) or old[path],)
        ),
        tuple(
            (name, needed.get(name, ""), needs.get(name, ""))
            for name in sorted(needs.keys() | needed.keys())
            if needs.get(name) != needed.get(name)
        ),
    )


def _file(one: record.File) -> tuple[str, str, int]:
    return one.path, one.sha256, one.size


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
    asked: Unpack | Read | Review | Compare | Describe = msgspec.msgpack.decode(
        data, type=Unpack | Read | Review | Compare | Describe
    )
    match asked:
        case Compare():
            return msgspec.msgpack.encode(compared(asked))
        case Describe():
            return msgspec.msgpack.encode(described(asked))
        case _:
            return readers.answered(asked)
