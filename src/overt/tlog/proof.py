"""One file that proves, offline, that an entry was logged and witnessed (c2sp.org/tlog-proof)."""

from __future__ import annotations

from dataclasses import dataclass

from overt.core.errors import Malformed
from overt.tlog.checkpoint import parse_text
from overt.tlog.merkle import verify_inclusion
from overt.tlog.note import MAX_NOTE_BYTES, Note
from overt.tlog.note import parse as parse_note
from overt.tlog.policy import Accepted, Policy
from overt.tlog.text import checked_proof, decimal, from_base64, hash_line, number, shown, to_base64

HEADER = "c2sp.org/tlog-proof@v1"

MAX_PROOF_BYTES = 2 * MAX_NOTE_BYTES
"""The checkpoint, the proof's lines, and the extra data, which this holds to about 700,000 bytes."""


@dataclass(frozen=True)
class LogProof:
    """An inclusion proof, leaf's sibling first, with its checkpoint. `extra` (empty: none) is *not* authenticated."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes = b""

    def __post_init__(self) -> None:
        number(self.index, "index of a log proof")
        checked_proof(self.hashes, "log proof")
        parse_text(self.checkpoint.text)

    def encode(self) -> bytes:
        """The file's bytes ("Format")."""
        extra = (f"extra {to_base64(self.extra)}",) if self.extra else ()
        lines = (HEADER, *extra, f"index {self.index}", *map(to_base64, self.hashes))
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint.encode()


def parse(data: bytes) -> LogProof:
    """The proof that `data` is. Raises `Malformed` for anything that would not encode to `data` again.

    Its checkpoint and its extra data mean nothing before `verify`.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise Malformed(f"log proof: {len(data)} bytes are more than {MAX_PROOF_BYTES}")
    head, _, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("log proof: its lines are not ASCII") from None
    if lines.pop(0) != HEADER:
        raise Malformed(f"log proof: it does not begin with {HEADER}")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0).removeprefix("extra "), "extra data of a log proof")
    index = _parse_index(lines.pop(0) if lines else "")
    hashes = tuple(hash_line(line, "hash of a log proof") for line in lines)
    proof = LogProof(index, hashes, parse_note(note), extra)
    if proof.encode() != data:
        raise Malformed("log proof: not in its canonical form")
    return proof


def verify(
    proof: LogProof, leaf: bytes, policy: Policy, after_s: int | None = None, before_s: int | None = None
) -> Accepted:
    """Check that the entry with leaf hash `leaf` is logged and witnessed as `policy` wants.

    The steps of "Verifying a tlog proof", in order: the log's signature, the quorum (`Policy.accept`, also for the two
    times), inclusion.
    Returns what was accepted. Raises `Unproven`, `PeerLied` or `Malformed`.
    """
    accepted = policy.accept(proof.checkpoint, after_s, before_s)
    verify_inclusion(leaf, proof.index, accepted.checkpoint.head, proof.hashes)
    return accepted


def _parse_index(line: str) -> int:
    word, _, digits = line.partition(" ")
    if word != "index":
        raise Malformed(f"log proof: {shown(line)} is not its index line")
    return decimal(digits, "index of a log proof")
