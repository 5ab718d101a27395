"""mbox (RFC 4155): messages one after another, each after a line that begins with `From `."""

from __future__ import annotations

import re
from collections.abc import Iterator

from overt.engine.unpack.base import Child, Format, Magic, Room

_SEPARATOR = re.compile(rb"(?m)^From [^\r\n]{1,400}\r?\n(?=>?[A-Za-z][A-Za-z0-9-]{1,60}+:)")
_QUOTED = re.compile(rb"(?m)^>(>*+From )")


def sniff(data: bytes) -> bool:
    """A separator line with a header field right after it."""
    return _SEPARATOR.match(data) is not None


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child per message, with quoted `>From ` lines restored (mboxrd)."""
    number, start = 0, -1
    for match in _SEPARATOR.finditer(data):
        if start >= 0:
            number += 1
            yield _message(data[start : match.start()], number, room)
        start = match.end()
    yield _message(data[start:], number + 1, room)


def _message(raw: bytes, number: int, room: Room) -> Child:
    name = f"message {number}"
    return Child(name, room.gather(iter((_QUOTED.sub(rb"\1", raw),)), name))


FORMATS = (
    Format("mbox", "mailboxes of messages (RFC 4155)", (Magic(0, b"From "),), sniff=sniff, unpack=unpack),
)
