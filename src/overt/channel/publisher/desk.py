"""The publisher's own folder: what is kept between two releases, and who may work on it at a time.

public/             the static tree (`overt.channel.layout`): what is served
keys/               the online keys: snapshot-N.pem, timestamp-N.pem, log-N.pem (and all keys in development)
proposal.json       metadata that waits for signatures
requests/           what holders are asked to sign, and witnesses to cosign
built/              bundles that were built and not yet published
journal.json        a release or renewal that is decided and not yet wholly in the tree
published.json      how far the log went: an old copy of the tree is noticed
lock
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from overt.channel.publisher.keys import Ask
from overt.core.errors import ChannelError
from overt.store import atomic
from overt.store.folders import claim, make_private

LOCK_WAIT_S = 60.0
PUBLIC_FILE = 0o644
PUBLIC_FOLDER = 0o755


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness's server said: HTTP status and body."""

    status: int
    body: bytes


Post = Callable[[str, bytes], Answer]
"""Sends a body to a URL. Raises `OSError` or `EgressError` when there was no answer."""


def utc_now() -> datetime:
    """The time, by this machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Desk:
    """The folder, and what publishing needs from outside: secrets, the time, and a way to the witnesses."""

    folder: Path
    ask: Ask
    now: Callable[[], datetime] = utc_now
    post: Post | None = None
    """None: requests to witnesses are left in `requests/` for a person to send."""

    @property
    def public(self) -> Path:
        return self.folder / "public"

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def requests(self) -> Path:
        return self.folder / "requests"

    @property
    def built(self) -> Path:
        return self.folder / "built"

    @property
    def proposal(self) -> Path:
        return self.folder / "proposal.json"

    @property
    def journal(self) -> Path:
        return self.folder / "journal.json"

    @property
    def published(self) -> Path:
        return self.folder / "published.json"

    def create(self) -> None:
        """Make the folders. Raises `ChannelError` when a channel is kept there already."""
        if self.keys.exists():
            raise ChannelError(f"{self.folder} holds a channel already: 'overt channel status' shows it")
        claim(self.folder)
        for folder in (self.keys, self.requests, self.built):
            make_private(folder)
        public_folder(self.public)

    def check_founded(self) -> None:
        """Raise `ChannelError` when this is no channel's folder."""
        if not self.keys.is_dir():
            raise ChannelError(f"{self.folder} holds no channel: make one with 'overt channel init'")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Work alone: the lock ends with its process. Clears what a killed one left half written.

        Raises `ChannelError` when this is no channel's folder, or another process works on it for a minute.
        """
        self.check_founded()
        with alone(self.folder / "lock", self.folder):
            self._sweep()
            yield

    def _sweep(self) -> None:
        for place, _, files in os.walk(self.folder):
            for name in files:
                if atomic.is_temporary(name):
                    Path(place, name).unlink()


@contextmanager
def alone(lock: Path, folder: Path) -> Iterator[None]:
    """Hold the lock file `lock` of `folder`. Raises `ChannelError` when another process does for a minute."""
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(fd, folder)
        yield
    finally:
        os.close(fd)


def _lock(fd: int, folder: Path) -> None:
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ChannelError(
                    f"another process works on {folder}: try again when it has ended"
                ) from None
            time.sleep(0.05)


def public_folder(folder: Path) -> None:
    """Make `folder` and its missing parents, durable and readable by a web server whatever the umask is."""
    if not folder.exists():
        public_folder(folder.parent)
        folder.mkdir()
        folder.chmod(PUBLIC_FOLDER)
        atomic.sync_folder(folder.parent)


def write_public(path: Path, data: bytes) -> None:
    """Replace a file of the tree, whole or not at all, readable by a web server."""
    public_folder(path.parent)
    atomic.write(path, data, PUBLIC_FILE)
    if path.stat().st_mode & 0o777 != PUBLIC_FILE:
        path.chmod(PUBLIC_FILE)


def write_once(path: Path, data: bytes) -> None:
    """Write a file of the tree that never changes. Raises `ChannelError` when it is there with other bytes."""
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        return write_public(path, data)
    if there != data:
        raise ChannelError(f"{path} is published with other bytes and must never change: nothing was written")
    if path.stat().st_mode & 0o777 != PUBLIC_FILE:
        path.chmod(PUBLIC_FILE)
