"""What was gathered for a bundle, with whole digests: published lists can be read and compared by anyone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from overt.channel.bundle import HashEntry
from overt.core.model import Severity
from overt.engine.hashset import DIGEST_BYTES, Label
from overt.rules.intake import Intake

ALGORITHM = {size: name for name, size in DIGEST_BYTES.items()}


class Collected(Intake):
    """An intake that keeps whole digests, sorted on disk."""

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        self._table = sqlite3.connect(scratch / "hashes.sqlite", isolation_level=None)
        self._table.execute("PRAGMA synchronous=OFF")
        self._table.execute(
            "CREATE TABLE hash (sections, bytes, digest, line, PRIMARY KEY (sections, bytes, digest))"
        )
        self._table.execute("BEGIN")

    def hash(self, digest: bytes, label: Label, size: int = -1, of_sections: bool = False) -> None:
        severity = Severity(label.severity).value
        entry = HashEntry(
            digest.hex(), label.name, size, severity, label.description, label.reference, label.author
        )
        self._table.execute(
            "INSERT OR IGNORE INTO hash VALUES (?, ?, ?, ?)",
            (of_sections, len(digest), digest, entry.encode()),
        )

    def lists(self) -> Iterator[tuple[str, bool, bytes, int]]:
        """Algorithm, whether of sections, the list's bytes and its number of entries."""
        kinds = self._table.execute("SELECT sections, bytes, count(*) FROM hash GROUP BY 1, 2").fetchall()
        for sections, size, count in kinds:
            wanted = "SELECT line FROM hash WHERE sections = ? AND bytes = ? ORDER BY digest"
            data = b"".join(row[0] for row in self._table.execute(wanted, (sections, size)))
            yield ALGORITHM[size], bool(sections), data, count

    def close(self) -> None:
        """Let go of the scratch folder."""
        self._table.close()
