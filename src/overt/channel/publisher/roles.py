"""TUF metadata of a channel, made and signed with python-tuf's metadata API (TUF 1.0.34). Pure: no files, no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Key, Signature, Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    SPECIFICATION_VERSION,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from overt.channel.charter import MEMBER, Charter, charter_of
from overt.channel.publisher.keys import PublicKey
from overt.channel.release import Pinned
from overt.core.errors import ChannelError, Malformed

ROOT_LIFE = timedelta(days=365)
TARGETS_LIFE = timedelta(days=30)
SNAPSHOT_LIFE = timedelta(days=30)
TIMESTAMP_LIFE = timedelta(days=2)
SPEC_VERSION = ".".join(SPECIFICATION_VERSION)

S = TypeVar("S", Root, Targets, Snapshot, Timestamp)
_SERIALIZER = JSONSerializer(compact=True)


@dataclass(frozen=True, slots=True)
class Quorum:
    """The keys of a role and how many of them must sign."""

    keys: tuple[Key, ...]
    threshold: int

    def __post_init__(self) -> None:
        keyids = [key.keyid for key in self.keys]
        if twice := [keyid for keyid in keyids if keyids.count(keyid) > 1]:
            raise ChannelError(
                f"key {twice[0][:8]} is given twice for one role: every holder has one of his own"
            )


@dataclass(frozen=True, slots=True)
class Roles:
    """Who may sign what: the content of a root."""

    root: Quorum
    targets: Quorum
    snapshot: Quorum
    timestamp: Quorum

    def __post_init__(self) -> None:
        for name, quorum in self.items():
            if not 0 < quorum.threshold <= len(quorum.keys):
                have = {0: "there is no key", 1: "there is one key"}.get(
                    len(quorum.keys), f"there are {len(quorum.keys)} keys"
                )
                raise ChannelError(
                    f"role {name}: a threshold of {quorum.threshold} can't be met, {have}: name more keys of "
                    "that role, or a lower threshold"
                )

    def items(self) -> list[tuple[str, Quorum]]:
        """Role name and quorum of each."""
        return [(name, getattr(self, name)) for name in self.__dataclass_fields__]


def quorum(keys: Sequence[PublicKey], threshold: int) -> Quorum:
    """A role of holders' keys. Raises `ChannelError` for a key that is given twice."""
    return Quorum(tuple(key.named() for key in keys), threshold)


def make_root(version: int, roles: Roles, charter: Charter, now: datetime) -> Root:
    """Root metadata: roles, keys and charter. One key may not serve two offline roles. Raises `ChannelError`."""
    both = {key.keyid for key in roles.root.keys} & {key.keyid for key in roles.targets.keys}
    if both and not charter.development:
        raise ChannelError(f"key {sorted(both)[0][:8]} is for root and targets: their holders must differ")
    keys = {key.keyid: key for _, role in roles.items() for key in role.keys}
    return Root(
        version=version,
        spec_version=SPEC_VERSION,
        expires=_expiry(now, ROOT_LIFE),
        keys=keys,
        roles={name: Role([k.keyid for k in role.keys], role.threshold) for name, role in roles.items()},
        consistent_snapshot=True,
        unrecognized_fields={MEMBER: charter.as_member()},
    )


def roles_of(root: Root) -> Roles:
    """The roles that `root` lays down."""

    def role(name: str) -> Quorum:
        found = root.roles[name]
        return Quorum(tuple(root.keys[keyid] for keyid in found.keyids), found.threshold)

    return Roles(role("root"), role("targets"), role("snapshot"), role("timestamp"))


def root_charter(root: Root) -> Charter:
    """What `root` says of its channel. Raises `ChannelError`."""
    try:
        return charter_of(root.unrecognized_fields)
    except Malformed as error:
        raise ChannelError(str(error)) from None


def make_targets(version: int, bundles: Mapping[str, bytes], now: datetime) -> Targets:
    """Targets metadata for `bundles`: target path → uncompressed bytes."""
    targets = {name: TargetFile.from_data(name, data, ["sha256"]) for name, data in bundles.items()}
    return renewed_targets(version, targets, now)


def renewed_targets(version: int, targets: Mapping[str, TargetFile], now: datetime) -> Targets:
    """The same targets in another version."""
    return Targets(
        version=version, spec_version=SPEC_VERSION, expires=_expiry(now, TARGETS_LIFE), targets=dict(targets)
    )


def make_snapshot(version: int, targets_version: int, targets: bytes, now: datetime) -> Snapshot:
    """Snapshot metadata, with hash and length of targets: without them two clients could be served different ones."""
    meta = {"targets.json": MetaFile.from_data(targets_version, targets, ["sha256"])}
    return Snapshot(
        version=version, spec_version=SPEC_VERSION, expires=_expiry(now, SNAPSHOT_LIFE), meta=meta
    )


def make_timestamp(version: int, snapshot_version: int, snapshot: bytes, now: datetime) -> Timestamp:
    """Timestamp metadata, with hash and length of snapshot."""
    return Timestamp(
        version=version,
        spec_version=SPEC_VERSION,
        expires=_expiry(now, TIMESTAMP_LIFE),
        snapshot_meta=MetaFile.from_data(snapshot_version, snapshot, ["sha256"]),
    )


def signed(role: S, signers: Iterable[Signer]) -> bytes:
    """The metadata file's bytes, signed by all `signers`."""
    metadata = Metadata(role)
    for signer in signers:
        metadata.sign(signer, append=True)
    return encode(metadata)


def encode(metadata: Metadata[S]) -> bytes:
    """The bytes to serve: signatures in the order of their key IDs, so that one state has one encoding."""
    ordered = dict(sorted(metadata.signatures.items()))
    return bytes(Metadata(metadata.signed, ordered).to_bytes(_SERIALIZER))


def parse(data: bytes, kind: type[S], where: str) -> Metadata[S]:
    """The metadata in `data`, signatures unchecked. Raises `ChannelError` naming `where`."""
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(data)
    except RepositoryError as error:
        raise ChannelError(f"{where} is no TUF metadata: {error}") from None
    if not isinstance(metadata.signed, kind):
        raise ChannelError(f"{where} is not {kind.type} metadata")
    return Metadata(metadata.signed, metadata.signatures)


def pinned(data: bytes, version: int) -> Pinned:
    """How a release names a metadata file."""
    return Pinned(version, hashlib.sha256(data).hexdigest())


def verifies(key: Key, signature: Signature, payload: bytes) -> bool:
    """Whether `signature` is `key`'s on `payload`."""
    try:
        key.verify_signature(signature, payload)
    except UnverifiedSignatureError:
        return False
    return True


def _expiry(now: datetime, life: timedelta) -> datetime:
    return now.astimezone(UTC).replace(microsecond=0) + life
