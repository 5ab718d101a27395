"""Exports: entries as they stand, that another person can verify without this machine.

The first line says what follows; then one line per entry, or hashes that stand for entries which were left out:

    {"export":"overt-ledger-export/1","head":…,"key":…,"kinds":…,"prev":…,"start":N,"stop":N}
    {"facts":{…},"kind":…,…}
    {"omitted":{"first":N,"hashes":["…",…]}}

`prev` is the chain's digest before the first entry and `key` the key in force there; `head` is the signed head when
the export reaches it, else null. Entries in which the ledger speaks of itself are never left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overt.core import canonical
from overt.core.errors import LedgerError, Malformed
from overt.ledger.entry import Entry, hashed
from overt.ledger.head import Head, opened
from overt.ledger.keys import PublicKey, public_key
from overt.ledger.kinds import OWN
from overt.ledger.reading import entries, read_head

FORMAT = "overt-ledger-export/1"
MAX_HASHES = 500
"""Hashes in one line."""
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Header:
    """The first line."""

    start: int
    stop: int
    before: bytes
    """The chain's digest before the first entry."""
    key: PublicKey
    kinds: tuple[str, ...] | None
    """Kinds that were asked for; None: all."""
    head: Head | None

    def encode(self) -> bytes:
        """The line, without its newline."""
        return canonical.encode(
            {
                "export": FORMAT,
                "head": self.head.note if self.head else None,
                "key": self.key.text,
                "kinds": self.kinds,
                "prev": self.before.hex(),
                "start": self.start,
                "stop": self.stop,
            }
        )


def header(line: bytes) -> Header:
    """The header that `line` is. Raises `Malformed`."""
    try:
        members = canonical.decode(line)
    except canonical.NotCanonical as error:
        raise Malformed(f"the first line is {error}") from None
    if not isinstance(members, dict) or members.get("export") != FORMAT:
        raise Malformed(f"the first line does not say that this is {FORMAT}")
    match members:
        case {"kinds": None | list() as kinds, "prev": str() as before, "start": int(), "stop": int()}:
            found = Header(
                members["start"],
                members["stop"],
                _digest(before),
                public_key(members.get("key")),
                None if kinds is None else tuple(map(str, kinds)),
                opened(members["head"].encode()) if isinstance(members.get("head"), str) else None,
            )
            if 0 <= found.start <= found.stop and found.encode() == line:
                return found
    raise Malformed("the first line is not as it should be")


def omitted(line: bytes) -> tuple[int, list[bytes]] | None:
    """Number of the first entry left out and the hashes, when `line` is that; None for any other line."""
    if not line.startswith(b'{"omitted":'):
        return None
    try:
        members: Any = canonical.decode(line)["omitted"]
        if set(members) == {"first", "hashes"} and isinstance(members["first"], int):
            return members["first"], [_digest(value) for value in members["hashes"]]
    except (canonical.NotCanonical, TypeError):
        pass
    raise Malformed("hashes of entries left out are not as they should be")


def export(
    folder: Path,
    write: Callable[[bytes], object],
    start: int = 0,
    stop: int | None = None,
    kinds: Collection[str] | None = None,
) -> int:
    """Write the entries from `start` to before `stop` (None: all) and return how many of them are written out.

    With `kinds`, entries of others are left out. Raises `LedgerError` when there are none, and `OSError` of `write`.
    """
    head = _head(folder)
    end = head.size if stop is None else min(stop, head.size)
    if start >= end:
        raise LedgerError(
            f"the ledger has {head.size} entries, numbered from 0: none from {start} to before {end}"
        )
    before, key = _origin(folder, start)
    chosen = None if kinds is None else tuple(sorted(kinds))
    first = Header(start, end, before, key, chosen, head if end == head.size else None)
    write(first.encode() + b"\n")
    count = 0
    for line, is_entry in _lines(entries(folder, start, end), kinds):
        write(line + b"\n")
        count += is_entry
    return count


def _lines(found: Iterator[Entry], kinds: Collection[str] | None) -> Iterator[tuple[bytes, bool]]:
    """The lines of an export, and whether each is an entry."""
    hashes: list[str] = []
    first = 0
    for entry in found:
        wanted = kinds is None or entry.kind in kinds or entry.kind in OWN
        if hashes and (wanted or len(hashes) == MAX_HASHES):
            yield _omission(first, hashes), False
            hashes = []
        if wanted:
            yield entry.line, True
        else:
            first = first if hashes else entry.sequence
            hashes.append(hashed(entry.line).hex())
    if hashes:
        yield _omission(first, hashes), False


def _omission(first: int, hashes: list[str]) -> bytes:
    return canonical.encode({"omitted": {"first": first, "hashes": hashes}})


def _head(folder: Path) -> Head:
    try:
        head = read_head(folder)
    except (Malformed, OSError) as error:
        raise LedgerError(f"the ledger's head can't be read ({error}): see overt ledger verify") from None
    if head is None:
        raise LedgerError(
            f"there is no ledger in {str(folder)!r}, or it has lost its head: see overt ledger verify"
        )
    return head


def _origin(folder: Path, start: int) -> tuple[bytes, PublicKey]:
    """The chain's digest before the entry `start`, and the key in force there."""
    key, before = None, b""
    for entry in entries(folder, 0, start + 1):
        before = entry.previous
        if entry.kind in OWN and (key is None or entry.sequence < start):
            key = entry.facts.get("key")
    try:
        return before, public_key(key)
    except Malformed as error:
        raise LedgerError(f"the ledger does not name its key ({error}): see overt ledger verify") from None


def _digest(value: object) -> bytes:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise Malformed("a digest is not 64 lower-case hexadecimal digits")
    return bytes.fromhex(value)
