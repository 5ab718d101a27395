"""The monitor's SQLite file: its tables, and transactions that are durable when they end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overt.channel.monitor import shelf
from overt.core.errors import OvertError
from overt.store.folders import make_private

FILE = "monitor.sqlite"
VERSION = "1"
BUSY_TIMEOUT_S = 10.0

_SCHEMA = (
    shelf.SCHEMA
    + """
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE root (
    sha256 TEXT PRIMARY KEY, version INTEGER NOT NULL, serial INTEGER NOT NULL, data BLOB NOT NULL
) STRICT;
CREATE TABLE head (
    size INTEGER NOT NULL, root BLOB NOT NULL, source TEXT NOT NULL, note BLOB NOT NULL, seen_s INTEGER NOT NULL,
    checked INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (size, root)
) STRICT;
CREATE TABLE release (serial INTEGER PRIMARY KEY, leaf BLOB NOT NULL, sha256 TEXT NOT NULL, row TEXT NOT NULL) STRICT;
CREATE TABLE item (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, part TEXT NOT NULL, is_rule INTEGER NOT NULL, present INTEGER NOT NULL
) STRICT;
CREATE INDEX item_name ON item (name);
CREATE TABLE event (
    serial INTEGER NOT NULL, item TEXT NOT NULL, what TEXT NOT NULL, row TEXT NOT NULL, PRIMARY KEY (item, serial)
) STRICT;
CREATE INDEX event_serial ON event (serial);
CREATE TABLE program (
    idx INTEGER PRIMARY KEY, program TEXT NOT NULL, version TEXT NOT NULL, row TEXT NOT NULL, record BLOB NOT NULL
) STRICT;
CREATE TABLE review (key TEXT PRIMARY KEY, answer TEXT NOT NULL) STRICT;
CREATE TABLE condition (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, since_s INTEGER NOT NULL, alarm INTEGER
) STRICT;
CREATE TABLE alarm (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, serial INTEGER,
    time_s INTEGER NOT NULL, ended_s INTEGER, answer TEXT NOT NULL DEFAULT '', told_s INTEGER
) STRICT;
CREATE INDEX alarm_key ON alarm (kind, key);
CREATE TABLE evidence (
    alarm INTEGER NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (alarm, name)
) STRICT;
CREATE TABLE dirty (page TEXT PRIMARY KEY) STRICT;
"""
)


class MonitorError(OvertError):
    """The monitor's own state can't be used, or it was started for something else than before."""


class Database:
    """One connection, and what all that is kept in it needs."""

    def __init__(self, folder: Path) -> None:
        """Open the file in `folder`, or begin it."""
        self._path = folder / FILE
        with self._explained():
            make_private(folder)
            self._path.touch(0o600)
            self._database = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA temp_store = MEMORY")  # it may write nowhere else than in `folder`
        with self._transaction():
            if not self._rows("SELECT 1 FROM sqlite_master WHERE name = 'fact'"):
                for statement in _SCHEMA.split(";"):
                    self._database.execute(statement)
                self._set("version", VERSION)
        if self.fact("version") != VERSION:
            raise MonitorError(f"{self._path} was made by another version of Overt: use a new folder")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def fact(self, name: str) -> str:
        """A fact by name; empty when it was never set."""
        rows = self._rows("SELECT value FROM fact WHERE name = ?", name)
        return str(rows[0][0]) if rows else ""

    def _soil(self, *pages: str) -> None:
        self._database.executemany("INSERT OR IGNORE INTO dirty VALUES (?)", [(page,) for page in pages])

    def _set(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._explained():
            return self._database.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise MonitorError(f"the monitor's state {self._path} can't be used: {error}") from error
