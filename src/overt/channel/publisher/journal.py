"""A release or renewal that is decided: all that is still to be written, durable before the first of it is public.

Version numbers and the place in the log are bound to these bytes from then on: whatever interrupts the writing, the
next start writes the same bytes, and so no number is ever seen with two contents.
"""

from __future__ import annotations

import msgspec

from overt.channel.publisher.desk import Desk
from overt.core.errors import ChannelError
from overt.store import atomic

SCHEMA = "overt-journal/1"


class Journal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files by path in the tree. They are written in the order of the members, each whole."""

    early: dict[str, bytes]
    """Never change: tiles, entries, metadata that nothing names yet."""
    checkpoint: bytes
    """The log's signed tree head, without cosignatures."""
    timestamp: bytes
    roots: dict[str, bytes]
    """New roots: they follow the timestamp, which the old and the new root's keys have signed."""
    release: bytes
    """The newest leaf: what `latest.tlog-proof` proves."""
    schema: str = SCHEMA


def read(desk: Desk) -> Journal | None:
    """What is decided and not done, if anything is. Raises `ChannelError` when it is damaged."""
    try:
        journal = msgspec.json.decode(desk.journal.read_bytes(), type=Journal)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise ChannelError(f"{desk.journal} is damaged ({error}): restore it from a backup") from None
    if journal.schema != SCHEMA:
        raise ChannelError(f"{desk.journal} was written by another version of Overt: finish it with that one")
    return journal


def write(desk: Desk, journal: Journal) -> None:
    """Decide: durable when this returns."""
    atomic.write(desk.journal, msgspec.json.encode(journal))


def remove(desk: Desk) -> None:
    """All of it is in the tree."""
    desk.journal.unlink()
    atomic.sync_folder(desk.folder)
