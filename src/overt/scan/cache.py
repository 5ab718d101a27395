"""The verdict cache: what was examined, unchanged since, by the same rules, need not be examined again.

One SQLite file per *generation* (rules, engine, limits, passwords): another generation never sees its verdicts.
A record covers up to `walk.CHUNK` files of one directory and is keyed by device, inode and chunk. A file's verdict
is served only if its name, inode, size, modification and change time (nanoseconds) are all as remembered.

What this trusts: that the kernel changes a file's *change time* whenever its content changes. No program can set a
change time (unlike the modification time, which `touch` and malware set at will) without writing to the raw disk
or moving the clock, both of which need root. See `scan.mounts` for where that holds, `Request.cache_after_s` for
memory-mapped writes. Findings that infect are never remembered: infected files are examined every time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path

import msgspec

from overt.core.limits import Limits
from overt.core.model import Examination

KEPT_GENERATIONS = 3

Known = tuple[int, int, int, int, str, bytes]
"""inode, size, modification ns, change ns, file type, and the encoded `Examination` (empty: clean, no note)."""
Key = tuple[int, int, int]

_decode = msgspec.msgpack.Decoder(dict[str, Known]).decode
_encode = msgspec.msgpack.Encoder().encode
_decode_examination = msgspec.msgpack.Decoder(Examination).decode


def generation(arsenal: str, limits: Limits, passwords: tuple[str, ...]) -> str:
    """Identity of everything besides the file that a verdict depends on; `arsenal` stands for rules and engine."""
    return hashlib.sha256(repr((arsenal, limits, passwords)).encode()).hexdigest()[:32]


def with_path(key: Key, folder: str) -> Key:
    """The key for rules that look at paths: another path to the same folder is another record."""
    path = hashlib.sha256(os.fsencode(os.path.abspath(folder))).digest()
    return key[0], key[1], int.from_bytes(path[:4], "little") << 24 | key[2] & 0xFF_FFFF


def encode(known: dict[str, Known]) -> bytes:
    """One record's bytes. Names that are not UTF-8 are left out: those files are examined every time."""
    try:
        return _encode(known)
    except UnicodeEncodeError:
        return _encode({name: value for name, value in known.items() if name.isprintable()})


def remembered(value: Known) -> Examination:
    """The examination as it was, with nothing read this time."""
    return _decode_examination(value[5]) if value[5] else Examination(kind=value[4])


def known(status: os.stat_result, examination: Examination) -> Known:
    """The record of one file."""
    plain = not examination.findings and not examination.gaps
    body = b"" if plain else _encode(examination)
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, examination.kind, body)


def same(value: Known, status: os.stat_result, key: Key) -> bool:
    """Whether the file is still the one remembered, on the device that its record is for."""
    return (
        value[3] == status.st_ctime_ns
        and value[0] == status.st_ino
        and value[1] == status.st_size
        and value[2] == status.st_mtime_ns
        and status.st_dev == key[0]
    )


class CacheReader:
    """The reader's side: opened before lock-down, read-only, a miss on any trouble."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        self.lookup((0, 0, 0))  # opens the write-ahead log's files while that is still possible

    def lookup(self, key: Key) -> dict[str, Known]:
        """File name → record for one chunk; empty when nothing (or nothing readable) is remembered."""
        try:
            row = self._database.execute(
                "SELECT files FROM chunk WHERE device = ? AND inode = ? AND part = ?", _row(key)
            ).fetchone()
            return _decode(row[0]) if row else {}
        except (sqlite3.Error, msgspec.MsgspecError):
            return {}


class CacheWriter:
    """The keeper's side. Several sessions may write at once: SQLite serialises them."""

    def __init__(self, folder: Path, generation: str) -> None:
        """Open or create the generation's file. Raises `OSError` or `sqlite3.Error` when that is not possible."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / f"verdicts-{generation}.sqlite"
        _forget_old(folder, self.path)
        self._database = sqlite3.connect(self.path, timeout=30)
        self.path.chmod(0o600)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS chunk (device INTEGER, inode INTEGER, part INTEGER, files BLOB NOT NULL, "
            "PRIMARY KEY (device, inode, part)) WITHOUT ROWID"
        )
        self._database.commit()
        os.utime(self.path)

    def store(self, key: Key, files: bytes) -> None:
        """Remember one chunk; durable after `commit`."""
        self._database.execute("INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?)", (*_row(key), files))

    def commit(self) -> None:
        """Make what was stored last."""
        self._database.commit()

    def close(self) -> None:
        """Commit and close."""
        self._database.commit()
        self._database.close()


def _row(key: Key) -> Key:
    """SQLite's integers are signed 64-bit; device and inode numbers are not."""
    device, inode, part = (number - (1 << 64) if number >= 1 << 63 else number for number in key)
    return device, inode, part


def _forget_old(folder: Path, current: Path) -> None:
    """Remove the generations that were not used for longest."""
    others = [path for path in folder.glob("verdicts-*.sqlite") if path != current]
    with contextlib.suppress(OSError):
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in others[KEPT_GENERATIONS - 1 :]:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
