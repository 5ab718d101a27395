"""SQLite databases (format 3): a table of text and one of noise."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.noise import Noise

VERSION_OFFSET = 96
"""Where the library's own version number is (SQLite file format, section 1.3): made the same everywhere."""
VERSION = 3_040_001
PAGE_BYTES = 512
"""Small pages: little of the file is empty."""
BLOB_BYTES = 1_000


def build(content: Content, noise: Noise) -> bytes:
    """A database of records."""
    rows = [(content.marking, content.token), *((line, "") for line in content.sentences)]
    blobs = [(noise.incompressible(BLOB_BYTES),) for _ in range(max(1, content.noise_bytes // BLOB_BYTES))]
    return database(
        (
            ("CREATE TABLE notes (title TEXT, reference TEXT)", "INSERT INTO notes VALUES (?, ?)", rows),
            ("CREATE TABLE scans (picture BLOB)", "INSERT INTO scans VALUES (?)", blobs),
        )
    )


Table = tuple[str, str, Iterable[tuple[object, ...]]]
"""The statement that makes it, the one that inserts, and the rows."""


def database(tables: Iterable[Table], pragmas: tuple[str, ...] = ()) -> bytes:
    """A database file of `tables`."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        for pragma in pragmas:
            connection.execute(pragma)
        for create, insert, rows in tables:
            connection.execute(create)
            connection.executemany(insert, rows)
        connection.commit()
        data = bytearray(connection.serialize())
    finally:
        connection.close()
    data[VERSION_OFFSET : VERSION_OFFSET + 4] = VERSION.to_bytes(4, "big")
    return bytes(data)


FORMATS = (Format("sqlite", ".db", build),)
