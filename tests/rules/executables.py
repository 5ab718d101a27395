"""Small executables made from their formats' documents, whole enough for the rule engine's modules."""

from __future__ import annotations

import struct


def pe(section: bytes = b"\xc3" * 512, machine: int = 0x8664) -> bytes:
    """A PE32+ file with one section."""
    optional = struct.pack("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", 0x20B, 14, 0, len(section), 0, 0, 0x1000, 0x1000,
                           0x140000000, 0x1000, 0x200, 6, 0, 0, 0, 6, 0, 0, 0x3000, 0x200, 0, 3, 0,
                           0x100000, 0x1000, 0x100000, 0x1000, 0, 16) + bytes(16 * 8)  # fmt: skip
    header = b"PE\0\0" + struct.pack("<HHIIIHH", machine, 1, 0, 0, 0, len(optional), 0x22)
    table = struct.pack(
        "<8sIIIIIIHHI", b".text", len(section), 0x1000, len(section), 0x200, 0, 0, 0, 0, 0x60000020
    )
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    return (dos + header + optional + table).ljust(0x200, b"\0") + section


def elf(body: bytes = b"\xc3" * 64) -> bytes:
    """An ELF64 executable with one loadable segment."""
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    size = 120 + len(body)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, size, size, 0x1000)
    return ident + header + segment + body
