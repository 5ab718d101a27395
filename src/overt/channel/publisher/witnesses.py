"""Cosignatures for the log's newest checkpoint (c2sp.org/tlog-witness), by post or by files that a person carries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from overt.channel.publisher.desk import Answer, Post
from overt.core.errors import ChannelError, EgressError, LogError, Malformed
from overt.store import atomic
from overt.tlog import witness as protocol
from overt.tlog.merkle import TreeHead
from overt.tlog.note import Note
from overt.tlog.policy import Policy, Witness
from overt.tlog.reader import LogReader
from overt.tlog.signing import Verified
from overt.tlog.witness import AddCheckpoint, Status

ATTEMPTS = 3
"""Requests to one witness: the first guess of what it knows, its correction, and one more for a race."""
CLIENTS = "Clients keep the release they have until then"
"""What too few cosignatures mean for a channel."""
MAX_AGE_S = 12 * 3600
"""Seconds for which a cosignature that a person carried in is used: clients refuse those of 24 hours."""


class WaitingForWitnesses(ChannelError):
    """The log has the release, and too few witnesses have cosigned it yet; nothing that clients read has changed."""


class Asker(Protocol):
    """Who asks witnesses: a publisher's desk, or whoever else keeps a log."""

    @property
    def requests(self) -> Path:
        """The folder in which requests are left for a person to send, and responses looked for."""

    @property
    def now(self) -> Callable[[], datetime]:
        """The clock."""

    @property
    def post(self) -> Post | None:
        """The way to witnesses that have a URL; None: all are asked by files."""


class _OtherHistory(ChannelError):
    """A witness has seen this log otherwise than it is here."""


@dataclass
class _Round:
    """One round of asking: what was got, and why the rest was not."""

    asked: Note
    note: Note
    got: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    contradicted: bool = False
    """Whether a witness has seen the log otherwise."""


def collect(
    asker: Asker,
    note: Note,
    policy: Policy,
    reader: LogReader,
    former: Iterable[Witness] = (),
    meanwhile: str = CLIENTS,
) -> Note:
    """`note` with the cosignatures of all witnesses that answer. Raises `WaitingForWitnesses` below the quorum.

    A witness is asked through `asker.post` when it has a URL and there is one; else its request is left as a file, and
    a file beside it with the response is read. `former` witnesses, which earlier roots named, are asked by post for
    what they still give: a client that holds such a root wants its own witnesses to vouch for the new one. `meanwhile`
    says what holds below the quorum.
    """
    round = _Round(note, note)
    for witness in policy.witnesses:
        try:
            _ask(asker, round, witness, reader)
        except (LogError, EgressError, ChannelError, OSError) as error:
            round.failed[witness.name] = " ".join(str(error).split())
            round.contradicted |= isinstance(error, _OtherHistory)
    if not policy.satisfied_by(round.got):
        raise WaitingForWitnesses(f"{_said(asker, policy, round)}. {meanwhile}")
    for path in asker.requests.glob("witness-*"):
        path.unlink()
    present = {witness.key for witness in policy.witnesses}
    for witness in former:
        if witness.key not in present and _posts(asker, witness):
            with suppress(LogError, EgressError, ChannelError, OSError):
                _ask(asker, round, witness, reader)
    return round.note


def _ask(asker: Asker, round: _Round, witness: Witness, reader: LogReader) -> None:
    old_size = max(0, reader.head.size - 1)
    for _ in range(ATTEMPTS):
        request = AddCheckpoint(old_size, _proof(reader, old_size), round.asked)
        answer = _answer(asker, witness, request.encode())
        if answer.status == Status.CONFLICT:
            old_size = _known(answer.body, reader.head)
            continue
        if answer.status == Status.UNPROCESSABLE:
            raise _OtherHistory(f"it has cosigned another history of this log: {_shown(answer.body)}")
        if answer.status != Status.OK:
            raise ChannelError(f"refused with {answer.status}: {_shown(answer.body)}")
        found = _cosignatures(asker, round.asked, witness, request, answer.body)
        round.note = round.note.signed_also(tuple(one.signature for one in found))
        round.got.add(witness.name)
        return
    raise ChannelError("it contradicted itself about what it knows")


def _cosignatures(
    asker: Asker, note: Note, witness: Witness, request: AddCheckpoint, body: bytes
) -> tuple[Verified, ...]:
    """The witness's, verified. One that was carried in for an older checkpoint makes room for a new request."""
    try:
        found = protocol.collect(note, body, [witness.key])
        if not _posts(asker, witness):
            _check_age(found[0].timestamp_s or 0, asker)
            request_files(asker, witness)[0].unlink(missing_ok=True)  # answered: nothing to send any more
        return found
    except LogError:
        if not _posts(asker, witness):
            _ask_again(asker, witness, request.encode())
        raise


def _posts(asker: Asker, witness: Witness) -> bool:
    return asker.post is not None and bool(witness.url)


def _proof(reader: LogReader, old_size: int) -> tuple[bytes, ...]:
    return reader.consistency_proof(old_size) if old_size else ()


def _known(body: bytes, head: TreeHead) -> int:
    """What the witness has seen. More than there is means that somebody signed another log with this key."""
    size = protocol.parse_conflict(body)
    if size > head.size:
        raise _OtherHistory(f"it knows {size} entries and there are {head.size}")
    return size


def _answer(asker: Asker, witness: Witness, request: bytes) -> Answer:
    if asker.post is not None and witness.url:
        return asker.post(f"{witness.url.rstrip('/')}/{protocol.ADD_CHECKPOINT_PATH}", request)
    return _carried(asker, witness, request)


def _carried(asker: Asker, witness: Witness, request: bytes) -> Answer:
    """The response that a person put beside the request file: signature lines, or the size that the witness knows."""
    asked, answered = request_files(asker, witness)
    body = answered.read_bytes() if answered.exists() else b""
    if body[:1].isdigit() and not request.startswith(b"old " + body):
        return Answer(Status.CONFLICT, body)
    if body and not body[:1].isdigit():
        return Answer(Status.OK, body)
    _ask_again(asker, witness, request)
    raise ChannelError(f"no answer to {asked.name} yet")


def _ask_again(asker: Asker, witness: Witness, request: bytes) -> None:
    asked, answered = request_files(asker, witness)
    atomic.write(asked, request)
    answered.unlink(missing_ok=True)


def request_files(asker: Asker, witness: Witness) -> tuple[Path, Path]:
    """Where a request for `witness` is left, and where its response is looked for."""
    safe = "".join(char if char.isalnum() and char.isascii() else "_" for char in witness.name)
    stem = f"witness-{safe}-{witness.key.key_id.hex()}"
    return asker.requests / f"{stem}.request", asker.requests / f"{stem}.response"


def _check_age(timestamp_s: int, asker: Asker) -> None:
    if timestamp_s < asker.now().timestamp() - MAX_AGE_S:
        raise Malformed("its carried cosignature is too old: ask again")


def _said(asker: Asker, policy: Policy, round: _Round) -> str:
    lines = [f"{name}: {reason}" for name, reason in round.failed.items()]
    how = (
        "this folder is an old copy, or the log key was used elsewhere; publish nothing before you know which"
        if round.contradicted
        else "try again later"
        if asker.post
        else f"send each {asker.requests}/witness-*.request to its witness (POST …/add-checkpoint), put the answer "
        "beside it as .response, and try again"
    )
    return (
        f"{len(round.got)} of {len(policy.witnesses)} witnesses cosigned, the policy wants more "
        f"({'; '.join(lines)}): {how}"
    )


def _shown(body: bytes) -> str:
    return repr(body[:200].decode("utf-8", "replace").strip())
