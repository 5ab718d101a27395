"""VBA macro source out of an Office project's streams ([MS-OVBA]): the compressed containers, decompressed."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from overt.core.errors import Damaged

CHUNK_BYTES = 4096
_MODULE_NAME, _MODULE_STREAM, _MODULE_STREAM_UNICODE = 0x0019, 0x001A, 0x0032
_MODULE_OFFSET, _MODULE_CLASS, _MODULE_END = 0x0031, 0x0022, 0x002B
_CODE_PAGE, _VERSION = 0x0003, 0x0009
_CARVED = re.compile(rb"\x01[\x00-\xff][\xb0-\xbf]\x00Attribut", re.DOTALL)
"""A container's signature, one compressed chunk's header, and the text that every module begins with."""


class Module(NamedTuple):
    """One module of a project: where its compressed source begins in which stream."""

    name: str
    stream: str
    offset: int
    suffix: str


def sources(streams: Mapping[str, bytes]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """(file name, chunks of source) for every module of every project among an OLE file's `streams`.

    The chunks raise `Damaged` where the compressed source breaks. Modules that no readable project directory
    names are found by their signature.
    """
    done: set[str] = set()
    for path, directory in streams.items():
        if path.rsplit("/", 1)[-1].lower() != "dir":
            continue
        folder = path[:-3]
        by_name = {name.lower(): name for name in streams}
        for module in _modules(_readable(directory)):
            found = by_name.get((folder + module.stream).lower())
            if found is not None and module.offset < len(streams[found]):
                done.add(found)
                yield f"VBA/{module.name}{module.suffix}", decompress(streams[found], module.offset)
    for path, stream in streams.items():
        if path not in done:
            yield from carved(stream, path.rsplit("/", 1)[-1])


def carved(stream: bytes, name: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Sources found in `stream` by how a compressed module begins."""
    for number, match in enumerate(_CARVED.finditer(stream)):
        yield f"VBA/{name}{f' {number + 1}' if number else ''}.bas", decompress(stream, match.start())


def decompress(container: bytes, start: int = 0) -> Iterator[bytes]:
    """The chunks of the compressed container at `start` ([MS-OVBA] 2.4.1), at most 4096 bytes each. Raises
    `Damaged` when it breaks its format before the first chunk; what follows the last whole chunk is not source."""
    if container[start : start + 1] != b"\x01":
        raise Damaged("no compressed VBA source where the project says")
    position = start + 1
    while position + 2 < len(container):
        (header,) = struct.unpack_from("<H", container, position)
        if header >> 12 & 7 != 3:
            return
        end = min(position + (header & 0x0FFF) + 3, len(container))
        if header & 0x8000:
            yield _chunk(container, position + 2, end)
        else:
            yield container[position + 2 : position + 2 + CHUNK_BYTES]
            end = position + 2 + CHUNK_BYTES
        position = end


def _chunk(data: bytes, position: int, end: int) -> bytes:
    """One compressed chunk: eight tokens per flag byte, each a literal or a copy ([MS-OVBA] 2.4.1.3.5)."""
    out = bytearray()
    while position < end:
        flags = data[position]
        position += 1
        if not flags:
            out += data[position : min(position + 8, end)]
            position += 8
            continue
        for bit in range(8):
            if position >= end:
                break
            if not flags >> bit & 1:
                out.append(data[position])
                position += 1
                continue
            if position + 2 > end or not out:
                raise Damaged("the VBA source breaks off")
            _copy(out, data[position] | data[position + 1] << 8)
            position += 2
    return bytes(out[:CHUNK_BYTES])


def _copy(out: bytearray, token: int) -> None:
    """Append what a copy token names ([MS-OVBA] 2.4.1.3.19): its split depends on what is there already."""
    bits = max((len(out) - 1).bit_length(), 4)
    length = (token & (0xFFFF >> bits)) + 3
    distance = (token >> (16 - bits)) + 1
    if distance > len(out) or len(out) > CHUNK_BYTES:
        raise Damaged("the VBA source refers to before its beginning")
    piece = out[len(out) - distance :][:length]
    out += (piece * (length // len(piece) + 1))[:length]


def _readable(directory: bytes) -> bytes:
    parts = []
    try:
        for chunk in decompress(directory):
            parts.append(chunk)
    except Damaged:
        pass  # its modules are then found by their signature
    return b"".join(parts)


def _modules(directory: bytes) -> Iterator[Module]:
    """The modules of a decompressed `dir` stream ([MS-OVBA] 2.3.4.2)."""
    codec, name, stream, offset, suffix = "cp1252", "", "", 0, ".bas"
    for kind, value in _records(directory):
        if kind == _CODE_PAGE and len(value) >= 2:
            codec = _codec(int.from_bytes(value[:2], "little"))
        elif kind == _MODULE_NAME:
            name = value.decode(codec, "replace")
        elif kind == _MODULE_STREAM:
            stream = value.decode(codec, "replace")
        elif kind == _MODULE_STREAM_UNICODE:
            stream = value.decode("utf-16-le", "replace") or stream
        elif kind == _MODULE_OFFSET and len(value) >= 4:
            offset = int.from_bytes(value[:4], "little")
        elif kind == _MODULE_CLASS:
            suffix = ".cls"
        elif kind == _MODULE_END:
            yield Module(name or stream, stream or name, offset, suffix)
            name, stream, offset, suffix = "", "", 0, ".bas"


def _records(directory: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 6 <= len(directory):
        kind, size = struct.unpack_from("<HI", directory, position)
        if kind == _VERSION:
            size = 6
        yield kind, directory[position + 6 : position + 6 + size]
        position += 6 + size


def _codec(page: int) -> str:
    codec = f"cp{page}"
    try:
        b"".decode(codec)
    except LookupError:
        return "cp1252"
    return codec
