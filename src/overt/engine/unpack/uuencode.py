"""uuencode and its base64 form (POSIX `uuencode`), alone or inside the text of a mail or a script."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from overt.core.model import Reason
from overt.engine.unpack import mail, mbox
from overt.engine.unpack.base import Child, Format, Room
from overt.engine.unpack.text import base64_lenient

MIN_LINE_CHARS = 5
"""Of the first line of data: one group of three bytes after the length."""

_BEGIN = re.compile(rb"(?m)^begin(-base64)? [0-7]{3,4} ([^\r\n]{1,255})\r?\n(?=([^\r\n]{1,400})\r?$)")
_END64 = re.compile(rb"(?m)^====")
_LINE = re.compile(rb"([^\r\n]*+)\r?(?:\n|\Z)")
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]{1,400}+={0,2}+\s*+\Z")


def sniff(data: bytes) -> bool:
    """A `begin` line with a line of encoded data right after it, after whatever else (decoders skip it, NUL bytes too);
    a message's parts are looked at one by one."""
    if b"begin" not in data or _next(data, 0) is None:
        return False
    return not mail.sniff(data) and not mbox.sniff(data)


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child per encoded file, under the name its `begin` line gives."""
    position = 0
    while match := _next(data, position):
        name = match[2].decode("utf-8", "replace").strip().replace("\\", "/").rsplit("/", 1)[-1]
        if match[1]:
            end = _END64.search(data, match.end())
            position = end.end() if end else len(data)
            content = base64_lenient(data[match.end() : end.start() if end else len(data)])
            yield Child(name, room.gather(iter((content,)), name))
            continue
        decoder = _Decoder(data, match.end())
        content = room.gather(decoder.lines(), name)
        if decoder.broken:
            room.gap(Reason.DAMAGED, "a line is not uuencoded: the rest of this member is not decoded", name)
        yield Child(name, content)
        position = decoder.position


def _next(data: bytes, start: int) -> re.Match[bytes] | None:
    position = data.find(b"begin", start)
    while position >= 0:
        if position == 0 or data[position - 1] in b"\r\n":
            match = _BEGIN.match(data, position)
            if match and (_BASE64_LINE.match(match[3]) if match[1] else _decode(match[3], MIN_LINE_CHARS)):
                return match
        position = data.find(b"begin", position + 5)
    return None


def _decode(line: bytes, shortest: int = 0) -> bytes | None:
    """One line's bytes; None when it is not uuencoded. Blanks lost at its end (down to `shortest` characters) and a
    check character are fine."""
    size = (line[0] - 32) & 63
    wanted = 1 + (size + 2) // 3 * 4
    if not size or not shortest <= len(line.rstrip()) <= wanted + 2 or max(line) > 96:
        return None
    try:
        return binascii.a2b_uu(line[:wanted])
    except binascii.Error:
        return None


class _Decoder:
    """Decodes lines from `position` on, until `end` or the first line that is not data."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position
        self.broken = False

    def lines(self) -> Iterator[bytes]:
        while self.position < len(self.data):
            match = _LINE.match(self.data, self.position)
            line = match[1] if match else b""
            self.position = match.end() if match else len(self.data)
            if line.strip() in (b"end", b"`"):
                return
            if not line.strip():
                continue
            content = _decode(line)
            if content is None:
                self.broken = True
                return
            yield content


FORMATS = (Format("uuencode", "uuencoded files, also inside text", sniff=sniff, unpack=unpack),)
