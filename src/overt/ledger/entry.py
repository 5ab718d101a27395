"""One entry: a line of canonical JSON with its number, time, predecessor and signature. Pure.

    {"facts":{…},"kind":"…","prev":"…","seq":N,"sig":"…","time":"…"}

The signature is Ed25519 over `CONTEXT` and the same object without its member `sig`. `prev` is the chain's digest
before this entry: SHA-256(0x01 ‖ prev ‖ SHA-256(0x00 ‖ line)), 32 zero bytes at first. Hashing the line before it
goes into the chain lets an export leave an entry out (its hash stands for it) and still be verified.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from overt.core import canonical
from overt.core.errors import Malformed
from overt.ledger.kinds import Facts
from overt.tlog.text import from_base64, to_base64

FORMAT = "overt-ledger/1"
CONTEXT = b"overt-ledger-entry/1\n"
"""Signed before each entry, so that a signature of the key means nothing elsewhere."""
START = bytes(32)
"""The chain's digest before the first entry."""
MAX_LINE_BYTES = 64 * 1024
"""Longest line, without its newline."""

_TIME_BYTES = len('"time":"2026-03-01T09:12:00.000000Z"}')
"""The last member of an entry, `sig` being the one before it."""
_MEMBERS = ["facts", "kind", "prev", "seq", "sig", "time"]
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as it stands in the ledger. Its signature is verified by `overt.ledger.verify`, not by being here."""

    sequence: int
    """0, 1, 2, …"""
    time: str
    """UTC, RFC 3339 with microseconds, by the machine's clock: `2026-03-01T09:12:00.000000Z`."""
    kind: str
    """A `Kind`, or one of a later version."""
    facts: Facts
    previous: bytes = field(repr=False)
    """The chain's digest before this entry."""
    signature: bytes = field(repr=False)
    line: bytes = field(repr=False)
    """The entry's bytes without the newline."""

    @property
    def chain(self) -> bytes:
        """The chain's digest with this entry: it stands for everything up to here."""
        return linked(self.previous, hashed(self.line))

    @property
    def message(self) -> bytes:
        """What was signed."""
        return _message(self.sequence, self.time, self.kind, self.facts, self.previous)


def hashed(line: bytes) -> bytes:
    """The hash that stands for a line."""
    return hashlib.sha256(b"\x00" + line).digest()


def linked(previous: bytes, line_hash: bytes) -> bytes:
    """The chain's digest after one more line."""
    return hashlib.sha256(b"\x01" + previous + line_hash).digest()


def utc(moment: datetime | None = None) -> str:
    """The time of an entry, now unless said."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def written(
    sequence: int, time: str, kind: str, facts: Facts, previous: bytes, sign: Callable[[bytes], bytes]
) -> Entry:
    """A new entry. Raises `Malformed` when the facts have no canonical encoding or are too long."""
    try:
        message = _message(sequence, checked_time(time), kind, facts, previous)
    except canonical.NotCanonical as error:
        raise Malformed(f"facts of an entry {kind}: {error}") from None
    signature = sign(message)
    body = message.removeprefix(CONTEXT)
    line = b'%b"sig":"%b",%b' % (body[:-_TIME_BYTES], to_base64(signature).encode(), body[-_TIME_BYTES:])
    if len(line) > MAX_LINE_BYTES:
        raise Malformed(f"a line of more than {MAX_LINE_BYTES} bytes")
    kept = {name: list(fact) if isinstance(fact, tuple) else fact for name, fact in facts.items()}
    return Entry(sequence, time, _text(kind, "kind", _NAME), _facts(kept), previous, signature, line)


def parsed(line: bytes) -> Entry:
    """The entry that `line` (without newline) encodes. Raises `Malformed` unless it re-encodes to the same bytes."""
    if len(line) > MAX_LINE_BYTES:
        raise Malformed(f"a line of more than {MAX_LINE_BYTES} bytes")
    try:
        members = canonical.decode(line)
    except canonical.NotCanonical as error:
        raise Malformed(str(error)) from None
    if not isinstance(members, dict) or list(members) != _MEMBERS:
        raise Malformed(f"an entry has the members {', '.join(_MEMBERS)}, and these only")
    signature = _text(members["sig"], "sig", None)
    return Entry(
        sequence=_sequence(members["seq"]),
        time=checked_time(members["time"]),
        kind=_text(members["kind"], "kind", _NAME),
        facts=_facts(members["facts"]),
        previous=bytes.fromhex(_text(members["prev"], "prev", _DIGEST)),
        signature=_signature(signature),
        line=line,
    )


def _body(sequence: int, time: str, kind: str, facts: Facts, previous: bytes) -> dict[str, Any]:
    return {"facts": dict(facts), "kind": kind, "prev": previous.hex(), "seq": sequence, "time": time}


def _message(sequence: int, time: str, kind: str, facts: Facts, previous: bytes) -> bytes:
    return CONTEXT + canonical.encode(_body(sequence, time, kind, facts, previous))


def _text(value: object, what: str, shape: re.Pattern[str] | None) -> str:
    if not isinstance(value, str) or (shape is not None and not shape.fullmatch(value)):
        raise Malformed(f"{what} is not as it should be")
    return value


def _sequence(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Malformed("seq is not a number of at least 0")
    return value


def checked_time(value: object) -> str:
    """`value` when it is a time as `utc` writes it, in the calendar; raises `Malformed`."""
    text = _text(value, "time", _TIME)
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("time is not in the calendar") from None
    return text


def _signature(text: str) -> bytes:
    signature = from_base64(text, "sig")
    if len(signature) != 64:
        raise Malformed("sig is not 64 bytes")
    return signature


def _facts(value: object) -> Facts:
    if not isinstance(value, dict):
        raise Malformed("facts is not an object")
    for name, fact in value.items():
        if not _NAME.fullmatch(name):
            raise Malformed("a fact's name is not as it should be")
        for item in fact if isinstance(fact, list) else [fact]:
            if not (item is None or isinstance(item, str | int)):
                raise Malformed("a fact is neither a scalar nor a list of scalars")
    return value
