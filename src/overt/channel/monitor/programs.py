"""The log of a program's releases, watched: that it has one history, one record for each version, and what is in each.

The leaves are small (`overt.channel.install.record`): program, version, SHA-256 of the record, which lists every file
of the wheel with its hash. Records and proofs are fetched from `releases/` in the log's tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from overt.channel import layout
from overt.channel.install import record
from overt.channel.install.proven import RELEASES, names
from overt.channel.install.record import Entry
from overt.channel.monitor.alarm import Alarm, Kind
from overt.channel.monitor.examine import NotThere
from overt.channel.monitor.readers import Described, MonitorReaders
from overt.channel.monitor.record import Problem, ProgramRow, Signer
from overt.channel.monitor.round import Outcome
from overt.channel.monitor.state import State
from overt.channel.monitor.views import View
from overt.channel.monitor.watcher import Watcher
from overt.channel.tree import Tree
from overt.core.errors import LogError, Malformed
from overt.sandbox.expendable import WorkerDied
from overt.tlog import proof as proofs
from overt.tlog.keys import VerifierKey
from overt.tlog.merkle import TreeHead, leaf_hash
from overt.tlog.note import MAX_NOTE_BYTES
from overt.tlog.policy import Policy

LOG = "the log"


@dataclass(frozen=True, slots=True)
class ProgramWatch:
    """What to follow. `policy`: the log and the witnesses that the operator trusts."""

    policy: Policy
    readers: MonitorReaders
    patience_s: int
    now_s: Callable[[], int]


class ProgramRound(Watcher):
    """Looks at the log, again and again, with one state."""

    what = "entries"

    def __init__(self, state: State, watch: ProgramWatch) -> None:
        """Raises `MonitorError` for a state of another log."""
        super().__init__(state, watch.policy.logs[0].key.name, watch.patience_s, watch.now_s)
        self._watch = watch
        state.settle("channel", self.origin.rpartition("/")[2])

    def look(self, tree: Tree, places: Sequence[View]) -> Outcome:
        """One round. Raises `MonitorError` only: everything else that goes wrong is kept, shown, and raises alarms."""
        before = self._state.head.size
        lacking = [row for row in self._state.programs() if row.missing]
        served = self._seen([View(LOG, lambda: tree(layout.CHECKPOINT, MAX_NOTE_BYTES))], places)
        if served:
            with self._held("log", Kind.FETCH_FAILED, self._patience_s, "reading the log"):
                self._follow(tree, *served, lambda index, leaf, head, _: self._take(tree, index, leaf, head))
        for row in lacking:
            self._take(tree, row.index, row.leaf.encode(), None)
        self._say_missing()
        size = self._state.head.size
        self._state.looked(self._now_s())
        return Outcome(size - before, size)

    def _log_keys(self) -> list[VerifierKey]:
        return [log.key for log in self._watch.policy.logs]

    def _policy(self) -> Policy:
        return self._watch.policy

    def _cosigned_later(self, signers: tuple[Signer, ...]) -> None:
        """Each entry has a proof of its own, with its witnesses."""

    def _take(self, tree: Tree, index: int, leaf: bytes, head: TreeHead | None) -> None:
        """Take in one entry, with its record and proof; one that lacked something is looked at again."""
        known = self._state.program(index)
        row = ProgramRow(index, leaf.decode("utf-8", "replace"), known.seen_s if known else self._now_s())
        try:
            entry = record.parse_leaf(leaf)
        except Malformed as error:
            alarm = Alarm(
                Kind.GAP, f"{index}", f"entry {index} is no release: {error}", None, {"leaf.bin": leaf}
            )
            self._state.take_program(_with(row, alarm), b"", head, (alarm,), self._now_s())
            return
        row = replace(row, program=entry.program, version=entry.version, record=entry.sha256)
        alarms: list[Alarm] = []
        if twice := self._state.programs_of(entry.program, entry.version, before=index):
            alarms.append(_twice(row, twice[0], leaf))
        data = b""
        try:
            data = _record(tree, entry)
            row = self._described(row, data)
            row = replace(row, signers=self._proven(tree, entry, index, leaf))
        except (NotThere, LogError) as error:
            row = replace(row, missing=str(error))
        except WorkerDied as error:
            alarms.append(Alarm(Kind.UNREADABLE, entry.sha256, f"{_name(row)}: its record: {error}"))
        self._state.take_program(_with(row, *alarms), data, head, tuple(alarms), self._now_s())

    def _described(self, row: ProgramRow, data: bytes) -> ProgramRow:
        """What is in it, and what the release of this program before it had otherwise."""
        before = self._state.record_before(row.program, row.index)
        told: Described = self._watch.readers.describe(before, data)
        if (told.program, told.version) != (row.program, row.version):
            raise Malformed(f"its record is of {told.program} {told.version}")
        return replace(
            row,
            wheel=told.wheel,
            sbom=told.sbom,
            files=told.files,
            changes=told.changes,
            requires=told.requires,
        )

    def _proven(self, tree: Tree, entry: Entry, index: int, leaf: bytes) -> tuple[Signer, ...]:
        """The witnesses of its proof, which must be enough by the policy. Raises `LogError`, `NotThere`."""
        path = RELEASES + names(entry.program, entry.version)[1]
        proof = proofs.parse(_served(tree, path, proofs.MAX_PROOF_BYTES))
        if proof.index != index:
            raise Malformed(f"{path} proves entry {proof.index}, not {index}")
        accepted = proofs.verify(proof, leaf_hash(leaf), self._policy())
        keys = {witness.name: witness.key.encode() for witness in self._policy().witnesses}
        return tuple(Signer("witness", name, keys[name], time_s) for name, time_s in accepted.cosigned_s)

    def _say_missing(self) -> None:
        for row in self._state.programs():
            key = f"entry {row.index}"
            if row.missing:
                alarm = Alarm(Kind.FETCH_FAILED, key, f"{_name(row)}: {row.missing}")
                self._hold(alarm, self._patience_s)
            else:
                self._state.end(key, self._now_s())


def _name(row: ProgramRow) -> str:
    return f"entry {row.index}, {row.program} {row.version}"


def _with(row: ProgramRow, *alarms: Alarm) -> ProgramRow:
    return replace(row, problems=tuple(Problem(one.kind.value, one.text) for one in alarms))


def _twice(row: ProgramRow, first: ProgramRow, leaf: bytes) -> Alarm:
    """Two programs with one name: somebody may have been given the other."""
    text = (
        f"{row.program} {row.version} is logged twice, as entry {first.index} with record {first.record} and as entry "
        f"{row.index} with record {row.record}: two programs go by one name"
    )
    evidence = {"first.json": first.leaf.encode(), "second.json": leaf}
    return Alarm(Kind.FALSE_RELEASE, f"{row.index}", text, None, evidence)


def _record(tree: Tree, entry: Entry) -> bytes:
    path = RELEASES + names(entry.program, entry.version)[0]
    data = _served(tree, path, record.MAX_RECORD_BYTES)
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise NotThere(f"{path}: another file is served than the log names")
    return data


def _served(tree: Tree, path: str, max_bytes: int) -> bytes:
    try:
        return tree(path, max_bytes)
    except FileNotFoundError:
        raise NotThere(f"{path} is not there") from None
