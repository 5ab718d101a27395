"""What a witness must never forget: SQLite, one row per log, changed only by compare-and-set.

Each change is one statement that is durable when it returns (write-ahead log, `synchronous = FULL`). Several processes
may use one file: an `UPDATE` that finds another head than the one decided upon changes no row, and says so.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overt.core.errors import WitnessError
from overt.tlog.keys import VerifierKey, parse_key
from overt.tlog.merkle import TreeHead

FILE = "witness.sqlite"
BUSY_TIMEOUT_S = 5.0
MAX_REFUSALS = 200
"""Refusals kept for each log, the newest."""

_SCHEMA = """
CREATE TABLE witness (place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE log (
    origin TEXT PRIMARY KEY,
    keys TEXT NOT NULL,
    source TEXT NOT NULL,
    size INTEGER,
    root BLOB,
    cosigned_s INTEGER,
    checkpoint BLOB
) STRICT;
CREATE TABLE approved (
    origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, time_s INTEGER NOT NULL, waiver TEXT NOT NULL,
    PRIMARY KEY (origin, size)
) STRICT;
CREATE TABLE refused (
    id INTEGER PRIMARY KEY, origin TEXT NOT NULL, time_s INTEGER NOT NULL, reason TEXT NOT NULL, evidence BLOB NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class LogRow:
    """A log that is witnessed."""

    origin: str
    keys: tuple[VerifierKey, ...]
    source: str
    """Where its channel's tree is, for an archive cosigner; empty: cosigned without an archive."""
    head: TreeHead | None
    """The last one cosigned, or about to be."""
    cosigned_s: int | None
    """Seconds since the Epoch of the last cosignature."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something of a known log that was not cosigned."""

    origin: str
    time_s: int
    reason: str
    evidence: bytes
    """What the log signed, when that is what was refused."""


class State:
    """One connection. Safe between threads; other processes have their own. Methods raise `WitnessError`."""

    def __init__(self, path: Path) -> None:
        """Open what `create` made: a lost history is an error, never begun anew."""
        self._path, self._lock = path, threading.Lock()
        with self._explained():
            self._database = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA temp_store = MEMORY")
            self._database.execute(
                "UPDATE witness SET key = key"
            )  # opens the write-ahead log before a lock-down

    @classmethod
    def create(cls, path: Path, keys: tuple[VerifierKey, ...]) -> None:
        """Make the file of a witness with these keys. Raises `WitnessError` when there is one."""
        if path.exists():
            raise WitnessError(f"{path} is there already: it holds a witness's history")
        path.touch(0o600)
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.executescript(f"BEGIN;{_SCHEMA}COMMIT;")
            database.executemany("INSERT INTO witness (key) VALUES (?)", [(key.encode(),) for key in keys])

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def own_keys(self) -> tuple[VerifierKey, ...]:
        """The witness's own keys, in the order in which it signs."""
        return tuple(parse_key(text) for (text,) in self._rows("SELECT key FROM witness ORDER BY place"))

    def logs(self) -> dict[str, LogRow]:
        """Origin → log."""
        rows = self._rows("SELECT origin, keys, source, size, root, cosigned_s FROM log ORDER BY origin")
        return {row[0]: _log_row(row) for row in rows}

    def log(self, origin: str) -> LogRow | None:
        """The log of this origin, if it is witnessed."""
        rows = self._rows(
            "SELECT origin, keys, source, size, root, cosigned_s FROM log WHERE origin = ?", origin
        )
        return _log_row(rows[0]) if rows else None

    def add_log(self, origin: str, keys: tuple[VerifierKey, ...], source: str) -> None:
        """Witness a log, or change the keys and source of one; what was cosigned of it stays."""
        self._change(
            "INSERT INTO log (origin, keys, source) VALUES (?, ?, ?) "
            "ON CONFLICT (origin) DO UPDATE SET keys = excluded.keys, source = excluded.source",
            origin,
            "\n".join(key.encode() for key in keys),
            source,
        )

    def advance(self, origin: str, old: TreeHead | None, new: TreeHead) -> bool:
        """Replace `old` by `new`, durably; False, and nothing is changed, when the head was no longer `old`."""
        known = (old.size, old.root) if old else (None, None)
        statement = "UPDATE log SET size = ?, root = ? WHERE origin = ? AND size IS ? AND root IS ?"
        return self._change(statement, new.size, new.root, origin, *known) == 1

    def cosigned(self, origin: str, head: TreeHead, note: bytes, time_s: int) -> None:
        """Keep the cosigned checkpoint for monitors, unless a newer head was taken on since."""
        statement = "UPDATE log SET checkpoint = ?, cosigned_s = ? WHERE origin = ? AND size = ? AND root = ?"
        self._change(statement, note, time_s, origin, head.size, head.root)

    def checkpoint(self, origin: str) -> bytes | None:
        """The last cosigned checkpoint."""
        rows = self._rows("SELECT checkpoint FROM log WHERE origin = ?", origin)
        return rows[0][0] if rows else None

    def approve(self, origin: str, head: TreeHead, time_s: int, waiver: str = "") -> None:
        """Record that everything in this tree was stored and reviewed; `waiver`: why its last release was not."""
        statement = "INSERT INTO approved VALUES (?, ?, ?, ?, ?)"
        self._change(statement, origin, head.size, head.root, time_s, waiver)

    def waivers(self, origin: str) -> list[tuple[int, str]]:
        """Serials of the releases that were approved without inspection of their bundles, and the reason written."""
        statement = "SELECT size - 1, waiver FROM approved WHERE origin = ? AND waiver != '' ORDER BY size"
        return [(serial, reason) for serial, reason in self._rows(statement, origin)]

    def is_approved(self, origin: str, head: TreeHead) -> bool:
        """Whether everything in this tree was stored and reviewed."""
        statement = "SELECT 1 FROM approved WHERE origin = ? AND size = ? AND root = ?"
        return bool(self._rows(statement, origin, head.size, head.root))

    def approved(self, origin: str) -> tuple[TreeHead, int] | None:
        """The largest tree that was approved, and when."""
        statement = "SELECT size, root, time_s FROM approved WHERE origin = ? ORDER BY size DESC LIMIT 1"
        rows = self._rows(statement, origin)
        return (TreeHead(rows[0][0], rows[0][1]), rows[0][2]) if rows else None

    def refuse(self, refusal: Refusal) -> None:
        """Record a refusal; one like the last of its log is not repeated."""
        one = (refusal.origin, refusal.time_s, refusal.reason, refusal.evidence)
        last = self.refusals(refusal.origin, 1)
        if last and (last[0].reason, last[0].evidence) == (refusal.reason, refusal.evidence):
            self._change(
                "UPDATE refused SET time_s = ? WHERE id = (SELECT max(id) FROM refused WHERE origin = ?)",
                refusal.time_s,
                refusal.origin,
            )
            return
        self._change("INSERT INTO refused (origin, time_s, reason, evidence) VALUES (?, ?, ?, ?)", *one)
        self._change(
            "DELETE FROM refused WHERE origin = ?1 AND id <= "
            "(SELECT id FROM refused WHERE origin = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            refusal.origin,
            MAX_REFUSALS,
        )

    def refusals(self, origin: str, limit: int = MAX_REFUSALS) -> list[Refusal]:
        """Refusals of a log, newest first."""
        statement = (
            "SELECT origin, time_s, reason, evidence FROM refused WHERE origin = ? ORDER BY id DESC LIMIT ?"
        )
        return [Refusal(*row) for row in self._rows(statement, origin, limit)]

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, self._explained():
            return self._database.execute(statement, values).fetchall()

    def _change(self, statement: str, *values: object) -> int:
        """How many rows one statement changed; durable."""
        with self._lock, self._explained():
            return self._database.execute(statement, values).rowcount

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise WitnessError(f"the witness's state {self._path} can't be used: {error}") from error


def _log_row(row: tuple[Any, ...]) -> LogRow:
    origin, keys, source, size, root, cosigned_s = row
    head = None if size is None else TreeHead(size, root)
    return LogRow(origin, tuple(parse_key(key) for key in keys.split("\n")), source, head, cosigned_s)
