"""A channel's folder on this machine, below `channels/NAME` of the data folder.

    anchor.json            the root file that its user trusts from the start
    check.json, polled     what the last checks found (`Check`)
    latest.tlog-proof      the last proof that was accepted
    releases/FOLDER/       one verified release: release.json, metadata/, bundle.zst, set.rules, *.hashes,
                           objections.json
    spool/                 the courier's

A release is made in a folder whose name begins with a dot, synced, and renamed; the index (`overt.rules.subscribed`)
names the one in use. What no index names is swept away by the next update.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from overt.channel import release
from overt.channel.client import checks
from overt.channel.client.checked import Check, keep_check, read_check
from overt.channel.client.checks import Authority
from overt.channel.client.jobs import Contents
from overt.channel.release import Release
from overt.core.errors import ChannelError, LogError, UsageError
from overt.rules import subscribed
from overt.rules.hashfile import HashFileWriter
from overt.rules.subscribed import ChannelSet, Index, Installed, Subscription
from overt.store import atomic
from overt.store.folders import make_private

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RELEASE, BUNDLE, METADATA = "release.json", "bundle.zst", "metadata"
LOCK_FILE = "lock"
_STAGED = "."


@dataclass(frozen=True, slots=True)
class Place:
    """One channel's folder."""

    data: Path
    name: str

    @property
    def folder(self) -> Path:
        return subscribed.folder(self.data) / self.name

    @property
    def releases(self) -> Path:
        return self.folder / "releases"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def anchor(self) -> Path:
        return self.folder / "anchor.json"

    @property
    def proof(self) -> Path:
        return self.folder / "latest.tlog-proof"

    def create(self) -> None:
        """Make the folders. Raises `OSError`."""
        for folder in (self.folder, self.releases, self.spool):
            make_private(folder)

    def release(self, installed: Installed) -> Path:
        """Where an installed release is."""
        return self.releases / installed.folder

    def check(self) -> Check:
        """What checks found so far."""
        return read_check(self.folder)

    def keep_check(self, check: Check) -> None:
        """Store it. Raises `OSError`."""
        keep_check(self.folder, check)

    def authority(self, subscription: Subscription) -> Authority:
        """The root in force: that of the newest verified release, else the anchor. Raises `ChannelError`."""
        newest = subscription.newest
        path = self.release(newest) / METADATA / "root.json" if newest else self.anchor
        try:
            return checks.authority(path.read_bytes())
        except (OSError, LogError) as error:
            raise ChannelError(
                f"{path} can't be used ({error}): remove the channel {self.name!r} and add it again"
            ) from None

    def newest(self, subscription: Subscription) -> Release | None:
        """The newest release that was verified, as the log has it. Raises `ChannelError`."""
        if subscription.newest is None:
            return None
        path = self.release(subscription.newest) / RELEASE
        try:
            return release.parse(path.read_bytes())
        except (OSError, LogError) as error:
            raise ChannelError(
                f"{path} can't be used ({error}): remove the channel {self.name!r} and add it again"
            ) from None

    def stage(self) -> Path:
        """A folder for a release in the making. Raises `OSError`."""
        folder = self.releases / f"{_STAGED}{secrets.token_hex(6)}"
        folder.mkdir(0o700)
        return folder

    def sweep(self, index: Index) -> None:
        """Remove what an interrupted update left and what the index does not name any more."""
        one = index.get(self.name)
        named = {i.folder for i in (one.current, one.previous, one.newest) if i} if one else set()
        for entry in self.releases.iterdir() if self.releases.is_dir() else ():
            if entry.name not in named:
                shutil.rmtree(entry, ignore_errors=True)


def write_set(folder: Path, rules: ChannelSet, contents: Contents) -> tuple[bytes, int]:
    """Write the rules and hashes of a release into its staged folder. Returns the encoded set and the number of hashes.
    Raises `OSError`."""
    encoded = subscribed.encode_set(rules)
    (folder / subscribed.SET_FILE).write_bytes(encoded)
    scratch = folder / "scratch"
    hashes = 0
    for number, listed in enumerate(contents.hashes):
        scratch.mkdir()
        writer = HashFileWriter(listed.algorithm, scratch, listed.of_sections)
        for entry in listed.entries:
            writer.add(entry.digest, entry.label, entry.size)
        with open(folder / f"{number}.{writer.kind}{subscribed.HASH_SUFFIX}", "w+b") as file:
            hashes += writer.write(file, rules.pack, listed.author, listed.licence)
        shutil.rmtree(scratch)
    return encoded, hashes


def store_bundle(folder: Path, data: bytes) -> None:
    """Keep the bundle for the next patch; compressed, so that no scanner takes it for what its rules describe."""
    (folder / BUNDLE).write_bytes(zstd.compress(data, 3))


def settle(staged: Path, name: str) -> None:
    """Make the staged release durable and give it its name. Raises `OSError`."""
    for place, folders, files in os.walk(staged):
        for file in files:
            path = Path(place, file)
            if not path.is_symlink():
                _sync(path)
        atomic.sync_folder(Path(place))
        folders[:] = [folder for folder in folders if not Path(place, folder).is_symlink()]
    os.rename(staged, staged.with_name(name))
    atomic.sync_folder(staged.parent)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def locked(data: Path) -> Iterator[int]:
    """Change this machine's channels alone; yields the descriptor that holds the lock. Raises `UsageError` when another
    process does."""
    folder = subscribed.folder(data)
    make_private(folder)
    fd = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError("another overt process is updating or changing channels: wait for it") from None
        for place in (
            folder,
            *(entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink()),
        ):
            atomic.sweep(place)
        yield fd
    finally:
        os.close(fd)
