"""Verification, pure: lines go in one by one, and a report comes out. Nothing here reads a file or needs a key file.

Every line must be an entry in its one encoding, signed with the key in force, with the next number, and linked to the
one before. The head beside the entries and the anchor, if there is one, must name a digest that the chain really had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from overt.core.errors import Malformed
from overt.ledger.entry import START, Entry, hashed, linked, parsed
from overt.ledger.head import Head
from overt.ledger.keys import PublicKey, public_key
from overt.ledger.kinds import Kind, Reason

MAX_KEPT = 25
"""Problems of each kind, recoveries and clock steps that a report holds; all problems are counted."""


class Fault(StrEnum):
    """What kind of problem."""

    FORM = "form"
    """A line is no entry, or not in its one encoding."""
    SIGNATURE = "signature"
    SEQUENCE = "sequence"
    """Numbers have a gap, or repeat."""
    CHAIN = "chain"
    """An entry does not follow the one before."""
    MISSING = "missing"
    """The beginning, a segment or the key is not there."""
    HEAD = "head"
    """The head beside the entries is missing, or says otherwise."""
    ANCHOR = "anchor"
    """The anchored head says otherwise: the ledger was cut, rolled back, rewritten, or is another one."""
    LOSS = "loss"
    """The ledger itself recorded that something was lost or wrong."""
    KEY = "key"
    """The key changed in a way that the old key did not sign."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that an intact ledger has not."""

    fault: Fault
    detail: str
    sequence: int | None = None
    """The entry, as far as known."""
    where: str = ""
    """File and line."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """An entry `ledger-recovered`."""

    sequence: int
    time: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClockStep:
    """An entry that is dated before its predecessor."""

    sequence: int
    back_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying found."""

    start: int
    """Number of the first entry."""
    size: int
    """Number of the last entry, plus one."""
    digest: bytes
    """The chain's digest after it."""
    omitted: int
    """Entries that an export left out, for which their hashes stand."""
    keys: tuple[PublicKey, ...]
    """All that signed, in order; the last is in force."""
    anchored_size: int | None
    """Entries that the anchor covers, when one was given and holds."""
    problems: tuple[Problem, ...]
    problem_count: int
    recoveries: tuple[Recovery, ...]
    clock_steps: tuple[ClockStep, ...]
    kinds: dict[str, int]
    """Kind → entries, those of later versions included."""
    torn_bytes: int
    """Bytes behind the last entry that are none: an interruption left them, and the next entry settles them."""

    @property
    def ok(self) -> bool:
        """Whether no problem was found."""
        return not self.problem_count


class Checker:
    """The state of one verification."""

    def __init__(
        self,
        head: Head | None,
        anchor: Head | None,
        start: int = 0,
        before: bytes | None = START,
        key: PublicKey | None = None,
    ) -> None:
        """The entries begin with number `start`, after the chain's digest `before` and signed with `key`."""
        self._head, self._anchor = head, anchor
        self._accepted = anchor.size if anchor else 0
        """A loss is a problem until a later head was anchored: whoever keeps that one has taken note."""
        self._start = self._next = start
        self._chain = before
        self._keys = [key] if key else []
        self._marks = {mark.size: mark.digest for mark in (head, anchor) if mark}
        self._seen: dict[int, bytes] = {}
        self._time = ""
        self._omitted = 0
        self._faults: Counter[Fault] = Counter()
        self._problems: list[Problem] = []
        self._recoveries: list[Recovery] = []
        self._clock_steps: list[ClockStep] = []
        self._kinds: Counter[str] = Counter()

    @property
    def next(self) -> int:
        """The number that the next entry must have."""
        return self._next

    @property
    def key(self) -> PublicKey | None:
        """The key in force."""
        return self._keys[-1] if self._keys else None

    def problem(self, fault: Fault, detail: str, sequence: int | None = None, where: str = "") -> None:
        """Note a problem."""
        self._faults[fault] += 1
        if self._faults[fault] <= MAX_KEPT:
            self._problems.append(Problem(fault, detail, sequence, where))

    def line(self, data: bytes, where: str) -> None:
        """The next line, without its newline."""
        try:
            entry = parsed(data)
        except Malformed as error:
            self.problem(Fault.FORM, str(error), self._next, where)
            self._next, self._chain = self._next + 1, None
            return
        self._check_place(entry, where)
        self._check_signature(entry, where)
        self._observe(entry)
        self._advance(entry.sequence, linked(entry.previous, hashed(data)))

    def omitted(self, first: int, hashes: Iterable[bytes], where: str) -> None:
        """Entries that were left out, by the hashes that stand for them."""
        if first != self._next:
            self.problem(Fault.SEQUENCE, f"entry {first} where {self._next} was due", first, where)
        for sequence, value in enumerate(hashes, first):
            self._omitted += 1
            self._advance(sequence, linked(self._chain, value) if self._chain else None)

    def finish(self, torn_bytes: int = 0) -> Report:
        """The report."""
        if self._head:
            self._check_mark(self._head, Fault.HEAD, "the head beside the entries")
        if self._anchor:
            self._check_mark(self._anchor, Fault.ANCHOR, "the anchor")
        held = self._anchor and self._seen.get(self._anchor.size) == self._anchor.digest
        return Report(
            start=self._start,
            size=self._next,
            digest=self._chain or b"",
            omitted=self._omitted,
            keys=tuple(self._keys),
            anchored_size=self._anchor.size if self._anchor and held else None,
            problems=tuple(self._problems),
            problem_count=self._faults.total(),
            recoveries=tuple(self._recoveries),
            clock_steps=tuple(self._clock_steps),
            kinds=dict(self._kinds),
            torn_bytes=torn_bytes,
        )

    def _check_place(self, entry: Entry, where: str) -> None:
        if entry.sequence != self._next:
            detail = f"entry {entry.sequence} where {self._next} was due"
            self.problem(Fault.SEQUENCE, detail, entry.sequence, where)
        if self._chain is not None and entry.previous != self._chain:
            self.problem(Fault.CHAIN, "does not follow the entry before", entry.sequence, where)
        if entry.sequence == 0 and (entry.kind, entry.previous) != (Kind.LEDGER_OPENED, START):
            self.problem(Fault.FORM, "the first entry does not open a ledger", 0, where)

    def _check_signature(self, entry: Entry, where: str) -> None:
        if entry.kind == Kind.LEDGER_OPENED and entry.sequence == 0:
            self._keys = []
            self._take_key(entry, where)
        if entry.kind == Kind.LEDGER_RECOVERED and entry.facts.get("key") != self._current:
            if entry.sequence >= self._accepted:
                detail = "from here on another key signs, which the one before did not name"
                self.problem(Fault.KEY, detail, entry.sequence, where)
            self._take_key(entry, where)
        key = self.key
        if key is None or not key.verifies(entry.signature, entry.message):
            self.problem(Fault.SIGNATURE, "not signed with the ledger's key", entry.sequence, where)
        elif entry.kind == Kind.KEY_ROTATED:
            self._take_key(entry, where)

    @property
    def _current(self) -> str:
        return self._keys[-1].text if self._keys else ""

    def _take_key(self, entry: Entry, where: str) -> None:
        try:
            self._keys.append(public_key(entry.facts.get("key")))
        except Malformed as error:
            self.problem(Fault.KEY, str(error), entry.sequence, where)

    def _observe(self, entry: Entry) -> None:
        self._kinds[entry.kind] += 1
        if entry.kind == Kind.LEDGER_RECOVERED:
            self._observe_recovery(Recovery(entry.sequence, entry.time, str(entry.facts.get("reason"))))
        if entry.time < self._time and len(self._clock_steps) < MAX_KEPT:
            back = datetime.fromisoformat(self._time) - datetime.fromisoformat(entry.time)
            self._clock_steps.append(ClockStep(entry.sequence, back.total_seconds()))
        self._time = entry.time

    def _observe_recovery(self, recovery: Recovery) -> None:
        if len(self._recoveries) < MAX_KEPT:
            self._recoveries.append(recovery)
        if recovery.reason != Reason.TORN and recovery.sequence >= self._accepted:
            detail = f"the ledger recorded a loss on {recovery.time}: {recovery.reason}"
            self.problem(Fault.LOSS, detail, recovery.sequence)

    def _advance(self, sequence: int, chain: bytes | None) -> None:
        self._next, self._chain = sequence + 1, chain
        if chain is not None and self._next in self._marks:
            self._seen[self._next] = chain

    def _check_mark(self, mark: Head, fault: Fault, what: str) -> None:
        """A head must be of a digest that the chain had, and signed with one of its keys."""
        if mark.key not in self._keys:
            self.problem(
                fault, f"{what} is signed with {mark.key.fingerprint}, which is no key of this ledger"
            )
        if mark.size > self._next:
            gone = mark.size - self._next
            self.problem(
                fault, f"{what} has {mark.size} entries: the last {gone} are missing here", self._next
            )
        elif mark.size <= self._start:
            self.problem(fault, f"{what} is of entry {mark.size - 1}, which is not among these")
        elif self._seen.get(mark.size) != mark.digest:
            self.problem(fault, f"{what} is of other entries up to this one", mark.size - 1)
