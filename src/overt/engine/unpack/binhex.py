"""BinHex 4.0 (RFC 1741): a Macintosh file's two forks as text, run-length coded, with check sums."""

from __future__ import annotations

import binascii
import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from overt.core.errors import Damaged
from overt.engine.unpack.base import Child, Format, Room

_HQX = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BASE64 = bytes.maketrans(_HQX, _BASE64)
_FOREIGN = bytes(byte for byte in range(256) if byte not in _HQX)
_BANNER = b"(This file must be converted with BinHex"
_START = re.compile(
    rb"\(This file must be converted with BinHex[^\r\n]{0,80}[\r\n]\s*+:"
    rb"(?=[!-,\-012345689@A-NP-VX-Z\[`a-fh-mp-r\r\n]{48})"
)
_RUN = 0x90


class _Fork(NamedTuple):
    name: str
    start: int
    size: int


def sniff(data: bytes) -> bool:
    """The banner line, the colon that opens the data, and most of a line of data."""
    return _BANNER in data and _START.search(data) is not None


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Per encoded file: its data fork, and its resource fork when it has one. Raises `Damaged` at the end when a
    check sum is wrong or a file ends early."""
    wrong: list[str] = []
    for match in _START.finditer(data):
        end = data.find(b":", match.end())
        body = data[match.end() : end if end >= 0 else len(data)].translate(_TO_BASE64, _FOREIGN)
        packed = binascii.a2b_base64(
            body[: len(body) // 4 * 4 + (len(body) % 4 > 1) * (len(body) % 4)] + b"=="
        )
        content = room.gather(_expand(packed), "content")
        forks = _forks(content)
        if not forks:
            wrong.append("a file has no whole header")
        for fork in forks:
            stored = content[fork.start : fork.start + fork.size]
            yield Child(fork.name, stored)
            check = content[fork.start + fork.size : fork.start + fork.size + 2]
            if check != struct.pack(">H", binascii.crc_hqx(stored, 0)) and not room.spent:
                wrong.append(f"{fork.name}: the check sum is wrong")
    if wrong:
        raise Damaged(wrong[0])


def _expand(packed: bytes) -> Iterator[bytes]:
    """Undo the run-length coding: `c 90 n` is n times c, `90 00` is the byte 90 itself."""
    position, last = 0, b""
    while (mark := packed.find(_RUN, position)) >= 0 and mark + 1 < len(packed):
        if mark > position:
            yield packed[position:mark]
            last = packed[mark - 1 : mark]
        count = packed[mark + 1]
        if count == 0:
            last = b"\x90"
            yield last
        elif count > 1:
            yield last * (count - 1)
        position = mark + 2
    yield packed[position:]


def _forks(content: bytes) -> list[_Fork]:
    """Where the forks are, from the header (RFC 1741, appendix A)."""
    length = content[0] if content else 0
    fixed = 2 + length
    if not length or len(content) < fixed + 20:
        return []
    name = content[1 : 1 + length].decode("mac_roman")
    data_size, resource_size = struct.unpack_from(">II", content, fixed + 10)
    start = fixed + 20
    forks = [_Fork(name, start, data_size)]
    if resource_size:
        forks.append(_Fork(f"{name} (resource fork)", start + data_size + 2, resource_size))
    return forks


FORMATS = (Format("binhex", "BinHex 4.0 (hqx): data and resource forks", sniff=sniff, unpack=unpack),)
