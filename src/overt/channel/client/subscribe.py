"""Adding, removing and switching channels."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec

from overt.channel import layout
from overt.channel.charter import NAME
from overt.channel.client import checks
from overt.channel.client.attempt import Append
from overt.channel.client.checked import CHECK_FILE, POLLED_FILE
from overt.channel.client.place import Place
from overt.channel.client.source import Source, content
from overt.core.errors import ChannelError, LogError, PeerLied, UsageError
from overt.egress.address import base_url
from overt.ledger import Kind
from overt.rules import subscribed
from overt.rules.subscribed import Subscription
from overt.store import atomic

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def checked_sha256(text: str) -> str:
    """`text` as a SHA-256 in lower-case hexadecimal. Raises `UsageError`."""
    if not _SHA256.fullmatch(text.lower()):
        raise UsageError(f"{text!r} is no SHA-256: 64 hexadecimal digits")
    return text.lower()


def checked_name(text: str) -> str:
    """`text` if it can name a channel on this machine. Raises `UsageError`."""
    if not NAME.fullmatch(text):
        raise UsageError(f"{text!r} can't name a channel: small letters, digits and '-', at most 48")
    return text


def name_in(root: bytes, where: str) -> str:
    """The channel's name by its root file. Raises `UsageError`."""
    try:
        return checks.authority(root).charter.channel
    except LogError as error:
        raise UsageError(f"{where} is no root file of a rule channel: {error}") from None


def fetch_root(source: Source, sha256: str) -> bytes:
    """The root file with this SHA-256, from the tree. Raises `PeerLied`, `Malformed`, and as `Source.read`."""
    root = content(source, layout.root(sha256), layout.MAX_METADATA_BYTES)
    if hashlib.sha256(root).hexdigest() != sha256:
        raise PeerLied(f"the root file that is served is not the one with SHA-256 {sha256}")
    checks.authority(root)
    return root


def add(data: Path, append: Append, subscription: Subscription, root: bytes) -> None:
    """Subscribe. The choice is recorded; nothing is fetched yet. Raises `UsageError`, `OSError`."""
    base_url(subscription.url)
    index = subscribed.read_index(data)
    if index.get(subscription.name):
        raise UsageError(
            f"there is a channel {subscription.name!r} already: choose another --name, or switch it"
        )
    place = Place(data, subscription.name)
    place.create()
    place.sweep(index)
    for path in (place.folder / CHECK_FILE, place.folder / POLLED_FILE, place.proof):
        path.unlink(missing_ok=True)
    atomic.write(place.anchor, root)
    _decided(append, "added", subscription.name, subscription.url, hashlib.sha256(root).hexdigest())
    subscribed.write_index(data, index.with_one(subscription))


def remove(data: Path, append: Append, name: str) -> None:
    """Unsubscribe: its rules are gone with the next scan. Raises `ChannelError`, `OSError`."""
    index = subscribed.read_index(data)
    one = existing(data, name)
    _decided(append, "removed", name, one.url)
    subscribed.write_index(data, index.without(name))
    Place(data, name).sweep(index.without(name))


def accept_root(data: Path, append: Append, name: str, sha256: str) -> None:
    """Let this root name witnesses that those before it don't vouch for. Raises `ChannelError`, `UsageError`."""
    one = existing(data, name)
    _decided(append, "witnesses of a new root accepted", name, one.url, checked_sha256(sha256))
    changed = msgspec.structs.replace(one, accepted_root=checked_sha256(sha256))
    subscribed.write_index(data, subscribed.read_index(data).with_one(changed))


def existing(data: Path, name: str) -> Subscription:
    """The channel of this name. Raises `ChannelError`."""
    found = subscribed.read_index(data).get(name)
    if found is None:
        raise ChannelError(f"no channel is called {name!r}: 'overt channel list' shows them")
    return found


def _decided(append: Append, decision: str, name: str, url: str, sha256: str = "") -> None:
    facts = {"subject": "channel", "decision": decision, "by": "user", "channel": name, "detail": [url]}
    append(Kind.DECIDED, facts | ({"sha256": sha256} if sha256 else {}))
