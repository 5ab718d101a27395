"""A request's answer: decided by `overt.tlog.witness`, made durable, and only then signed.

The order is what a witness is worth. A process that is killed anywhere has either not yet taken the new head on, and
has signed nothing, or it has, and will never sign another history, whether or not its answer got out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus

from overt.channel.witness.state import LogRow, Refusal, State
from overt.core.errors import WitnessError
from overt.tlog import witness as protocol
from overt.tlog.checkpoint import parse_text
from overt.tlog.keys import Signer
from overt.tlog.note import encode_signatures
from overt.tlog.signing import cosign
from overt.tlog.text import shown
from overt.tlog.witness import TEXT_TYPE, Cosigned, Refused, Status

ATTEMPTS = 5
"""Decisions on one request while other processes advance the same log."""

RETRY_AFTER_S = 60
"""What a log is told to wait while the archive catches up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, and the line that the operator reads about it."""

    status: int
    body: bytes
    said: str
    content_type: str = TEXT_TYPE
    headers: tuple[tuple[str, str], ...] = ()


def unix_now() -> int:
    """Seconds since the Epoch, by this machine's clock."""
    return int(time.time())


class Office:
    """Answers requests. Safe between threads and processes: the state's compare-and-set decides."""

    def __init__(self, state: State, signers: Sequence[Signer], now_s: Callable[[], int] = unix_now) -> None:
        self._state, self._signers, self._now_s = state, tuple(signers), now_s

    def add_checkpoint(self, body: bytes) -> Answer:
        """The answer to the body of an add-checkpoint request. Status 503 when nothing could be decided."""
        try:
            for _ in range(ATTEMPTS):
                answer = self._attempt(body)
                if answer:
                    return answer
        except WitnessError as error:
            return _unavailable("the witness can't store its state: nothing was cosigned", str(error))
        return _unavailable("this log is being advanced by others: ask again", "it was busy")

    def checkpoint(self, origin_sha256: str) -> Answer:
        """The newest cosigned checkpoint of a log, for monitors ("Monitor Retrieval")."""
        try:
            for origin in self._state.logs():
                if sha256(origin.encode()).hexdigest() == origin_sha256:
                    note = self._state.checkpoint(origin)
                    if note:
                        return Answer(Status.OK, note, f"checkpoint of {shown(origin)}: served")
        except WitnessError as error:
            return _unavailable("the witness can't read its state", str(error))
        return Answer(Status.NOT_FOUND, b"nothing cosigned for such a log\n", "checkpoint: none such")

    def _attempt(self, body: bytes) -> Answer | None:
        """One decision; `None` when another process was faster."""
        logs = self._state.logs()
        trusted = {origin: row.keys for origin, row in logs.items()}
        now_s = self._now_s()
        decision = protocol.respond(body, trusted, lambda origin: logs[origin].head, (), now_s)
        if isinstance(decision, Refused):
            return self._refused(body, decision, now_s)
        row = logs[parse_text(decision.note.text).origin]
        if row.source and decision.new.size and not self._state.is_approved(row.origin, decision.new):
            return self._not_archived(row, decision)
        if not self._state.advance(row.origin, decision.old, decision.new):
            return None
        return self._cosigned(row, decision, now_s)

    def _cosigned(self, row: LogRow, decision: Cosigned, now_s: int) -> Answer:
        checkpoint = parse_text(decision.note.text)
        made = tuple(cosign(checkpoint, signer, now_s) for signer in self._signers)
        note = decision.note.signed_also(made)
        self._state.cosigned(row.origin, decision.new, note.encode(), now_s)
        old = decision.old.size if decision.old else 0
        said = f"{shown(row.origin)} {old} -> {decision.new.size}: cosigned"
        return Answer(Status.OK, encode_signatures(made).encode(), said)

    def _refused(self, body: bytes, decision: Refused, now_s: int) -> Answer:
        """What a known log signed and must not have signed is kept as evidence; all else is only said."""
        where = ""
        if decision.status in (Status.CONFLICT, Status.UNPROCESSABLE):
            note = protocol.parse_request(body).note
            checkpoint = parse_text(note.text)
            where = f"{shown(checkpoint.origin)} {checkpoint.head.size}: "
            if decision.status == Status.UNPROCESSABLE:
                self._state.refuse(Refusal(checkpoint.origin, now_s, decision.reason, note.encode()))
        said = f"{where}refused, {int(decision.status)}: {decision.reason}"
        return Answer(decision.status, decision.body, said, decision.content_type)

    def _not_archived(self, row: LogRow, decision: Cosigned) -> Answer:
        known = self._state.approved(row.origin)
        refusals = self._state.refusals(row.origin, 1)
        newer = refusals and (known is None or refusals[0].time_s >= known[1])
        why = f"; it refused: {refusals[0].reason}" if newer else ""
        reason = (
            f"this witness cosigns what it has stored and reviewed, which is {known[0].size if known else 0} "
            f"of {decision.new.size} releases: ask again later{why}"
        )
        return _unavailable(reason, f"{shown(row.origin)} {decision.new.size}: not archived yet")


def _unavailable(reason: str, said: str) -> Answer:
    headers = (("Retry-After", str(RETRY_AFTER_S)),)
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(status, f"{reason}\n".encode(), f"refused, {int(status)}: {said}", headers=headers)
