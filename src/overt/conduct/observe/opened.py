"""What an event's own descriptor tells about its file: digest and identity. Reading through it makes no event."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from overt.conduct.observe.origins import Origins

MAX_HASHED_BYTES = 1 << 30
"""Of an executable; a larger one has no digest in the records."""
MAX_DIGESTS = 10_000
FS_IOC_GETVERSION = 0x8008_7601
"""An inode's generation: a file that later gets the number of one that was removed has another (ioctl_iflags(2))."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A file that the lab put there."""

    path: str
    """As the product sees it, until it renames it."""
    version: int


Identities = dict[tuple[int, int], Planted]
"""By device and inode."""


def identities(planted: Mapping[str, Path]) -> Identities:
    """Of the lab's files: path inside → where the lab reaches it. Opens them: before any mark. Raises `OSError`."""
    found: Identities = {}
    for inside, outside in planted.items():
        descriptor = os.open(outside, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            found[status.st_dev, status.st_ino] = Planted(inside, _version(descriptor))
        finally:
            os.close(descriptor)
    return found


def no_secret(path: str) -> str:
    """Of no file."""
    return ""


@dataclass(slots=True)
class Contents:
    """Answers from descriptors, remembering digests."""

    planted: Identities
    origins: Origins | None = None
    """Of what the chamber's overlays show."""
    since_ns: int = 0
    """When the run began, as files' times count: what has not changed since then has no other name."""
    secret_kind: Callable[[str], str] = no_secret
    """What kind of secret a path is; empty for none."""
    may_move: Collection[str] = ()
    """Planted files that a product may well use under another name: scanners put test files away."""
    _digests: dict[tuple[int, ...], str] = field(default_factory=dict)

    def name(self, descriptor: int, status: os.stat_result, path: str) -> str | None:
        """What the lab called this file, `path` inside, or the system before the product came; None for a file that
        came later; empty if it can't be told."""
        known = self.planted.get((status.st_dev, status.st_ino))
        if known is not None and known.version == _version(descriptor):
            return known.path
        if self.origins is None or status.st_ctime_ns < self.since_ns or not stat.S_ISREG(status.st_mode):
            return None
        return self.origins.name(descriptor, status, path)

    def is_hidden(self, name: str, path: str) -> bool:
        """Whether who uses `path` for what was called `name` hides what he reads: a planted file, or a secret."""
        kind = self.secret_kind(name)
        secret = bool(kind) and kind != self.secret_kind(path)
        return secret or (
            name not in self.may_move and any(name == one.path for one in self.planted.values())
        )

    def digest(self, descriptor: int) -> str:
        """SHA-256 in hex; empty for a file that is too large."""
        status = os.fstat(descriptor)
        key = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        digest = self._digests.get(key)
        if digest is None and status.st_size <= MAX_HASHED_BYTES:
            with open(descriptor, "rb", closefd=False) as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if len(self._digests) >= MAX_DIGESTS:
                self._digests.clear()
            self._digests[key] = digest
        return digest or ""


def _version(descriptor: int) -> int:
    try:
        return int(struct.unpack("=i", fcntl.ioctl(descriptor, FS_IOC_GETVERSION, bytes(8))[:4])[0])
    except OSError:
        return 0  # a file system without generations
