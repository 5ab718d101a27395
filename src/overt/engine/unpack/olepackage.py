"""Files packed into OLE objects: the OLE 1.0 object ([MS-OLEDS] 2.2) and the package of the Object Packager,
as found in `Ole10Native` streams, RTF `\\objdata` and mail."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

MAX_NAME_BYTES = 4096
COMPOUND_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
EMBEDDED = 2
"""FormatID of an embedded object ([MS-OLEDS] 2.2.4)."""


class Packed(NamedTuple):
    """One file inside an object."""

    name: str
    data: bytes


def from_native_stream(stream: bytes) -> Packed | None:
    """The file in an `Ole10Native` stream: a package, or whatever native data follows the size field."""
    if len(stream) < 6:
        return None
    return package(stream[4:]) or Packed("native data", stream[4:])


def package(native: bytes) -> Packed | None:
    """The file in Object Packager data: type, label, path, flags, temporary path, size, content. None when it is
    not of that form. A size that is too large is cut to what is there, as the packager does."""
    if native[:2] != b"\x02\x00":
        return None
    label, position = _text(native, 2)
    path, position = _text(native, position)
    position += 4
    if position + 4 > len(native):
        return None
    (length,) = struct.unpack_from("<I", native, position)
    position += 4 + length
    if length > MAX_NAME_BYTES or position + 4 > len(native):
        return None
    (size,) = struct.unpack_from("<I", native, position)
    name = (label or path).replace("\\", "/").rsplit("/", 1)[-1]
    return Packed(name or "package", native[position + 4 : position + 4 + size])


def _text(data: bytes, start: int) -> tuple[str, int]:
    end = data.find(b"\0", start, start + MAX_NAME_BYTES)
    if end < 0:
        return "", len(data)
    return data[start:end].decode("cp1252", "replace"), end + 1


def from_ole1(data: bytes) -> Iterator[Packed]:
    """What an OLE 1.0 object holds; when its header is bent, compound files found by their signature."""
    native = _native(data)
    if native is not None:
        inner = package(native.data) if native.name.lower() == "package" else None
        yield inner or native
        if COMPOUND_MAGIC in native.data[:8]:
            return
    start = data.find(COMPOUND_MAGIC)
    if start > 0:
        yield Packed("compound", data[start:])


def _native(data: bytes) -> Packed | None:
    """Class name and native data of an embedded object."""
    if len(data) < 12 or struct.unpack_from("<I", data, 4)[0] != EMBEDDED:
        return None
    names, position = [], 8
    for _ in range(3):
        if position + 4 > len(data):
            return None
        (length,) = struct.unpack_from("<I", data, position)
        if length > MAX_NAME_BYTES:
            return None
        names.append(data[position + 4 : position + 4 + length].rstrip(b"\0").decode("cp1252", "replace"))
        position += 4 + length
    if position + 4 > len(data):
        return None
    (size,) = struct.unpack_from("<I", data, position)
    return Packed(names[0] or "object", data[position + 4 : position + 4 + size])
