"""Small 32-bit PE files: enough for rules to read, nothing that runs."""

from __future__ import annotations

import struct
from typing import NamedTuple

CODE, DATA, WRITABLE_CODE = 0x60000020, 0xC0000040, 0xE0000060
_ALIGN = 0x200


class Section(NamedTuple):
    """One section; `claimed` bytes instead of the data's own length, where a file is to lie."""

    name: bytes = b".text"
    data: bytes = b"\x90" * 16
    flags: int = CODE
    claimed: int = 0


def pe(*sections: Section, entry: int = 0x1000, timestamp: int = 0, new_header: int = 0x40) -> bytes:
    """A PE file with these sections at 0x1000, 0x2000, …; `entry` is relative to the image."""
    rows, bodies = b"", b""
    start = _up(new_header + 24 + 224 + 40 * len(sections))
    for number, section in enumerate(sections, 1):
        body = section.data.ljust(_up(len(section.data)), b"\0")
        size = section.claimed or len(body)
        rows += section.name.ljust(8, b"\0")
        rows += struct.pack(
            "<IIIIIIHHI", size, number * 0x1000, size, start + len(bodies), 0, 0, 0, 0, section.flags
        )
        bodies += body
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x14C, len(sections), timestamp, 0, 0, 224, 0x102)
    optional = struct.pack("<HBBIIIIII", 0x10B, 6, 0, _ALIGN, 0, 0, entry, 0x1000, 0x2000)
    optional += struct.pack(
        "<IIIHHHHHHIIIIHHIIIIII",
        0x400000,
        0x1000,
        _ALIGN,
        4,
        0,
        0,
        0,
        4,
        0,
        0,
        0x1000 * (len(sections) + 1),
        start,
        0,
        2,
        0,
        0x100000,
        0x1000,
        0x100000,
        0x1000,
        0,
        16,
    )
    header = b"MZ" + bytes(58) + struct.pack("<I", new_header)
    head = header.ljust(new_header, b"\0") + coff + optional.ljust(224, b"\0") + rows
    return head.ljust(start, b"\0") + bodies


def program(body: bytes) -> bytes:
    """A PE file with `body` in its one section."""
    return pe(Section(b".rdata", body, DATA))


def _up(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN
