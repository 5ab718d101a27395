"""Everything a monitor has seen: one SQLite file, a transaction per release.

A monitor that is killed anywhere has either taken a release in, with its changes, problems and alarms, or has not.
Pages that are out of date because of it are named in the same transaction, and rendered by whoever runs next.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from overt.channel.monitor import shelf
from overt.channel.monitor.alarm import Alarm
from overt.channel.monitor.alarms import Alarms
from overt.channel.monitor.database import MonitorError
from overt.channel.monitor.record import (
    Event,
    ItemRow,
    ProgramRow,
    ReleaseRow,
    RootRow,
    SeenHead,
)
from overt.tlog.merkle import EMPTY_TREE, TreeHead


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
    events: tuple[Event, ...]
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Near:
    """A release whose bundle is kept: its serial, the bundle's SHA-256 and bytes."""

    serial: int
    sha256: str
    data: bytes


class State(Alarms):
    """One connection; one process at a time follows a channel with it. Methods raise `MonitorError`."""

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
            self._record(row.serial, taken.events)
            for alarm in taken.alarms:
                self._raise(alarm, now_s)
            if head is not None:
                self._set("head", f"{head.size} {head.root.hex()}")
            self._soil("index", f"release {row.serial}", f"release {row.serial - 1}")

    def record(self, serial: int, events: tuple[Event, ...], row: ReleaseRow) -> None:
        """Replace what a release is said to change: the one before it arrived late."""
        with self._transaction():
            self._database.execute("UPDATE release SET row = ? WHERE serial = ?", (row.encode(), serial))
            self._record(serial, events)
            self._soil("index", f"release {serial}")

    def amend(self, row: ReleaseRow) -> None:
        """Replace what is known of a release, but for its changes."""
        with self._transaction():
            self._database.execute("UPDATE release SET row = ? WHERE serial = ?", (row.encode(), row.serial))
            self._soil("index", f"release {row.serial}")

    def _record(self, serial: int, events: Sequence[Event]) -> None:
        old = self._rows("SELECT item FROM event WHERE serial = ?", serial)
        self._database.execute("DELETE FROM event WHERE serial = ?", (serial,))
        for event in events:
            self._database.execute(
                "INSERT OR IGNORE INTO item VALUES (?, ?, ?, ?, 0)",
                (event.item, event.name, event.part, event.is_rule),
            )
            self._database.execute(
                "INSERT INTO event VALUES (?, ?, ?, ?)", (serial, event.item, event.what, event.encode())
            )
        for id in {row[0] for row in old} | {event.item for event in events}:
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

    # programs

    def take_program(
        self, row: ProgramRow, record: bytes, head: TreeHead | None, alarms: Sequence[Alarm], now_s: int
    ) -> None:
        """Store an entry of a program's log; `head` as for `take_in`."""
        with self._transaction():
            if head is not None and head.size != self.head.size + 1:
                raise MonitorError(f"{self._path}: another monitor works on this folder: stop one of them")
            values = (row.index, row.program, row.version, row.encode(), record)
            self._database.execute("INSERT OR REPLACE INTO program VALUES (?, ?, ?, ?, ?)", values)
            for alarm in alarms:
                self._raise(alarm, now_s)
            if head is not None:
                self._set("head", f"{head.size} {head.root.hex()}")

    def program(self, index: int) -> ProgramRow | None:
        """An entry by its index."""
        rows = self._rows("SELECT row FROM program WHERE idx = ?", index)
        return ProgramRow.parse(rows[0][0]) if rows else None

    def programs(self) -> list[ProgramRow]:
        """Entries, newest first."""
        return [ProgramRow.parse(row[0]) for row in self._rows("SELECT row FROM program ORDER BY idx DESC")]

    def programs_of(self, program: str, version: str, before: int) -> list[ProgramRow]:
        """Entries of one version before an index."""
        statement = "SELECT row FROM program WHERE program = ? AND version = ? AND idx < ? ORDER BY idx"
        return [ProgramRow.parse(row[0]) for row in self._rows(statement, program, version, before)]

    def record_before(self, program: str, index: int) -> bytes | None:
        """The record of the program's release before an index, if it is kept."""
        rows = self._rows(
            "SELECT record FROM program WHERE program = ? AND idx < ? AND record != x'' "
            "ORDER BY idx DESC LIMIT 1",
            program,
            index,
        )
        return bytes(rows[0][0]) if rows else None

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


def _item(row: tuple[Any, ...]) -> ItemRow:
    id, name, part, is_rule, present = row
    return ItemRow(id, name, part, bool(is_rule), bool(present))
