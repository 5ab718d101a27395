"""Alarms and what lasts, as they are kept."""

from __future__ import annotations

from typing import Any

from overt.channel.monitor.alarm import LASTING, Alarm, Kind, readable
from overt.channel.monitor.database import Database
from overt.channel.monitor.record import AlarmRow, Condition


class Alarms(Database):
    """What was raised, told, answered, and what lasts now."""

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


def _alarm(row: tuple[Any, ...], evidence: tuple[str, ...]) -> AlarmRow:
    id, kind, key, text, serial, time_s, ended_s, answer, told_s = row
    return AlarmRow(id, Kind(kind), key, text, serial, time_s, ended_s, answer, told_s, evidence)
