"""What the archives of stored members (tar, cpio, ar) share: a member is a slice of the archive's own bytes."""

from __future__ import annotations

from collections.abc import Iterator

from overt.core.model import Reason
from overt.engine.unpack.base import Child, Room
from overt.engine.unpack.stream import AFTER_END


def stored(data: bytes, start: int, size: int, name: str, room: Room) -> Child:
    """The member in `data[start : start + size]`; the bytes that are missing at the end become a gap."""
    if start + size > len(data):
        room.gap(Reason.DAMAGED, f"{start + size - len(data)} bytes are missing at the end", name)
    return Child(name, room.gather((data[start : start + size],), name))


def after_end(data: bytes, end: int, room: Room) -> Iterator[Child]:
    """What follows the archive's end, unless it is padding with zeros."""
    if rest := data[end:].lstrip(b"\0"):
        yield Child(AFTER_END, room.gather((rest,), AFTER_END))


def text(name: bytes) -> str:
    """A member's name for people; undecodable bytes stay visible."""
    return name.decode("utf-8", "backslashreplace")
