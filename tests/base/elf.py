"""Small 64-bit ELF files with a symbol table: enough for rules to read, nothing that runs."""

from __future__ import annotations

import struct

EXECUTABLE, SHARED, RELOCATABLE = 2, 3, 1
X86_64, BPF = 62, 247
_HEADER, _ENTRY, _SECTION = 64, 24, 64
_DYNSYM, _STRTAB, _PROGBITS = 11, 3, 1
_GLOBAL_FUNCTION = 0x12


def elf(
    body: bytes = b"",
    exports: tuple[str, ...] = (),
    kind: int = SHARED,
    machine: int = X86_64,
    sections: bool = True,
) -> bytes:
    """An ELF file with `body` as its text and `exports` as defined dynamic symbols; without a section table
    when `sections` is false."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in exports)
    symbols = bytes(_ENTRY)
    at = 1
    for name in exports:
        symbols += struct.pack("<IBBHQQ", at, _GLOBAL_FUNCTION, 0, 1, 0x1000, 16)
        at += len(name) + 1
    titles = b"\0.text\0.dynsym\0.dynstr\0.shstrtab\0"
    parts = [body or b"\x90" * 16, symbols, names, titles]
    offsets = [_HEADER + sum(len(part) for part in parts[:i]) for i in range(len(parts))]
    rows = [(0, 0, 0, 0, 0, 0)]
    for title, form, part, offset in zip(
        (1, 7, 15, 23), (_PROGBITS, _DYNSYM, _STRTAB, _STRTAB), parts, offsets
    ):
        rows.append((title, form, offset, len(part), 3 if form == _DYNSYM else 0, _ENTRY * (form == _DYNSYM)))
    table = b"".join(
        struct.pack("<IIQQQQIIQQ", title, form, 2, offset, offset, size, link, 1 if entry else 0, 8, entry)
        for title, form, offset, size, link, entry in rows
    )
    data = b"".join(parts)
    count = len(rows) if sections else 0
    where = _HEADER + len(data) if sections else 0
    return _header(kind, machine, where, count) + data + (table if sections else b"")


def _header(kind: int, machine: int, table: int, count: int) -> bytes:
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    numbers = struct.pack(
        "<HHIQQQIHHHHHH", kind, machine, 1, 0, 0, table, 0, _HEADER, 56, 0, _SECTION, count, 4
    )
    return ident + numbers
