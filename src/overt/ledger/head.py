"""The head of a ledger: how many entries, and the digest that stands for all of them, signed.

As text it is a signed note (c2sp.org/signed-note) of five lines: format, size, digest in base64, time, and the key.
It is no checkpoint of a tlog-tiles log: a ledger is a chain and has no tree. Whoever keeps a head outside the machine
(an *anchor*) can later show that the ledger still has exactly those entries in front.
"""

from __future__ import annotations

from dataclasses import dataclass

from overt.core.errors import LedgerError, LogError, Malformed
from overt.ledger.entry import FORMAT, checked_time
from overt.ledger.keys import PrivateKey, PublicKey, public_key
from overt.tlog import signing
from overt.tlog.note import Note, parse
from overt.tlog.text import MAX_NUMBER, decimal, hash_line, number, to_base64

MAX_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Head:
    """A signed head. Its signature was verified with the key in it; whose key that is, `verify` asks the ledger."""

    size: int
    """Entries, at least 1."""
    digest: bytes
    """The chain's digest after the last of them, 32 bytes."""
    time: str
    """When it was signed, as in an entry."""
    key: PublicKey
    note: str
    """The whole text: what is kept as an anchor."""

    @property
    def mark(self) -> tuple[int, bytes]:
        """What two heads of the same entries have in common."""
        return self.size, self.digest


def signed(size: int, digest: bytes, time: str, key: PrivateKey) -> Head:
    """A new head."""
    text = f"{FORMAT}\n{size}\n{to_base64(digest)}\n{time}\n{key.public.text}\n"
    note = Note(text, (signing.sign(text, key.signer),))
    return Head(number(size, "size"), digest, time, key.public, note.encode().decode())


def opened(data: bytes) -> Head:
    """The head that `data` is, its signature verified with its own key. Raises `Malformed` for anything else."""
    if len(data) > MAX_HEAD_BYTES:
        raise Malformed(f"a head has at most {MAX_HEAD_BYTES} bytes")
    note = parse(data)
    lines = note.text[:-1].split("\n")
    if len(lines) != 5 or lines[0] != FORMAT:
        raise Malformed(f"this is not a head of the format {FORMAT}")
    key = public_key(lines[4])
    size = decimal(lines[1], "size", MAX_NUMBER)
    try:
        signing.verify_any(note, (key.note_key,))
    except LogError as error:
        raise Malformed(str(error)) from None
    if size == 0:
        raise Malformed("a head of no entries")
    return Head(size, hash_line(lines[2], "digest"), checked_time(lines[3]), key, data.decode())


def anchor(data: bytes, name: str) -> Head:
    """The head kept in the file `name`. Raises `LedgerError`, which says what such a file is."""
    try:
        return opened(data)
    except Malformed as error:
        raise LedgerError(
            f"the anchor {name!r} can't be used ({error}): it must be what overt ledger head printed, unchanged"
        ) from None
