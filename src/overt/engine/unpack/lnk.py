"""Windows shortcuts ([MS-SHLLINK]): what they start, as text that rules can match, and what is appended to them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from overt.core.errors import Damaged
from overt.engine.unpack.base import Child, Format, Magic, Room

_MAGIC = b"\x4c\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
_HEADER_BYTES = 76
_HAS_TARGET_LIST, _HAS_LINK_INFO, _IS_UNICODE = 0x01, 0x02, 0x80
_STRINGS = (
    (0x04, "name"),
    (0x08, "relative path"),
    (0x10, "working folder"),
    (0x20, "arguments"),
    (0x40, "icon"),
)
_ENVIRONMENT = 0xA0000001
_HAS_LOCAL_PATH = 0x01


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """`link.txt` (target, arguments, working folder, icon as UTF-8), and `appended` data. Raises `Damaged` when
    the shortcut is cut short."""
    link = _Link(data)
    damage: Damaged | None = None
    try:
        link.read()
    except (struct.error, Damaged) as error:
        damage = Damaged(f"the shortcut is cut short: {error}")
    if link.lines:
        text = "\n".join(link.lines).encode("utf-8", "replace")
        yield Child("link.txt", room.gather(iter((text,)), "link.txt"))
    if damage is not None:
        raise damage
    appended = data[link.position :]
    if appended.strip(b"\0"):
        yield Child("appended", room.gather(iter((appended,)), "appended"))


class _Link:
    """Reads the parts one after another; `position` is where the next begins."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = _HEADER_BYTES
        self.lines: list[str] = []

    def read(self) -> None:
        """All parts ([MS-SHLLINK] 2.1 to 2.5). Raises `Damaged` or `struct.error` where they end early."""
        (flags,) = struct.unpack_from("<I", self.data, 20)
        if flags & _HAS_TARGET_LIST:
            self._take(2 + struct.unpack_from("<H", self.data, self.position)[0])
        if flags & _HAS_LINK_INFO:
            (size,) = struct.unpack_from("<I", self.data, self.position)
            self._link_info(self._take(max(size, 4)))
        for bit, name in _STRINGS:
            if flags & bit:
                self._string(name, bool(flags & _IS_UNICODE))
        self._extra()

    def _take(self, size: int) -> bytes:
        part = self.data[self.position : self.position + size]
        if len(part) < size:
            raise Damaged(f"{size} bytes announced, {len(part)} there")
        self.position += size
        return part

    def _link_info(self, info: bytes) -> None:
        if len(info) < 28 or not struct.unpack_from("<I", info, 8)[0] & _HAS_LOCAL_PATH:
            return
        (start,) = struct.unpack_from("<I", info, 16)
        self._line("target", info[start:].split(b"\0", 1)[0].decode("cp1252", "replace"))

    def _string(self, name: str, wide: bool) -> None:
        (count,) = struct.unpack_from("<H", self._take(2))
        raw = self._take(count * (2 if wide else 1))
        self._line(name, raw.decode("utf-16-le" if wide else "cp1252", "replace"))

    def _extra(self) -> None:
        """Extra data blocks up to the terminal one; shortcuts of old systems end without any."""
        while self.position + 4 <= len(self.data):
            (size,) = struct.unpack_from("<I", self.data, self.position)
            if size < 4:
                self.position += 4
                return
            block = self._take(size)
            if len(block) >= 788 and struct.unpack_from("<I", block, 4)[0] == _ENVIRONMENT:
                self._line("target", block[268:788].decode("utf-16-le", "replace").split("\0", 1)[0])

    def _line(self, name: str, text: str) -> None:
        if text.strip("\0 "):
            self.lines.append(f"{name}: {text}")


FORMATS = (
    Format("lnk", "Windows shortcuts: command line, appended data", (Magic(0, _MAGIC),), unpack=unpack),
)
