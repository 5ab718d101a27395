"""Witnessing (c2sp.org/tlog-witness, "add-checkpoint"): requests, responses, and a witness's decision, without I/O.

A server calls `respond` with the request's body and the tree head it has stored for the log. When the answer is
`Cosigned`, it must replace the stored `old` by `new` *by compare-and-set*, durably, before it sends anything; when the
stored head was no longer `old`, it calls `respond` again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from overt.core.errors import LogError, Malformed, PeerLied, Unproven
from overt.tlog.checkpoint import Checkpoint, parse_text
from overt.tlog.keys import Signer, VerifierKey
from overt.tlog.merkle import EMPTY_TREE, TreeHead, verify_consistency
from overt.tlog.note import MAX_NOTE_BYTES, Note, Signature, encode_signatures, parse_signatures
from overt.tlog.note import parse as parse_note
from overt.tlog.signing import Verified, cosign, verify, verify_any
from overt.tlog.text import checked_proof, decimal, hash_line, number, shown, to_base64

MAX_REQUEST_BYTES = MAX_NOTE_BYTES + 4096
"""A checkpoint, 63 lines of proof and the old size."""

ADD_CHECKPOINT_PATH = "add-checkpoint"
"""Below the witness's submission prefix; POST."""

CONFLICT_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"


class Status(IntEnum):
    """The HTTP status codes that the specification gives each outcome."""

    OK = 200
    BAD_REQUEST = 400
    FORBIDDEN = 403
    NOT_FOUND = 404
    CONFLICT = 409
    UNPROCESSABLE = 422


@dataclass(frozen=True)
class AddCheckpoint:
    """A request to cosign: the size the log believes the witness knows, the proof from there, the new checkpoint."""

    old_size: int
    proof: tuple[bytes, ...]
    note: Note

    def __post_init__(self) -> None:
        number(self.old_size, "old size")
        checked_proof(self.proof, "consistency proof")
        parse_text(self.note.text)

    @property
    def checkpoint(self) -> Checkpoint:
        """What the log asks to have cosigned. Not verified: good for looking up what is known of its origin."""
        return parse_text(self.note.text)

    def encode(self) -> bytes:
        """The request's body."""
        lines = (f"old {self.old_size}", *map(to_base64, self.proof))
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.note.encode()


@dataclass(frozen=True)
class Cosigned:
    """Store `new` in place of `old`, then answer `body` with status 200."""

    old: TreeHead | None
    new: TreeHead
    signatures: tuple[Signature, ...]
    note: Note
    """The checkpoint with the verified signatures of its log and the new ones: what monitors are served."""

    @property
    def status(self) -> Status:
        """Always `Status.OK`."""
        return Status.OK

    @property
    def body(self) -> bytes:
        """The response: the witness's signature lines."""
        return encode_signatures(self.signatures).encode()

    @property
    def content_type(self) -> str:
        """The response's `Content-Type`."""
        return TEXT_TYPE


@dataclass(frozen=True)
class Refused:
    """Nothing is stored and nothing signed. `reason` is for people: the witness's log, or a client's terminal."""

    status: Status
    reason: str
    known_size: int | None = None

    @property
    def body(self) -> bytes:
        """The response: for a conflict the known size and a newline, else the reason."""
        return (f"{self.reason}\n" if self.known_size is None else f"{self.known_size}\n").encode(
            "utf-8", "replace"
        )

    @property
    def content_type(self) -> str:
        """The response's `Content-Type`."""
        return TEXT_TYPE if self.known_size is None else CONFLICT_TYPE


def parse_request(body: bytes) -> AddCheckpoint:
    """The request that `body` is. Raises `Malformed` for anything that would not encode to `body` again."""
    if len(body) > MAX_REQUEST_BYTES:
        raise Malformed(f"add-checkpoint: {len(body)} bytes are more than {MAX_REQUEST_BYTES}")
    head, _, note = body.partition(b"\n\n")
    try:
        old, *proof = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("add-checkpoint: its lines are not ASCII") from None
    word, _, digits = old.partition(" ")
    if word != "old":
        raise Malformed(f"add-checkpoint: {shown(old)} is not its old size line")
    hashes = tuple(hash_line(line, "consistency proof") for line in proof)
    request = AddCheckpoint(decimal(digits, "old size"), hashes, parse_note(note))
    if request.encode() != body:
        raise Malformed("add-checkpoint: not in its canonical form")
    return request


def respond(
    body: bytes,
    logs: Mapping[str, Sequence[VerifierKey]],
    known: Callable[[str], TreeHead | None],
    signers: Sequence[Signer],
    now_s: int,
) -> Cosigned | Refused:
    """The answer to a request's body; `logs` maps the origins that are witnessed to the keys trusted for each.

    `known` gives the tree head last cosigned for an origin (`None`: never); it is asked for known origins only.
    """
    try:
        request = parse_request(body)
    except Malformed as error:
        return Refused(Status.BAD_REQUEST, str(error))
    origin = request.checkpoint.origin
    keys = logs.get(origin)
    if keys is None:
        return Refused(Status.NOT_FOUND, f"log {shown(origin)} is not witnessed here")
    return decide(request, keys, known(origin), signers, now_s)


def decide(
    request: AddCheckpoint,
    log_keys: Sequence[VerifierKey],
    known: TreeHead | None,
    signers: Sequence[Signer],
    now_s: int,
) -> Cosigned | Refused:
    """Cosign or refuse, by the specification's checks in its order. `log_keys` are those trusted for this origin.

    `now_s` is the cosignatures' time (seconds since the Epoch). Raises only what a signer raises.
    """
    try:
        log_lines = verify_any(request.note, log_keys)
    except LogError as error:
        return Refused(Status.FORBIDDEN, str(error))
    checkpoint, old = request.checkpoint, known or EMPTY_TREE
    if request.old_size > checkpoint.head.size:
        return Refused(Status.BAD_REQUEST, f"old size {request.old_size} is more than {checkpoint.head.size}")
    if request.old_size != old.size:
        return Refused(
            Status.CONFLICT, f"the last size cosigned is {old.size}, not {request.old_size}", old.size
        )
    try:
        verify_consistency(old, checkpoint.head, request.proof)
    except PeerLied as error:
        return Refused(Status.UNPROCESSABLE, str(error))
    made = tuple(cosign(checkpoint, signer, now_s) for signer in signers)
    served = Note(request.note.text, tuple({line.key: line.signature for line in log_lines}.values()))
    return Cosigned(known, checkpoint.head, made, served.signed_also(made))


def collect(note: Note, body: bytes, witness_keys: Iterable[VerifierKey]) -> tuple[Verified, ...]:
    """The cosignatures by `witness_keys` on `note` in a witness's response of status 200; add them by `signed_also`.

    Lines of other keys are ignored, as the specification says. Raises `Unproven` when no other line is there,
    `PeerLied` for a signature that does not verify, `Malformed` for a body of anything but signature lines or a
    cosignature without a time.
    """
    if len(body) > MAX_NOTE_BYTES:
        raise Malformed(f"witness's response: {len(body)} bytes are more than {MAX_NOTE_BYTES}")
    try:
        lines = parse_signatures(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("witness's response: not UTF-8") from None
    found = verify(Note(note.text, lines), witness_keys)
    if not found:
        raise Unproven("witness's response: no cosignature by a key that is known for this witness")
    if not all(line.timestamp_s for line in found):
        raise Malformed("witness's response: a cosignature without a time")
    return found


def parse_conflict(body: bytes) -> int:
    """The size that a witness has last cosigned, from its response of status 409. Raises `Malformed`."""
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    if not text.endswith("\n"):
        raise Malformed("witness's response: a conflict must state the known size on one line")
    return decimal(text[:-1], "size that the witness knows")


def monitoring_path(origin: str) -> str:
    """Where, below its monitoring prefix, a witness serves its newest checkpoint of a log ("Monitor Retrieval")."""
    return f"{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"
