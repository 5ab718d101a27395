"""UPX: Linux programs block by block, and the compressed section of Windows programs, without running anything.

The layout is that of UPX's own headers (`l_info`, `p_info`, `b_info`, `PackHeader`). LZMA and deflate are decoded
to the end; NRV in Python only so far. A program of which nothing can be decoded is no gap: its bytes were matched.
"""

from __future__ import annotations

import lzma
import re
import struct
import zlib
from collections.abc import Iterator

from overt.core.errors import Damaged
from overt.engine.exe import Pe
from overt.engine.mapped import MAX_IMAGE_BYTES, dump, image_bytes, load
from overt.engine.nrv import decompress
from overt.engine.unpack.base import Child, Format, Magic, Room

MARK = b"UPX!"
SEARCH_BYTES = 4096
"""Where the mark is in a packed program: after its headers, before its sections."""
UNPACKED = "[unpacked by UPX's format]"
MAX_NRV_BYTES = 4 << 20
"""Bytes decoded from NRV for one program: a few seconds."""
MAX_BLOCKS = 65_536

PACK_HEADER = struct.Struct("<4sBBBBIIIIIBBB")
"""Mark, version, format, method, level, two checksums, sizes (unpacked, packed, of the file), filter, its byte."""
BLOCK = struct.Struct("<IIBBBB")
"""Sizes unpacked and packed, method, filter, its byte."""
NRV = {2: "b", 5: "d", 8: "e"}
LZMA, DEFLATE = 14, 15
CALL_FILTERS = (0x16, 0x26, 0x36, 0x46, 0x49)


def _decoded(data: bytes, method: int, size: int) -> bytes:
    """Raises `Damaged` (or the library's own error) when `data` is not what the method makes."""
    if method in NRV:
        return decompress(data, NRV[method], min(size, MAX_NRV_BYTES))
    if method == DEFLATE:
        return zlib.decompressobj(wbits=-15).decompress(data, size)
    if method != LZMA or len(data) < 3:
        raise Damaged(f"compression method {method}")
    filters = [
        {"id": lzma.FILTER_LZMA1, "dict_size": max(size, 4096), "lc": data[1] & 15, "lp": data[1] >> 4}
    ]
    filters[0]["pb"] = data[0] & 7
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    return decoder.decompress(data[2:], size)


def _unfiltered(data: bytes, kind: int, mark: int) -> bytes:
    """Calls and jumps with their relative targets back: the filter made them absolute, with `mark` as first byte."""
    if kind not in CALL_FILTERS:
        return data
    out = bytearray(data)
    pattern = re.compile(rb"(?:[\xe8\xe9]|\x0f[\x80-\x8f])" + re.escape(bytes([mark])), re.DOTALL)
    at = 0
    while match := pattern.search(data, at):
        place = match.end() - 1
        if place + 4 > len(data):
            break
        target = int.from_bytes(data[place : place + 4], "big") - place - (mark << 24)
        out[place : place + 4] = (target & 0xFFFF_FFFF).to_bytes(4, "little")
        at = place + 4
    return bytes(out)


def is_packed(data: bytes) -> bool:
    """Whether UPX's mark is where it puts it."""
    return data.find(MARK, 0, SEARCH_BYTES) >= 0


def unpacked_pe(data: bytes, pe: Pe) -> bytes | None:
    """The memory of a Windows program after UPX's start-up code; None when this is not what UPX writes."""
    at = data.find(MARK, 0, SEARCH_BYTES)
    if (
        at < 0
        or len(pe.sections) < 2
        or image_bytes(pe) > MAX_IMAGE_BYTES
        or at + PACK_HEADER.size > len(data)
    ):
        return None
    _, _, _, method, _, _, _, size, packed, _, kind, mark, _ = PACK_HEADER.unpack_from(data, at)
    start = pe.sections[1].offset
    if not 0 < packed <= len(data) - start or not 0 < size <= image_bytes(pe):
        return None
    try:
        content = _unfiltered(_decoded(data[start : start + packed], method, size), kind, mark)
    except (Damaged, lzma.LZMAError, zlib.error):
        return None
    memory = load(data, pe)
    address = pe.sections[0].address
    if len(content) < min(size, MAX_NRV_BYTES) or address + len(content) > len(memory):
        return None
    memory[address : address + len(content)] = content
    return dump(memory, pe)


def _elf(data: bytes, room: Room) -> Iterator[Child]:
    """One child: the blocks one after another, which begin with the original headers."""
    at = data.find(MARK, 0, SEARCH_BYTES)
    content = room.gather(_blocks(data, at + 8 + 12), UNPACKED)
    if content:
        yield Child(UNPACKED, content)


def _blocks(data: bytes, at: int) -> Iterator[bytes]:
    slow = 0
    for _ in range(MAX_BLOCKS):
        if at + BLOCK.size > len(data):
            return
        size, packed, method, kind, mark, _ = BLOCK.unpack_from(data, at)
        at += BLOCK.size
        body = data[at : at + packed]
        if not 0 < packed <= size <= MAX_IMAGE_BYTES or len(body) < packed or slow > MAX_NRV_BYTES:
            return
        try:
            yield body if packed == size else _unfiltered(_decoded(body, method, size), kind, mark)
        except (Damaged, lzma.LZMAError, zlib.error):
            return
        slow += size if method in NRV and packed < size else 0
        at += packed


FORMATS = (Format("upx elf", "Linux programs packed by UPX", (Magic(0, b"\x7fELF"),), is_packed, _elf),)
