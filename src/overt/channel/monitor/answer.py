"""A monitor's answer to `overt rules history`: written here, and read strictly by whoever asks.

It is that monitor's word. Its form is checked; the names in it are a stranger's text.
"""

from __future__ import annotations

import hashlib

import msgspec

from overt.core.errors import Malformed

SCHEMA = "overt-rule-history/1"
MAX_BYTES = 8 << 20


class Signed(msgspec.Struct, frozen=True):
    """Who signed a release: `role` is `root`, `targets` or `witness`."""

    role: str
    name: str
    key: str


class Step(msgspec.Struct, frozen=True):
    """What one release did to the item."""

    serial: int
    what: str
    """`appeared`, `changed`, `vanished`; `kept`: it was there, and earlier releases are not known."""
    witnessed: str
    """When the release was known at the latest, RFC 3339; empty when that is not known."""
    fields: tuple[tuple[str, str, str], ...]
    """What changed: name, before, after."""
    author: str
    review: str
    override: str
    reason: str
    """Why it was taken back."""
    sha256: str
    """Of the rule's text."""
    signers: tuple[Signed, ...]
    known_before: int = -1
    """The last release before it that is known; releases between them may have done it. -1: none."""


class Item(msgspec.Struct, frozen=True):
    """One rule or hash list of the name; steps are oldest first. `page` is its page in the monitor's site."""

    kind: str
    part: str
    present: bool
    events: tuple[Step, ...]
    page: str = ""


class History(msgspec.Struct, frozen=True):
    """What became of all items of a name in one channel."""

    schema: str
    channel: str
    origin: str
    name: str
    items: tuple[Item, ...]


def path_of(name: str) -> str:
    """Where, below a monitor's site, the history of a name is: by the name's SHA-256."""
    digest = hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()
    return f"api/rule/{digest}.json"


def encode(history: History) -> bytes:
    """The answer's bytes."""
    return msgspec.json.format(msgspec.json.encode(history), indent=1) + b"\n"


def parse(data: bytes, name: str) -> History:
    """The answer about `name`. Raises `Malformed` for anything else."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"the monitor's answer: {len(data):,} bytes are more than {MAX_BYTES:,}")
    try:
        found = msgspec.json.decode(data, type=History)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"the monitor's answer: {error}") from None
    if found.schema != SCHEMA or found.name != name:
        raise Malformed(f"the monitor's answer: not a history of {name!r} by schema {SCHEMA}")
    return found
