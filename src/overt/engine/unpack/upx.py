"""UPX: Linux programs block by block, and the compressed section of Windows programs, without running anything.

The layout is that of UPX's own headers (`l_info`, `p_info`, `b_info`, `PackHeader`). LZMA and deflate are decoded
to the end; NRV in Python only so far. What cannot be decoded of a Linux program is a gap.
"""

from __future__ import annotations

import lzma
import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from overt.core.errors import Damaged, Unsupported
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
MAX_LOADER_BYTES = 1 << 20
"""UPX's own code, between the blocks of the segments and the others: some kilobytes."""

PACK_HEADER = struct.Struct("<4sBBBBIIIIIBBB")
"""Mark, version, format, method, level, two checksums, sizes (unpacked, packed, of the file), filter, its byte."""
BLOCK = struct.Struct("<IIBBBB")
"""Sizes unpacked and packed, method, filter, its byte."""
BIG_ENDIAN = struct.Struct(">IIBBBB")
END = b"\0\0\0\0" + MARK
"""The sizes in the block header that ends the blocks, in either byte order."""
NRV = {2: "b", 5: "d", 8: "e"}
LZMA, DEFLATE = 14, 15
CALL_FILTERS = (0x16, 0x26, 0x36, 0x46, 0x49)


def _decoded(data: bytes, method: int, size: int) -> bytes:
    """Raises `Damaged` (or the library's own error) when `data` is not what the method makes, and `Unsupported`."""
    if method in NRV:
        return decompress(data, NRV[method], min(size, MAX_NRV_BYTES))
    if method == DEFLATE:
        return zlib.decompressobj(wbits=-15).decompress(data, size)
    if method != LZMA:
        raise Unsupported(f"UPX's compression method {method}")
    if len(data) < 3:
        raise Damaged("an LZMA block without its header")
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


def is_cut(data: bytes) -> bool:
    """Whether `unpacked_pe` decodes only the beginning of this program, because NRV is slow in Python."""
    at = data.find(MARK, 0, SEARCH_BYTES)
    if at < 0 or at + PACK_HEADER.size > len(data):
        return False
    _, _, _, method, _, _, _, size, *_ = PACK_HEADER.unpack_from(data, at)
    return method in NRV and size > MAX_NRV_BYTES


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
    except (Damaged, Unsupported, lzma.LZMAError, zlib.error):
        return None
    memory = load(data, pe)
    address = pe.sections[0].address
    if len(content) < min(size, MAX_NRV_BYTES) or address + len(content) > len(memory):
        return None
    memory[address : address + len(content)] = content
    return dump(memory, pe)


def _elf(data: bytes, room: Room) -> Iterator[Child]:
    """One child: the blocks one after another, which begin with the original headers."""
    content = room.gather(_blocks(data, data.find(MARK, 0, SEARCH_BYTES)), UNPACKED)
    if content:
        yield Child(UNPACKED, content)


class _Block(NamedTuple):
    """What a `b_info` says of the block after it."""

    at: int
    """Of the content, after the header."""
    size: int
    packed: int
    method: int
    kind: int
    mark: int


def _block(data: bytes, at: int) -> _Block | None:
    """The block whose header is at `at`; None when there cannot be one. The end marker has neither size."""
    order = BIG_ENDIAN if data[5:6] == b"\2" else BLOCK
    if data[at : at + 8] == END:
        return _Block(at, 0, 0, 0, 0, 0)
    if at + order.size > len(data):
        return None
    size, packed, method, kind, mark, _ = order.unpack_from(data, at)
    at += order.size
    if not 0 < packed <= size <= MAX_IMAGE_BYTES or at + packed > len(data):
        return None
    return _Block(at, size, packed, method, kind, mark)


def _blocks(data: bytes, mark: int) -> Iterator[bytes]:
    """All blocks: those of the segments, then, after UPX's own code, those of what is never loaded.

    Raises `Damaged` unless the end marker is reached and the blocks are as long as the header says the original
    is, `Unsupported` for what cannot be decoded here.
    """
    order = ">I" if data[5:6] == b"\2" else "<I"
    expected = int(struct.unpack_from(order, data.ljust(mark + 16, b"\0"), mark + 12)[0])
    at, total, slow, jumped = mark + 8 + 12, 0, 0, False
    for _ in range(MAX_BLOCKS):
        block = _block(data, at)
        if block is None:
            at, block, jumped = *_resumed(data, at), True
        if not block.size:
            if total < expected or (jumped and not expected):
                raise Damaged(f"blocks of {total} bytes, the header says {expected or 'no size'}")
            return
        left = MAX_NRV_BYTES - slow
        yield _content(data, block, left)
        if block.method in NRV and block.packed < block.size:
            if block.size > left:
                raise Unsupported(f"more than {MAX_NRV_BYTES} bytes of NRV compression")
            slow += block.size
        total += block.size
        at = block.at + block.packed
    raise Unsupported(f"more than {MAX_BLOCKS} blocks")


def _content(data: bytes, block: _Block, most: int) -> bytes:
    """The block decoded, of NRV at most `most` bytes. Raises what `_decoded` does, and `Damaged` when it is short."""
    body = data[block.at : block.at + block.packed]
    if block.packed == block.size:
        return body
    wanted = min(block.size, most) if block.method in NRV else block.size
    content = _decoded(body, block.method, wanted)
    if len(content) < wanted:
        raise Damaged(f"a block has {len(content)} of {wanted} bytes")
    return _unfiltered(content, block.kind, block.mark)


def _resumed(data: bytes, at: int) -> tuple[int, _Block]:
    """The next place from which blocks lead to the end marker. Raises `Damaged` when there is none."""
    last = min(data.rfind(END) + 1, at + MAX_LOADER_BYTES)
    seen: set[int] = set()
    for start in range(at, last):
        place = start
        while place not in seen:  # a place that did not lead there leads nowhere from anywhere else either
            seen.add(place)
            block = _block(data, place)
            if block is None:
                break
            if not block.size:
                return start, _block(data, start) or block
            place = block.at + block.packed
    raise Damaged(f"no block and no end marker at byte {at}")


FORMATS = (Format("upx elf", "Linux programs packed by UPX", (Magic(0, b"\x7fELF"),), is_packed, _elf),)
