"""One look of the archive at one channel, in a process of its own.

    the command (state, no network) ── asks ──► this process ──► courier, readers
                                    ◄─ decides ─ locked down; writes only below the archive's folder and the ledger's

The process that looks has neither the witness's state nor its key to write to: what it approves or refuses it asks of
the command that started it, which stores it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from overt.channel.readers import Readers
from overt.channel.tree import at
from overt.channel.witness.archive import Archive, Outcome, Waiver
from overt.channel.witness.state import LogRow, Refusal, State
from overt.core.errors import EgressError
from overt.ledger import Ledger
from overt.sandbox.apart import Line, TaskDied, apart
from overt.sandbox.policy import ARCHIVE
from overt.sandbox.view import confine_writing
from overt.store.folders import make_private
from overt.tlog.merkle import TreeHead

FOLDER, SPOOL = "archive", "spool"
"""In the witness's folder."""


@dataclass(frozen=True, slots=True)
class Looking:
    """What one look needs besides the log."""

    folder: Path
    """The witness's."""
    ledger: Path
    unconfined: bool = False
    readers: Callable[[bool], Readers] = Readers
    """Makes who reads bundles; `True`: confined."""


class Approved(msgspec.Struct, frozen=True, tag=True):
    """How far the archive is: `size` 0 for not at all."""


class Approve(msgspec.Struct, frozen=True, tag=True):
    """Record a tree as stored and reviewed."""

    size: int
    root: bytes
    time_s: int
    waiver: str


class Refuse(msgspec.Struct, frozen=True, tag=True):
    """Record a refusal."""

    time_s: int
    reason: str
    evidence: bytes


class Standing(msgspec.Struct, frozen=True):
    """The answer to `Approved`."""

    size: int = 0
    root: bytes = b""
    time_s: int = 0


class Asked:
    """The state of one log, as far as the process that looks may change it: by asking for it."""

    def __init__(self, line: Line, origin: str) -> None:
        self._line, self._origin = line, origin

    def approved(self, origin: str) -> tuple[TreeHead, int] | None:
        """As `State.approved`, of the one log."""
        said = msgspec.msgpack.decode(self._ask(Approved()), type=Standing)
        return (TreeHead(said.size, said.root), said.time_s) if said.size else None

    def approve(self, origin: str, head: TreeHead, time_s: int, waiver: str = "") -> None:
        """As `State.approve`."""
        self._ask(Approve(head.size, head.root, time_s, waiver))

    def refuse(self, refusal: Refusal) -> None:
        """As `State.refuse`."""
        self._ask(Refuse(refusal.time_s, refusal.reason, refusal.evidence))

    def _ask(self, question: msgspec.Struct) -> bytes:
        return self._line.ask(msgspec.msgpack.encode(question))


def look(looking: Looking, state: State, log: LogRow, waiver: Waiver | None = None) -> Outcome:
    """Look at a channel once. Raises `OvertError` when that could not be begun, or ended without a word; what keeps the
    courier from starting is an outcome, tried again like any other trouble."""
    try:
        said = apart(partial(_look, looking, log, waiver), partial(_decide, state, log.origin))
        return msgspec.msgpack.decode(said, type=Outcome)
    except msgspec.MsgspecError as error:
        raise TaskDied(f"the process that looked broke its protocol ({error}), and was killed") from None


def _decide(state: State, origin: str, question: bytes) -> bytes:
    """Here, what the process that looks asks for: it can speak of its own log only."""
    asked: Approved | Approve | Refuse = msgspec.msgpack.decode(question, type=Approved | Approve | Refuse)
    match asked:
        case Approved():
            found = state.approved(origin)
            standing = Standing(found[0].size, found[0].root, found[1]) if found else Standing()
            return msgspec.msgpack.encode(standing)
        case Approve(size, root, time_s, waiver):
            state.approve(origin, TreeHead(size, root), time_s, waiver)
        case Refuse(time_s, reason, evidence):
            state.refuse(Refusal(origin, time_s, reason, evidence))
    return b""


def _look(looking: Looking, log: LogRow, waiver: Waiver | None, line: Line) -> bytes:
    archive, spool = (looking.folder.absolute() / name for name in (FOLDER, SPOOL))
    for folder in (archive, spool):
        make_private(folder)
    ledger = Ledger.open(looking.ledger)
    keep = {0, 1, 2, line.descriptor}
    with ExitStack() as stack:
        readers = looking.readers(not looking.unconfined)
        stack.callback(readers.close)
        keep.update(readers.descriptors)
        try:
            tree = stack.enter_context(at(log.source, spool, ledger.append, looking.unconfined, keep=keep))
        except EgressError as error:
            return msgspec.msgpack.encode(Outcome(log.origin, 0, 0, str(error)))
        if not looking.unconfined:
            confine_writing(ARCHIVE, [archive, spool, looking.ledger], keep, with_parent=True)
            os.chdir("/")
        outcome = Archive(archive, Asked(line, log.origin), readers).follow(log, tree, waiver)
        return msgspec.msgpack.encode(outcome)
