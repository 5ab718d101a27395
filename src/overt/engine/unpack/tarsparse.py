"""Sparse files in tar: GNU's old header map and its pax formats 0.0, 0.1 and 1.0 (GNU tar manual, D.2 and D.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from overt.core.errors import Damaged

BLOCK = 512
HOLE_BYTES = 1 << 20
MAX_EXTENTS = 1 << 20


class SparseMap(NamedTuple):
    """Where the stored bytes belong."""

    extents: tuple[tuple[int, int], ...]
    """Offset and length of each piece of content, in order."""
    size: int
    """Bytes of the whole file, holes included."""
    blocks: int
    """512-byte blocks that the map itself takes before the content."""


def number(field: bytes) -> int:
    """An octal or GNU base-256 number of a header. Raises `ValueError`."""
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & ~(0x80 << 8 * (len(field) - 1))
    return int(field.strip(b" \0").split(b"\0")[0] or b"0", 8)


def old_gnu_map(block: bytes, data: bytes, start: int) -> SparseMap:
    """Type `S`: four pieces in the header, 21 in each block that follows while one says so. Raises `ValueError`."""
    extents = list(_pieces(block[386:482]))
    more, blocks = block[482], 0
    while more and len(extents) < MAX_EXTENTS:
        extension = data[start + blocks * BLOCK :][:BLOCK]
        if len(extension) < BLOCK:
            break
        extents += _pieces(extension[:504])
        more, blocks = extension[504], blocks + 1
    return SparseMap(tuple(extents), number(block[483:495]), blocks)


def _pieces(fields: bytes) -> Iterator[tuple[int, int]]:
    for at in range(0, len(fields), 24):
        offset, length = fields[at : at + 12], fields[at + 12 : at + 24]
        if length.strip(b"\0"):
            yield number(offset), number(length)


def pax_map(records: list[tuple[str, str]], body: bytes) -> SparseMap:
    """The map that pax `GNU.sparse.*` records give, or, in format 1.0, the start of the member's own bytes.

    Raises `ValueError` or `Damaged`.
    """
    known = dict(records)
    size = int(known.get("realsize") or known.get("size") or 0)
    if known.get("major") == "1":
        return _map_in_body(body, size)
    if "map" in known:
        numbers = [int(part) for part in known["map"].split(",")]
    else:
        numbers = [int(value) for key, value in records if key in ("offset", "numbytes")]
    return SparseMap(tuple(zip(numbers[::2], numbers[1::2])), size, 0)


def _map_in_body(body: bytes, size: int) -> SparseMap:
    end = body.find(b"\n")
    count = int(body[:end]) if 0 < end < 12 else -1
    if not 0 <= count <= MAX_EXTENTS:
        raise Damaged("no count of pieces")
    position, numbers = end + 1, []
    for _ in range(2 * count):
        end = body.find(b"\n", position, position + 24)
        if end < 0:
            raise Damaged("too few numbers")
        numbers.append(int(body[position:end]))
        position = end + 1
    return SparseMap(tuple(zip(numbers[::2], numbers[1::2])), size, -(-position // BLOCK))


def expanded(sparse: SparseMap, body: bytes) -> Iterator[bytes]:
    """The file as it was, holes as zeros in bounded pieces. Raises `Damaged` when pieces overlap or are missing."""
    written = taken = 0
    for offset, length in sparse.extents:
        if offset < written:
            raise Damaged("pieces of a sparse file overlap")
        yield from _hole(offset - written)
        piece = body[taken : taken + length]
        yield piece
        if len(piece) < length:
            raise Damaged("content of a sparse file is missing")
        written, taken = offset + length, taken + length
    yield from _hole(sparse.size - written)


def _hole(size: int) -> Iterator[bytes]:
    while size > 0:
        step = min(size, HOLE_BYTES)
        yield bytes(step)
        size -= step
