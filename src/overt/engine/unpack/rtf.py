"""Rich Text Format (RTF 1.9.1): the objects in it, which are hexadecimal text that a word processor reads with
great patience: white space, control words, groups and `\\bin` may stand between the digits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.olepackage import from_ole1

_OBJECT = re.compile(rb"\\(objdata|datastore)(?![a-z])")
_TOKEN = re.compile(
    rb"(?P<hex>[0-9A-Fa-f\s]++)"
    rb"|(?P<open>\{\s*+(?P<ignored>\\\*)?)"
    rb"|(?P<close>\})"
    rb"|\\bin(?P<bin>[0-9]{0,9})[0-9]*+ ?"
    rb"|\\[A-Za-z]++-?[0-9]*+ ?"
    rb"|\\'[0-9A-Fa-f]{0,2}"
    rb"|\\[^A-Za-z]"
    rb"|[^0-9A-Fa-f\s{}\\]++|\\",
    re.DOTALL,
)
_NOT_HEX = bytes(byte for byte in range(256) if byte not in b"0123456789abcdefABCDEF")


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Per object: its bytes as the digits say, then the file or the compound document in it."""
    position, number = 0, 0
    while match := _OBJECT.search(data, position):
        reader = _Digits(data, match.end())
        content = reader.read()
        position = reader.position
        if not content:
            continue
        number += 1
        name = f"object {number}"
        yield Child(name, room.gather(iter((content,)), name))
        if match[1] == b"objdata":
            for packed in from_ole1(content):
                yield Child(packed.name, room.gather(iter((packed.data,)), packed.name))


class _Digits:
    """Reads hexadecimal digits from `position` to the end of the group that it is in."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position
        self._digits: list[bytes] = []
        self._bytes: list[bytes] = []

    def read(self) -> bytes:
        """The bytes; `position` is then after the group. Groups that begin with `\\*` are unknown destinations,
        which a reader skips."""
        depth, ignored = 0, 0
        while depth >= 0 and (token := _TOKEN.match(self.data, self.position)):
            self.position = token.end()
            if token["open"]:
                depth += 1
                if token["ignored"] and not ignored:
                    ignored = depth
            elif token["close"]:
                if ignored == depth:
                    ignored = 0
                depth -= 1
            elif token["bin"] is not None:
                self._raw(int(token["bin"] or 0), bool(ignored))
            elif token["hex"] and not ignored:
                self._digits.append(token["hex"].translate(None, _NOT_HEX))
        self._flush()
        return b"".join(self._bytes)

    def _raw(self, size: int, ignored: bool) -> None:
        """`\\binN`: N bytes as they are."""
        if not ignored:
            self._flush()
            self._bytes.append(self.data[self.position : self.position + size])
        self.position = min(self.position + size, len(self.data))

    def _flush(self) -> None:
        digits = b"".join(self._digits)
        self._bytes.append(bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii")))
        self._digits = [digits[-1:]] if len(digits) % 2 else []


FORMATS = (Format("rtf", "Rich Text Format objects", (Magic(0, b"{\\rt"),), unpack=unpack),)
