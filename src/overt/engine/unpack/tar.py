"""tar: v7, ustar and pax (POSIX.1-2017, pax, "ustar Interchange Format"), and GNU's long names and sparse files.

A reader of its own because `tarfile` keeps every member in memory and stops at the first damaged header. Here a
damaged header is a gap and reading goes on at the next whole one, also past the end marker, where tar stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from overt.core.errors import Damaged
from overt.core.model import Reason
from overt.engine.unpack.base import Child, Format, Room
from overt.engine.unpack.stored import after_end, stored, text
from overt.engine.unpack.tarsparse import BLOCK, expanded, number, old_gnu_map, pax_map

ZEROS = bytes(BLOCK)
MAX_EXTENSION_BYTES = 1 << 20
"""Longest pax or GNU header that is looked at; file names are shorter."""

LINKS = b"12"
NO_CONTENT = b"3456"
EXTENSIONS = b"xgXLK"


@dataclass(slots=True)
class Header:
    """One 512-byte header whose checksum is right."""

    name: str
    size: int
    kind: bytes
    block: bytes


@dataclass(slots=True)
class _Pending:
    """What extension headers said about the next member."""

    pax: dict[str, str] = field(default_factory=dict)
    sparse: list[tuple[str, str]] = field(default_factory=list)
    """`GNU.sparse.*` records in order: format 0.0 repeats its keys."""
    name: str = ""


def read_header(data: bytes, offset: int = 0) -> Header | None:
    """The header at `offset`; None when there is none or its checksum is wrong."""
    block = data[offset : offset + BLOCK]
    if len(block) < BLOCK or block[148:156].strip(b" \0").strip(b"01234567"):
        return None
    try:
        if number(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * 32:
            return None
        size = number(block[124:136])
    except ValueError:
        return None
    name = block[:100].split(b"\0")[0]
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].split(b"\0")[0]):
        name = prefix + b"/" + name
    return Header(text(name), size, block[156:157], block)


def is_tar(data: bytes) -> bool:
    """A whole first header. Archives older than ustar have no signature: there its other fields must be sane."""
    if data[257:262] != b"ustar":
        if len(data) < BLOCK or not data[0] or data[99] or data[136:148].strip(b"01234567 \0"):
            return False
        if not data[148:156].strip(b" \0") or data[100:124].strip(b"01234567 \0"):
            return False
    header = read_header(data)
    return header is not None and bool(header.name)


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Every member with content; folders, links and devices are counted."""
    offset, pending, ended = 0, _Pending(), False
    while offset + BLOCK <= len(data) and not room.spent:
        header = read_header(data, offset)
        if header is None:
            if data[offset : offset + BLOCK] == ZEROS:
                offset, ended = _after_zeros(data, offset), True
                continue
            found = _next_header(data, offset)
            if found is None:
                break
            room.gap(Reason.DAMAGED, f"no member can be read in bytes {offset} to {found}")
            offset, pending = found, _Pending()
            continue
        start = offset + BLOCK
        if header.kind in EXTENSIONS:
            pending = _extended(pending, header, data[start : start + min(header.size, MAX_EXTENSION_BYTES)])
            offset = start + _padded(header.size)
            continue
        size = _size(header, pending, data, start)
        if header.kind in NO_CONTENT or (not size and header.kind in LINKS):
            room.skip()
        else:
            yield _member(header, pending, data, start, size, room)
        offset, pending, ended = start + _padded(size) + _extra(header, data, start), _Pending(), False
    if offset < len(data) and not room.spent:
        if not ended and data[offset:].strip(b"\0"):
            room.gap(Reason.DAMAGED, f"no member can be read after byte {offset}")
        yield from after_end(data, offset, room)


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _after_zeros(data: bytes, offset: int) -> int:
    while data[offset : offset + BLOCK] == ZEROS:
        offset += BLOCK
    return offset


def _next_header(data: bytes, offset: int) -> int | None:
    """The next header with a signature, on any block: what tar itself looks for after damage."""
    at = data.find(b"ustar", offset + BLOCK)
    while at >= 0:
        start = at - 257
        if start % BLOCK == offset % BLOCK and read_header(data, start):
            return start
        at = data.find(b"ustar", at + 1)
    return None


def _extended(pending: _Pending, header: Header, body: bytes) -> _Pending:
    if header.kind == b"L":
        pending.name = text(body.split(b"\0")[0])
    elif header.kind in b"xX":
        for key, value in _records(body):
            if key.startswith("GNU.sparse."):
                pending.sparse.append((key[len("GNU.sparse.") :], value))
            else:
                pending.pax[key] = value
    return pending


def _records(body: bytes) -> Iterator[tuple[str, str]]:
    """pax records `length key=value\\n`; reading stops at the first that is broken."""
    while body:
        length, _, _ = body.partition(b" ")
        if not length.isdigit() or len(length) > 8 or not 0 < int(length) <= len(body):
            return
        key, _, value = body[len(length) + 1 : int(length)].rstrip(b"\n").partition(b"=")
        yield text(key), text(value)
        body = body[int(length) :]


def _size(header: Header, pending: _Pending, data: bytes, start: int) -> int:
    """Bytes stored for the member. Some writers give a link the size of what it points to, and no content."""
    claimed = pending.pax.get("size", "")
    size = int(claimed) if claimed.isdigit() and len(claimed) < 20 else header.size
    if header.kind in NO_CONTENT:
        return 0
    if header.kind in LINKS and size and (read_header(data, start) or data[start : start + BLOCK] == ZEROS):
        return 0
    return size


def _extra(header: Header, data: bytes, start: int) -> int:
    """Old GNU sparse maps go on in blocks of their own before the content."""
    return old_gnu_map(header.block, data, start).blocks * BLOCK if header.kind == b"S" else 0


def _member(header: Header, pending: _Pending, data: bytes, start: int, size: int, room: Room) -> Child:
    sparse = dict(pending.sparse)
    name = sparse.get("name") or pending.pax.get("path") or pending.name or header.name
    if header.kind == b"M":
        room.gap(Reason.UNSUPPORTED, "it started in another volume, which is not here", name)
    try:
        if header.kind == b"S":
            extents = old_gnu_map(header.block, data, start)
        elif pending.sparse:
            extents = pax_map(pending.sparse, data[start : start + size])
        else:
            return stored(data, start, size, name, room)
    except (ValueError, Damaged) as error:
        room.gap(Reason.DAMAGED, f"the map of a sparse file is broken: {error}", name)
        return stored(data, start, size, name, room)
    body = data[start + extents.blocks * BLOCK :][
        : size if header.kind == b"S" else size - extents.blocks * BLOCK
    ]
    return Child(name, room.gather(expanded(extents, body), name))


FORMATS = (Format("tar", "tar archives: v7, ustar, pax, GNU", sniff=is_tar, unpack=unpack),)
