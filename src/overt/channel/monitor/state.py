"""Everything a monitor has seen: one SQLite file, a transaction per release.

A monitor that is killed anywhere has either taken a release in, with its changes, problems and alarms, or has not.
Pages that are out of date because of it are named in the same transaction, and rendered by whoever runs next.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overt.channel.monitor import shelf
from overt.channel.monitor.alarm import LASTING, Alarm, Kind, readable
from overt.channel.monitor.changes import Change
from overt.channel.monitor.record import (
    AlarmRow,
    Condition,
    Event,
    ItemRow,
    ReleaseRow,
    RootRow,
    SeenHead,
    event_of,
)
from overt.core.errors import OvertError
from overt.store.folders import make_private
from overt.tlog.merkle import EMPTY_TREE, TreeHead

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


@dataclass(frozen=True, slots=True)
class TakenIn:
    """A release and all that is stored with it in one transaction."""

    row: ReleaseRow
    leaf: bytes
    root: RootRow | None
    """A root that was not known before."""
    bundles: tuple[tuple[str, bytes], ...]
    """SHA-256 and uncompressed bytes."""
    base: str
    """SHA-256 of the bundle that patches are made from."""
    changes: tuple[Change, ...]
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Near:
    """A release whose bundle is kept: its serial, the bundle's SHA-256 and bytes."""

    serial: int
    sha256: str
    data: bytes


class State:
    """One connection; one process at a time follows a channel with it. Methods raise `MonitorError`."""

    def __init__(self, folder: Path) -> None:
        """Open the file in `folder`, or begin it."""
        self._path = folder / FILE
        with self._explained():
            make_private(folder)
            self._path.touch(0o600)
            self._database = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
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

    # what it is about

    def fact(self, name: str) -> str:
        """A fact by name; empty when it was never set."""
        rows = self._rows("SELECT value FROM fact WHERE name = ?", name)
        return str(rows[0][0]) if rows else ""

    def settle(self, name: str, value: str) -> None:
        """Set a fact that must never be another afterwards."""
        known = self.fact(name)
        if known and known != value:
            raise MonitorError(
                f"{self._path} follows {name} {known!r}, not {value!r}: use a folder for each channel"
            )
        self.note(name, value)

    def note(self, name: str, value: str) -> None:
        """Set a fact."""
        with self._transaction():
            self._set(name, value)

    def looked(self, now_s: int) -> None:
        """A round ended: the overview says when."""
        with self._transaction():
            self._set("looked_s", str(now_s))
            self._soil("index")

    # releases

    @property
    def head(self) -> TreeHead:
        """The tree of all releases taken in."""
        known = self.fact("head")
        size, _, root = known.partition(" ")
        return TreeHead(int(size), bytes.fromhex(root)) if known else EMPTY_TREE

    def take_in(self, taken: TakenIn, head: TreeHead | None, now_s: int) -> None:
        """Store a release; `head`: the tree that it is the last leaf of, None for one that was stored as missing."""
        row = taken.row
        with self._transaction():
            if head is not None and head.size != self.head.size + 1:
                raise MonitorError(f"{self._path}: another monitor works on this folder: stop one of them")
            values = (row.serial, taken.leaf, row.bundle, row.encode())
            self._database.execute("INSERT OR REPLACE INTO release VALUES (?, ?, ?, ?)", values)
            if taken.root:
                root = taken.root
                self._database.execute(
                    "INSERT OR IGNORE INTO root VALUES (?, ?, ?, ?)",
                    (root.sha256, root.version, root.serial, root.data),
                )
            for sha256, data in taken.bundles:
                shelf.put(self._database, sha256, data, taken.base)
            self._record(row.serial, taken.changes)
            for alarm in taken.alarms:
                self._raise(alarm, now_s)
            if head is not None:
                self._set("head", f"{head.size} {head.root.hex()}")
            self._soil("index", f"release {row.serial}", f"release {row.serial - 1}")

    def record(self, serial: int, changes: tuple[Change, ...], row: ReleaseRow) -> None:
        """Replace what a release is said to change: the one before it arrived late."""
        with self._transaction():
            self._database.execute("UPDATE release SET row = ? WHERE serial = ?", (row.encode(), serial))
            self._record(serial, changes)
            self._soil("index", f"release {serial}")

    def amend(self, row: ReleaseRow) -> None:
        """Replace what is known of a release, but for its changes."""
        with self._transaction():
            self._database.execute("UPDATE release SET row = ? WHERE serial = ?", (row.encode(), row.serial))
            self._soil("index", f"release {row.serial}")

    def _record(self, serial: int, changes: Iterable[Change]) -> None:
        old = self._rows("SELECT item FROM event WHERE serial = ?", serial)
        self._database.execute("DELETE FROM event WHERE serial = ?", (serial,))
        for change in changes:
            item = change.item
            self._database.execute(
                "INSERT OR IGNORE INTO item VALUES (?, ?, ?, ?, 0)",
                (item.id, item.name, item.part, item.is_rule),
            )
            event = event_of(serial, change)
            self._database.execute(
                "INSERT INTO event VALUES (?, ?, ?, ?)", (serial, item.id, change.what.value, event.encode())
            )
        for id in {row[0] for row in old} | {change.item.id for change in changes}:
            self._database.execute(
                "UPDATE item SET present = coalesce((SELECT what != 'vanished' FROM event WHERE item = ?1 "
                "ORDER BY serial DESC LIMIT 1), 0) WHERE id = ?1",
                (id,),
            )
            self._soil(f"rule {id}")

    def release(self, serial: int) -> ReleaseRow | None:
        """A release by its serial."""
        rows = self._rows("SELECT row FROM release WHERE serial = ?", serial)
        return ReleaseRow.parse(rows[0][0]) if rows else None

    def releases(self, limit: int = -1) -> list[ReleaseRow]:
        """Releases, newest first."""
        rows = self._rows("SELECT row FROM release ORDER BY serial DESC LIMIT ?", limit)
        return [ReleaseRow.parse(row[0]) for row in rows]

    def leaf(self, serial: int) -> bytes:
        """A release as the log has it."""
        return bytes(self._rows("SELECT leaf FROM release WHERE serial = ?", serial)[0][0])

    def missing(self) -> list[int]:
        """Serials of releases something of which could not be fetched yet."""
        statement = "SELECT serial FROM release WHERE json_extract(row, '$.missing') != '' ORDER BY serial"
        return [row[0] for row in self._rows(statement)]

    def bundle_near(self, serial: int, after: bool = False) -> Near | None:
        """The nearest release before (or after) `serial` whose bundle of rules is kept."""
        sign, order = (">", "ASC") if after else ("<", "DESC")
        rows = self._rows(
            f"SELECT serial, sha256 FROM release JOIN bundle USING (sha256) WHERE serial {sign} ? "
            f"ORDER BY serial {order} LIMIT 1",
            serial,
        )
        with self._explained():
            data = shelf.get(self._database, rows[0][1]) if rows else None
        return Near(rows[0][0], rows[0][1], data) if rows and data is not None else None

    def bundle(self, sha256: str) -> bytes | None:
        """A bundle that is kept."""
        with self._explained():
            return shelf.get(self._database, sha256)

    def roots(self) -> list[RootRow]:
        """Roots, oldest first."""
        rows = self._rows("SELECT sha256, version, serial, data FROM root ORDER BY serial, version")
        return [RootRow(*row) for row in rows]

    # rules

    def item(self, id: str) -> ItemRow | None:
        """An item with its events, oldest first."""
        rows = self._rows("SELECT id, name, part, is_rule, present FROM item WHERE id = ?", id)
        return _item(rows[0]) if rows else None

    def items(self, name: str | None = None) -> list[ItemRow]:
        """All items, or those of one name, in the order of their names."""
        where, values = ("WHERE name = ?", (name,)) if name is not None else ("", ())
        rows = self._rows(
            f"SELECT id, name, part, is_rule, present FROM item {where} ORDER BY lower(name), name, part, id",
            *values,
        )
        return [_item(row) for row in rows]

    def events(self, *, item: str | None = None, serial: int | None = None) -> list[Event]:
        """Events of an item (oldest first) or of a release."""
        if item is not None:
            rows = self._rows("SELECT row FROM event WHERE item = ? ORDER BY serial", item)
        else:
            rows = self._rows("SELECT row FROM event WHERE serial = ?", serial)
        return [Event.parse(row[0]) for row in rows]

    def touched(self) -> dict[str, tuple[int, int]]:
        """Item ID → serials of its first and last event."""
        return {
            row[0]: (row[1], row[2])
            for row in self._rows("SELECT item, min(serial), max(serial) FROM event GROUP BY item")
        }

    # reviews

    def review(self, key: str) -> Any:
        """A remembered review; None for none."""
        rows = self._rows("SELECT answer FROM review WHERE key = ?", key)
        return json.loads(rows[0][0]) if rows else None

    def remember(self, reviews: Iterable[tuple[str, object]]) -> None:
        """Keep reviews: they are what their rules' texts and this version of Overt make them."""
        with self._transaction():
            for key, answer in reviews:
                self._database.execute(
                    "INSERT OR REPLACE INTO review VALUES (?, ?)", (key, json.dumps(answer))
                )

    # checkpoints

    def see(self, head: TreeHead, source: str, note: bytes, now_s: int) -> list[SeenHead]:
        """Keep a signed head; the others of its size that have another root."""
        with self._transaction():
            self._database.execute(
                "INSERT OR IGNORE INTO head (size, root, source, note, seen_s) VALUES (?, ?, ?, ?, ?)",
                (head.size, head.root, source, note, now_s),
            )
        return [one for one in self.heads(head.size) if one.head != head]

    def heads(self, size: int) -> list[SeenHead]:
        """The signed heads of this size; one, when there is one history."""
        rows = self._rows("SELECT size, root, source, note FROM head WHERE size = ?", size)
        return [SeenHead(TreeHead(row[0], row[1]), row[2], row[3]) for row in rows]

    def unchecked(self) -> list[SeenHead]:
        """Signed heads that were not yet compared with the log."""
        rows = self._rows("SELECT size, root, source, note FROM head WHERE NOT checked ORDER BY size")
        return [SeenHead(TreeHead(row[0], row[1]), row[2], row[3]) for row in rows]

    def newest_note(self, size: int) -> SeenHead | None:
        """The largest head that was compared with the log, of at most `size` releases."""
        rows = self._rows(
            "SELECT size, root, source, note FROM head WHERE checked AND size <= ? ORDER BY size DESC LIMIT 1",
            size,
        )
        return SeenHead(TreeHead(rows[0][0], rows[0][1]), rows[0][2], rows[0][3]) if rows else None

    def checked(self, head: TreeHead) -> None:
        """It was compared."""
        with self._transaction():
            self._database.execute(
                "UPDATE head SET checked = 1 WHERE size = ? AND root = ?", (head.size, head.root)
            )

    # alarms

    def alarm(self, alarm: Alarm, now_s: int) -> bool:
        """Raise an alarm, once for its occasion; whether it was new."""
        with self._transaction():
            return self._raise(alarm, now_s)

    def _raise(self, alarm: Alarm, now_s: int) -> bool:
        answered = "" if alarm.kind in LASTING else "OR answer != ''"
        known = self._rows(
            f"SELECT 1 FROM alarm WHERE kind = ? AND key = ? AND (ended_s IS NULL {answered})",
            alarm.kind.value,
            alarm.key,
        )
        if known:
            return False
        made = self._database.execute(
            "INSERT INTO alarm (kind, key, text, serial, time_s) VALUES (?, ?, ?, ?, ?)",
            (alarm.kind.value, alarm.key, readable(alarm.text), alarm.serial, now_s),
        )
        for name, data in alarm.evidence.items():
            self._database.execute("INSERT INTO evidence VALUES (?, ?, ?)", (made.lastrowid, name, data))
        self._soil("index")
        return True

    def hold(self, alarm: Alarm, now_s: int, patience_s: int) -> None:
        """Something lasts: it becomes an alarm when it has done so for `patience_s` seconds."""
        text = readable(alarm.text)
        with self._transaction():
            known = self._rows("SELECT since_s, alarm, text FROM condition WHERE key = ?", alarm.key)
            if not known:
                self._database.execute(
                    "INSERT INTO condition VALUES (?, ?, ?, ?, NULL)",
                    (alarm.key, alarm.kind.value, text, now_s),
                )
            elif known[0][2] != text:
                self._database.execute(
                    "UPDATE condition SET text = ?, kind = ? WHERE key = ?",
                    (text, alarm.kind.value, alarm.key),
                )
            if not known or known[0][2] != text:
                self._soil("index")
            since_s = known[0][0] if known else now_s
            if now_s - since_s >= patience_s and not (known and known[0][1]):
                self._raise(alarm, now_s)
                self._database.execute("UPDATE condition SET alarm = 1 WHERE key = ?", (alarm.key,))

    def end(self, key: str, now_s: int) -> None:
        """What lasted is over; nothing happens when nothing did."""
        if not self._rows("SELECT 1 FROM condition WHERE key = ?", key):
            return
        with self._transaction():
            self._database.execute("DELETE FROM condition WHERE key = ?", (key,))
            self._database.execute(
                "UPDATE alarm SET ended_s = ? WHERE key = ? AND ended_s IS NULL", (now_s, key)
            )
            self._soil("index")

    def conditions(self) -> list[Condition]:
        """What lasts now, longest first."""
        rows = self._rows("SELECT key, kind, text, since_s, alarm FROM condition ORDER BY since_s, key")
        return [Condition(row[0], Kind(row[1]), row[2], row[3], bool(row[4])) for row in rows]

    def alarms(self, limit: int = -1, untold: bool = False) -> list[AlarmRow]:
        """Alarms, newest first; `untold`: those that no alarm command took yet, oldest first."""
        where, order = ("WHERE told_s IS NULL", "ASC") if untold else ("", "DESC")
        rows = self._rows(
            f"SELECT id, kind, key, text, serial, time_s, ended_s, answer, told_s FROM alarm {where} "
            f"ORDER BY id {order} LIMIT ?",
            limit,
        )
        return [_alarm(row, self._evidence_names(row[0])) for row in rows]

    def _evidence_names(self, id: int) -> tuple[str, ...]:
        rows = self._rows("SELECT name FROM evidence WHERE alarm = ? ORDER BY name", id)
        return tuple(row[0] for row in rows)

    def evidence(self, id: int) -> dict[str, bytes]:
        """The evidence of an alarm."""
        return dict(self._rows("SELECT name, data FROM evidence WHERE alarm = ? ORDER BY name", id))

    def last_alarm(self) -> int:
        """The newest alarm's number; 0 for none."""
        return int(self._rows("SELECT coalesce(max(id), 0) FROM alarm")[0][0])

    def acknowledge(self, id: int, answer: str, now_s: int) -> bool:
        """End an alarm with an answer that the site shows; whether there was one that stood."""
        with self._transaction():
            changed = self._database.execute(
                "UPDATE alarm SET ended_s = ?, answer = ? WHERE id = ? AND ended_s IS NULL",
                (now_s, readable(answer), id),
            )
            self._soil("index")
            return changed.rowcount == 1

    def told(self, id: int, now_s: int) -> None:
        """The alarm command took it."""
        with self._transaction():
            self._database.execute("UPDATE alarm SET told_s = ? WHERE id = ?", (now_s, id))

    # pages

    def dirty(self) -> set[str]:
        """Pages that are out of date."""
        return {row[0] for row in self._rows("SELECT page FROM dirty")}

    def soil_all(self) -> None:
        """Every page is out of date."""
        with self._transaction():
            self._soil("index")
            self._database.execute("INSERT OR IGNORE INTO dirty SELECT 'release ' || serial FROM release")
            self._database.execute("INSERT OR IGNORE INTO dirty SELECT 'rule ' || id FROM item")

    def clean(self, pages: Iterable[str]) -> None:
        """They were written."""
        with self._transaction():
            self._database.executemany("DELETE FROM dirty WHERE page = ?", [(page,) for page in pages])

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


def _item(row: tuple[Any, ...]) -> ItemRow:
    id, name, part, is_rule, present = row
    return ItemRow(id, name, part, bool(is_rule), bool(present))


def _alarm(row: tuple[Any, ...], evidence: tuple[str, ...]) -> AlarmRow:
    id, kind, key, text, serial, time_s, ended_s, answer, told_s = row
    return AlarmRow(id, Kind(kind), key, text, serial, time_s, ended_s, answer, told_s, evidence)
