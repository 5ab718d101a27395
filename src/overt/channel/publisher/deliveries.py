"""Bundles in the tree: each whole, and as patches from those before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from overt.channel import bundle, delta, layout, release
from overt.channel.bundle import Bundle
from overt.channel.publisher import roles
from overt.channel.publisher.desk import Desk, write_public
from overt.channel.publisher.proposal import Proposal
from overt.channel.publisher.state import State
from overt.core.errors import ChannelError, Malformed
from overt.store import atomic

PATCHES = 30
"""Earlier bundles from which there is a patch to the newest."""
LOOKED_AT = 256
"""Newest releases that are looked through for bundles to patch from."""


def check(data: bytes, proposed: Proposal, present: State | None) -> None:
    """That `data` is a bundle for this channel's next release. Raises `ChannelError`."""
    try:
        contents = bundle.read(data).manifest
    except Malformed as error:
        raise ChannelError(f"{error}: build it anew with 'overt channel build'") from None
    channel = roles.root_charter(proposed.new_root).channel
    following = present.head.size if present else 0
    if contents.channel != channel:
        raise ChannelError(f"the bundle was built for channel {contents.channel!r}, and this is {channel!r}")
    if contents.serial != following:
        raise ChannelError(
            f"the bundle was built for release {contents.serial}, and {following} comes next: build it anew"
        )


def keep(desk: Desk, data: bytes) -> None:
    """Keep a proposed bundle until it is published."""
    atomic.write(kept(desk, hashlib.sha256(data).hexdigest()), data)


def kept(desk: Desk, sha256: str) -> Path:
    """Where a proposed bundle is kept."""
    return desk.built / f"{sha256}.tar"


def load(desk: Desk, sha256: str) -> bytes:
    """A bundle that was published, or is kept for it. Raises `ChannelError`."""
    try:
        return delta.decompress((desk.public / layout.bundle(sha256)).read_bytes(), sha256)
    except FileNotFoundError:
        pass
    try:
        data = kept(desk, sha256).read_bytes()
    except FileNotFoundError:
        raise ChannelError(f"bundle {sha256} is not in {desk.built}: propose it again") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ChannelError(f"{kept(desk, sha256)} was changed: propose the bundle again")
    return data


def newest(desk: Desk, present: State | None) -> Bundle | None:
    """The bundle of the newest release; None before the first. Raises `ChannelError`, `Malformed`."""
    if present is None or layout.TARGET not in present.release.bundles:
        return None
    return bundle.read(load(desk, present.release.bundles[layout.TARGET]))


def deliver(desk: Desk, present: State | None, bundles: Mapping[str, str]) -> None:
    """Put the bundles (target path → SHA-256) and their patches into the tree; what is there stays."""
    for name, sha256 in bundles.items():
        data = load(desk, sha256)
        whole = desk.public / layout.bundle(sha256)
        if not whole.exists():
            write_public(whole, delta.compress(data))
        for old in _earlier(present, name, sha256):
            path = desk.public / layout.patch(old, sha256)
            if not path.exists():
                before = load(desk, old)
                if delta.patchable(before, data):
                    write_public(path, delta.make_patch(before, data))


def _earlier(present: State | None, name: str, sha256: str) -> list[str]:
    """The bundles of this name before `sha256`, the newest first."""
    found = (one.bundles.get(name, sha256) for one in _releases(present))
    return [one for one in dict.fromkeys(found) if one != sha256][:PATCHES]


def _releases(present: State | None) -> Iterator[release.Release]:
    """The newest releases, the newest first."""
    if present:
        size = present.head.size
        leaves = list(present.reader().entries(max(0, size - LOOKED_AT)))
        yield from (release.parse(leaf) for leaf in reversed(leaves))


def tidy(present: State) -> None:
    """Remove bundles kept for what is now published, and patches to bundles before the last two."""
    for path in present.desk.built.glob("*.tar"):
        if (present.desk.public / layout.bundle(path.stem)).exists():
            path.unlink()
    current = {sha256 for one in list(_releases(present))[:2] for sha256 in one.bundles.values()}
    for path in (present.desk.public / "patches").glob("*.zst"):
        if path.stem.partition("-")[2] not in current:
            path.unlink()
