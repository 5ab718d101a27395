"""Bundles in little room: each as a patch from the one before it, every so often one whole."""

from __future__ import annotations

import sqlite3

from overt.channel import delta

CHAIN = 24
"""Patches in a row at most."""

SCHEMA = """
CREATE TABLE bundle (
    sha256 TEXT PRIMARY KEY, base TEXT NOT NULL, depth INTEGER NOT NULL, data BLOB NOT NULL
) STRICT;
"""


def put(database: sqlite3.Connection, sha256: str, data: bytes, base: str) -> None:
    """Keep a bundle (uncompressed bytes) within the open transaction; `base` is one that is kept, or empty."""
    if has(database, sha256):
        return
    row = database.execute("SELECT depth FROM bundle WHERE sha256 = ?", (base,)).fetchone()
    old = get(database, base) if row and row[0] + 1 < CHAIN else None
    if old is not None and delta.patchable(old, data):
        values = (sha256, base, row[0] + 1, delta.make_patch(old, data))
    else:
        values = (sha256, "", 0, delta.compress(data))
    database.execute("INSERT INTO bundle VALUES (?, ?, ?, ?)", values)


def has(database: sqlite3.Connection, sha256: str) -> bool:
    """Whether the bundle is kept."""
    return database.execute("SELECT 1 FROM bundle WHERE sha256 = ?", (sha256,)).fetchone() is not None


def get(database: sqlite3.Connection, sha256: str) -> bytes | None:
    """A bundle's bytes. Raises `LogError` when the disk changed them."""
    chain: list[tuple[str, str, bytes]] = []
    while sha256:
        row = database.execute("SELECT base, data FROM bundle WHERE sha256 = ?", (sha256,)).fetchone()
        if row is None:
            return None
        chain.append((sha256, row[0], row[1]))
        sha256 = row[0]
    data: bytes | None = None
    for name, _, stored in reversed(chain):
        data = delta.decompress(stored, name) if data is None else delta.apply_patch(data, stored, name)
    return data
