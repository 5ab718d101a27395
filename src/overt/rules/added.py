"""Rule sets added on this machine: one folder each, which appears and disappears by one rename.

    rules/NAME/set.rules            what it is, and its YARA texts (layout below)
    rules/NAME/ALGORITHM.hashes     its hashes of files (`overt.engine.hashset`)
    rules/NAME/ALGORITHM.sections.hashes

`set.rules`: 8 bytes magic, 32 bytes SHA-256 of the rest, one zstd frame of MessagePack (`Added`). Nothing is stored
as plain text, so that no scanner takes the store of rules for what they describe.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from overt.core.errors import PackError, UsageError
from overt.rules.intake import Intake
from overt.store import atomic

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"OVERTSR1"
SET_FILE = "set.rules"
LOCK_FILE = "lock.sqlite"
HASH_SUFFIX = ".hashes"
MAX_PROBLEMS = 1_000
"""Problems kept with a set; `--report` writes all of them when it is added."""
LOCK_WAIT_S = 600.0
_UNFINISHED = "."
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Added(msgspec.Struct, frozen=True):
    """One added rule set but for its hashes."""

    name: str
    author: str = ""
    licence: str = ""
    origin: str = ""
    """What the user named when adding it."""
    added_at: str = ""
    """ISO 8601, UTC."""
    texts: dict[str, str] = {}
    """YARA text by source name."""
    hashes: int = 0
    problems: tuple[str, ...] = ()
    problem_count: int = 0
    notes: tuple[str, ...] = ()


def folder(data: Path) -> Path:
    """Where sets are kept under the data folder."""
    return data / "rules"


def valid_name(name: str) -> str:
    """`name` if it can name a set. Raises `UsageError`."""
    if not _NAME.fullmatch(name) or name == "base":
        raise UsageError(
            f"{name!r} can't name a rule set: use letters, digits, '.', '_', '-' (and not 'base')"
        )
    return name


def names(data: Path) -> list[str]:
    """Names of the sets, sorted."""
    place = folder(data)
    return sorted(entry.name for entry in place.iterdir() if _is_set(entry)) if place.is_dir() else []


def _is_set(entry: Path) -> bool:
    return not entry.name.startswith(_UNFINISHED) and (entry / SET_FILE).is_file()


def read(data: Path, name: str) -> Added:
    """One set. Raises `UsageError` when there is none of this name, `PackError` when it is damaged."""
    path = folder(data) / valid_name(name) / SET_FILE
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"no rule set is called {name!r}: 'overt rules list' shows them") from None
    return _decoded(stored, path)


def identity(data: Path, name: str) -> str:
    """Checksum of one set's texts as it stands in its file, without reading them."""
    with open(folder(data) / name / SET_FILE, "rb") as file:
        return file.read(40)[8:].hex()


def hash_paths(data: Path) -> list[Path]:
    """The hash files of all sets."""
    return [path for name in names(data) for path in sorted((folder(data) / name).glob(f"*{HASH_SUFFIX}"))]


def store(data: Path, wanted: Added, fill: Callable[[Intake], object]) -> tuple[Added, Intake]:
    """Add the set `wanted` with what `fill` puts into the intake. All of it is there afterwards, or nothing is,
    also after a kill. Raises `UsageError` when the name is taken or nothing was carried over."""
    place = folder(data)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(data):
        _sweep(place)
        target = place / valid_name(wanted.name)
        if target.exists():
            raise UsageError(
                f"a rule set {wanted.name!r} is there already: choose another --name, or remove it first"
            )
        work = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=place))
        try:
            stored, intake = _fill(work, wanted, fill)
            os.rename(work, target)
            atomic.sync_folder(place)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    return stored, intake


def _fill(work: Path, wanted: Added, fill: Callable[[Intake], object]) -> tuple[Added, Intake]:
    scratch = work / "scratch"
    scratch.mkdir()
    intake = Intake(scratch)
    fill(intake)
    hashes = 0
    for writer in intake.writers:
        with open(work / f"{writer.kind}{HASH_SUFFIX}", "w+b") as file:
            hashes += writer.write(file, wanted.name, wanted.author, wanted.licence)
            file.flush()
            os.fsync(file.fileno())
    shutil.rmtree(scratch)
    if not hashes and not intake.texts:
        raise UsageError(_nothing(intake))
    stored = msgspec.structs.replace(
        wanted,
        added_at=datetime.now(UTC).isoformat(timespec="seconds"),
        texts=intake.texts,
        hashes=hashes,
        problems=tuple(str(problem) for problem in intake.problems[:MAX_PROBLEMS]),
        problem_count=len(intake.problems),
        notes=tuple(intake.notes),
    )
    atomic.write(work / SET_FILE, _encoded(stored))
    return stored, intake


def _nothing(intake: Intake) -> str:
    first = f": {intake.problems[0]}" if intake.problems else ""
    return f"nothing was added: no rules or hashes could be carried over{first}"


def remove(data: Path, name: str) -> None:
    """Remove a set. Raises `UsageError` when there is none of this name."""
    place = folder(data)
    target = place / valid_name(name)
    if not target.is_dir():
        raise UsageError(f"no rule set is called {name!r}: 'overt rules list' shows them")
    with locked(data):
        gone = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=place)) / name
        os.rename(target, gone)
        atomic.sync_folder(place)
        _sweep(place)


def _sweep(place: Path) -> None:
    """Remove what a killed process left half done; the caller holds the lock, so nobody is at it."""
    for entry in place.iterdir():
        if entry.is_dir() and entry.name.startswith(_UNFINISHED):
            shutil.rmtree(entry, ignore_errors=True)


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold this machine's rules alone: an SQLite lock, which ends with its process whatever happens to that.
    Raises `UsageError` when another process keeps it for ten minutes."""
    path = folder(data) / LOCK_FILE
    try:
        connection = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise UsageError(f"can't open {path} ({error}): check who may write there") from error
    try:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise UsageError(
                f"can't lock {path} ({error}): end the process that uses it, then try again"
            ) from error
        yield
    finally:
        connection.close()


def _encoded(stored: Added) -> bytes:
    body = zstd.compress(msgspec.msgpack.encode(stored), 3)
    return MAGIC + hashlib.sha256(body).digest() + body


def _decoded(data: bytes, path: Path) -> Added:
    damaged = f"{path} is damaged: remove this rule set and add it again"
    if data[:8] != MAGIC or hashlib.sha256(data[40:]).digest() != data[8:40]:
        raise PackError(damaged)
    try:
        return msgspec.msgpack.decode(zstd.decompress(data[40:]), type=Added)
    except (zstd.ZstdError, msgspec.MsgspecError) as error:
        raise PackError(f"{damaged} ({error})") from error
