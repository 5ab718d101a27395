"""The rule channels of this machine as scans see them: one index, which one rename changes, and one folder per release.

    channels/index.json                          `Index`
    channels/NAME/releases/FOLDER/set.rules      `ChannelSet`, encoded as an added set is
    channels/NAME/releases/FOLDER/*.hashes       its hashes (`overt.engine.hashset`)

What else is there belongs to `overt.channel.client`, which alone writes.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import msgspec

from overt.core.errors import PackError
from overt.rules.compile import RuleText
from overt.store import atomic

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"OVERTSR1"
FOLDER = "channels"
INDEX_FILE = "index.json"
SET_FILE = "set.rules"
HASH_SUFFIX = ".hashes"


class Installed(msgspec.Struct, frozen=True):
    """One verified release of a channel on this machine."""

    serial: int
    folder: str
    """Below the channel's `releases`."""
    rules: int
    hashes: int
    installed_s: int
    """Seconds since the Epoch."""
    objections: int = 0
    """Rules and hash lists that their publisher's review did not pass."""
    refused: int = 0
    """Those of them that it refused."""


class Subscription(msgspec.Struct, frozen=True):
    """One channel: where it is, and which of its releases is in use."""

    name: str
    url: str
    added_s: int
    current: Installed | None = None
    """In use by scans."""
    previous: Installed | None = None
    """Where `--rollback` leads."""
    newest: Installed | None = None
    """The newest that was verified; another one than `current` after a rollback."""
    accepted_root: str = ""
    """SHA-256 of a root whose witnesses the user accepts although those before don't vouch for them."""
    unvouched_root: int = 0
    """Version of the newest root that was accepted so; 0: none."""
    ca_file: str = ""
    proxy: str | None = None

    @property
    def rolled_back(self) -> bool:
        """Whether it is on an older release by the user's choice."""
        return self.newest is not None and self.newest != self.current

    @property
    def pack(self) -> str:
        """What findings call its rules."""
        return f"{self.name} {self.current.serial}" if self.current else self.name


class Index(msgspec.Struct, frozen=True):
    """All channels, by name."""

    channels: tuple[Subscription, ...] = ()

    def get(self, name: str) -> Subscription | None:
        """The channel of this name."""
        return next((one for one in self.channels if one.name == name), None)

    def with_one(self, changed: Subscription) -> Index:
        """The index in which `changed` takes the place of the channel of its name."""
        kept = [one for one in self.channels if one.name != changed.name]
        return Index(tuple(sorted([*kept, changed], key=lambda one: one.name)))

    def without(self, name: str) -> Index:
        """The index without the channel of this name."""
        return Index(tuple(one for one in self.channels if one.name != name))


class ChannelText(msgspec.Struct, frozen=True, array_like=True):
    """One file of rules."""

    source: str
    text: str
    author: str
    licence: str


class ChannelSet(msgspec.Struct, frozen=True):
    """The rules of one release."""

    channel: str
    serial: int
    texts: tuple[ChannelText, ...] = ()

    @property
    def pack(self) -> str:
        """What findings call its rules."""
        return f"{self.channel} {self.serial}"

    def rule_texts(self) -> list[RuleText]:
        """For the compiler."""
        return [RuleText(self.pack, one.source, one.text, one.author, one.licence) for one in self.texts]


def folder(data: Path) -> Path:
    """Where channels are under the data folder."""
    return data / FOLDER


def release_folder(data: Path, name: str, installed: Installed) -> Path:
    """Where a release is."""
    return folder(data) / name / "releases" / installed.folder


def read_index(data: Path) -> Index:
    """The index; empty when there is none. Raises `PackError` when it is damaged."""
    path = folder(data) / INDEX_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Index)
    except (FileNotFoundError, NotADirectoryError):
        return Index()
    except (msgspec.MsgspecError, OSError) as error:
        raise PackError(f"{path} cannot be read ({error}): restore it, or add the channels again") from None


def write_index(data: Path, index: Index) -> None:
    """Change all channels at once, durably. Raises `OSError`; then nothing changed."""
    atomic.write(folder(data) / INDEX_FILE, msgspec.json.encode(index))


def active(data: Path, index: Index) -> list[tuple[Subscription, Path]]:
    """The channels that have rules in use, with the folder of each."""
    return [
        (one, release_folder(data, one.name, one.current))
        for one in index.channels
        if one.current is not None
    ]


def identity(place: Path) -> str:
    """Checksum of a release's rules as it stands in its file, without reading them. Raises `PackError`."""
    try:
        with open(place / SET_FILE, "rb") as file:
            return file.read(40)[8:].hex()
    except OSError as error:
        raise PackError(f"{place} is damaged ({error.strerror}): run 'overt update --again'") from None


def read_set(place: Path) -> ChannelSet:
    """The rules of a release. Raises `PackError` when they are damaged."""
    path = place / SET_FILE
    damaged = f"{path} is damaged: run 'overt update --again'"
    try:
        data = path.read_bytes()
        if data[:8] != MAGIC or hashlib.sha256(data[40:]).digest() != data[8:40]:
            raise PackError(damaged)
        return msgspec.msgpack.decode(zstd.decompress(data[40:]), type=ChannelSet)
    except (zstd.ZstdError, msgspec.MsgspecError, OSError) as error:
        raise PackError(f"{damaged} ({error})") from error


def encode_set(rules: ChannelSet) -> bytes:
    """What `read_set` reads."""
    body = zstd.compress(msgspec.msgpack.encode(rules), 3)
    return MAGIC + hashlib.sha256(body).digest() + body


def hash_paths(place: Path) -> list[Path]:
    """The hash files of a release."""
    return sorted(place.glob(f"*{HASH_SUFFIX}"))
