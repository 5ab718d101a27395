"""What an installation put into the homes, beside what was planted there: kept for the chambers of later runs.

Read and written by a child whose root the homes are, since the product may have put links there.
"""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path

import msgspec

from overt.conduct.chamber import inside

FILE = "homes"
"""Beside the kept layers; no place of the system has this name there."""
MAX_BYTES = 64 << 20
"""Of files' content that is kept; how many files are past it is told."""
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A file, folder or link, with its path below the homes."""

    path: bytes
    mode: int
    """As stat(2) gives it, with its kind."""
    uid: int
    gid: int
    content: bytes
    """Of a file; of a link, where it leads."""


class Settled(msgspec.Struct, frozen=True):
    """All that was put there, folders before what is in them."""

    entries: tuple[Entry, ...] = ()
    left_out: int = 0
    """Files that were too much."""


def paths(homes: Path) -> frozenset[bytes]:
    """Everything that is below `homes` now. Raises `ConductError`."""
    return frozenset(inside.run(homes, _walked, list[bytes]))


def keep(homes: Path, known: frozenset[bytes], folder: Path) -> None:
    """Keep in `folder` what is below `homes` and not among the paths `known`. Raises `ConductError`, `OSError`."""
    found = inside.run(homes, partial(_added, known), Settled)
    (folder / FILE).write_bytes(msgspec.msgpack.encode(found))


def bring(folder: Path, homes: Path) -> int:
    """Put what `keep` kept in `folder` below `homes`, where nothing runs; what is there already stays. Returns how many
    files could not be kept. Raises `ConductError`."""
    if not (folder / FILE).is_file():
        return 0
    kept = msgspec.msgpack.decode((folder / FILE).read_bytes(), type=Settled)
    inside.run(homes, partial(_put, kept.entries), int)
    return kept.left_out


def _walked() -> list[bytes]:
    return [
        os.path.join(folder, name) for folder, folders, names in os.walk(b"/") for name in (*folders, *names)
    ]


def _added(known: frozenset[bytes]) -> Settled:
    entries: list[Entry] = []
    size = left_out = 0
    for path in _walked():
        if path in known:
            continue
        facts = os.lstat(path)
        content = _content(path, facts, MAX_BYTES - size)
        if content is None:
            left_out += 1
            continue
        size += len(content)
        entries.append(Entry(path, facts.st_mode, facts.st_uid, facts.st_gid, content))
    return Settled(tuple(entries), left_out)


def _content(path: bytes, facts: os.stat_result, room: int) -> bytes | None:
    """None: it is not kept."""
    if stat.S_ISDIR(facts.st_mode):
        return b""
    if stat.S_ISLNK(facts.st_mode):
        return os.readlink(path)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > room:
        return None
    with open(os.open(path, READ), "rb") as stream:
        return stream.read(room)


def _put(entries: tuple[Entry, ...]) -> int:
    for entry in entries:
        if os.path.lexists(entry.path) or not os.path.isdir(os.path.dirname(entry.path)):
            continue
        if stat.S_ISDIR(entry.mode):
            os.mkdir(entry.path)
        elif stat.S_ISLNK(entry.mode):
            os.symlink(entry.content, entry.path)
        else:
            with open(os.open(entry.path, WRITE), "wb") as stream:
                stream.write(entry.content)
        os.chown(entry.path, entry.uid, entry.gid, follow_symlinks=False)
        if not stat.S_ISLNK(entry.mode):
            os.chmod(entry.path, stat.S_IMODE(entry.mode))
    return len(entries)
