"""Just enough of PE and ELF headers to find sections, the overlay and the resources; `struct` only, microseconds.

PE: Microsoft, "PE Format". ELF: System V ABI, chapters 4 and 5. Nothing in a header is trusted: every offset is
checked against the file by whoever slices it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAX_SECTIONS = 96
"""What the Windows loader accepts."""
RAW_ALIGN = 0x200
"""The loader rounds raw offsets of sections down to this."""


@dataclass(frozen=True, slots=True)
class Section:
    """One PE section; addresses are relative to the image base."""

    name: bytes
    address: int
    memory_size: int
    offset: int
    file_size: int
    flags: int


@dataclass(frozen=True, slots=True)
class Pe:
    """A PE file's headers."""

    machine: int
    bits: int
    entry: int
    image_base: int
    image_size: int
    headers_size: int
    sections: tuple[Section, ...]
    directories: tuple[tuple[int, int], ...]
    """Address (for certificates: file offset) and size of each data directory."""

    @property
    def end(self) -> int:
        """File offset after the last section's bytes: what follows is the overlay."""
        ends = [section.offset + section.file_size for section in self.sections if section.file_size]
        return max(ends, default=self.headers_size)

    def directory(self, index: int) -> tuple[int, int]:
        """Address and size of a data directory; zeros when there is none."""
        return self.directories[index] if index < len(self.directories) else (0, 0)

    def offset_of(self, address: int) -> int | None:
        """The file offset of a relative address; None when no section has it."""
        for section in self.sections:
            if section.address <= address < section.address + section.file_size:
                return section.offset + address - section.address
        return None


EXPORTS, IMPORTS, RESOURCES, CERTIFICATES = 0, 1, 2, 4


def read_pe(data: bytes, base: int = 0) -> Pe | None:
    """The headers of the PE file that starts at `base`; None when there is none."""
    try:
        (header,) = struct.unpack_from("<I", data, base + 0x3C)
        if data[base : base + 2] != b"MZ" or data[base + header : base + header + 4] != b"PE\0\0":
            return None
        machine, count, optional_size = struct.unpack_from("<HH12xH", data, base + header + 4)
        optional = base + header + 24
        (magic,) = struct.unpack_from("<H", data, optional)
        wide = magic == 0x20B
        entry, image_base = struct.unpack_from("<16xI4xQ" if wide else "<16xI8xI", data, optional)
        image_size, headers_size = struct.unpack_from("<II", data, optional + 56)
        at = optional + (108 if wide else 92)
        (directories,) = struct.unpack_from("<I", data, at)
        pairs = min(directories, 16)
        values = struct.unpack_from(f"<{2 * pairs}I", data, at + 4)
        sections = tuple(_sections(data, optional + optional_size, min(count, MAX_SECTIONS)))
    except struct.error:
        return None
    bits = 64 if wide else 32
    directory = tuple(zip(values[::2], values[1::2]))
    return Pe(machine, bits, entry, image_base, image_size, headers_size, sections, directory)


def _sections(data: bytes, at: int, count: int) -> Iterator[Section]:
    for index in range(count):
        name, memory, address, size, offset, flags = struct.unpack_from("<8sIIII12xI", data, at + 40 * index)
        yield Section(name, address, memory, offset & -RAW_ALIGN, size, flags)


def elf_end(data: bytes) -> int | None:
    """File offset after the last byte that an ELF file's tables account for; None when the headers are broken."""
    try:
        wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
        words = order + ("16x2HI3QI6H" if wide else "16x2HI3II6H")
        _, _, _, _, phoff, shoff, _, _, phsize, phnum, shsize, shnum, _ = struct.unpack_from(words, data)
        end: int = max(phoff + phsize * phnum, shoff + shsize * shnum)
        segment = struct.Struct(order + ("8xQ16xQ16x" if wide else "4xI8xI12x"))
        section = struct.Struct(order + ("4xI16xQQ" if wide else "4xI8xII"))
        for index in range(phnum):
            offset, size = segment.unpack_from(data, phoff + index * phsize)
            end = max(end, offset + size)
        for index in range(shnum):
            kind, offset, size = section.unpack_from(data, shoff + index * shsize)
            if kind not in (0, 8):  # SHT_NULL, SHT_NOBITS: nothing in the file
                end = max(end, offset + size)
    except (struct.error, IndexError, OverflowError):
        return None
    return end


def resources(data: bytes, pe: Pe) -> Iterator[tuple[str, int, int]]:
    """Name (`type/name/language`), file offset and size of each resource, at most `MAX_RESOURCES`.

    A directory is entered once, so a tree that points back at itself ends.
    """
    address, _ = pe.directory(RESOURCES)
    root = pe.offset_of(address) if address else None
    if root is None:
        return
    pending: list[tuple[int, str, int]] = [(0, "", 0)]
    seen: set[int] = set()
    left = MAX_RESOURCES
    while pending and left:
        at, path, depth = pending.pop()
        left -= 1
        if at & 0x8000_0000:
            at &= 0x7FFF_FFFF
        elif depth:
            entry = data[root + at : root + at + 8]
            offset = pe.offset_of(int.from_bytes(entry[:4], "little"))
            if offset is not None:
                yield path, offset, int.from_bytes(entry[4:], "little")
            continue
        if at in seen or depth > 3:
            continue
        seen.add(at)
        pending += _entries(data, root, at, path, depth)


MAX_RESOURCES = 4096


def _entries(data: bytes, root: int, at: int, path: str, depth: int) -> Iterator[tuple[int, str, int]]:
    try:
        named, numbered = struct.unpack_from("<HH", data, root + at + 12)
        for index in range(min(named + numbered, MAX_RESOURCES)):
            name, target = struct.unpack_from("<II", data, root + at + 16 + 8 * index)
            yield target, f"{path}/{_label(data, root, name)}".lstrip("/"), depth + 1
    except struct.error:
        return


def _label(data: bytes, root: int, name: int) -> str:
    if not name & 0x8000_0000:
        return str(name)
    at = root + (name & 0x7FFF_FFFF)
    length = int.from_bytes(data[at : at + 2], "little")
    return data[at + 2 : at + 2 + 2 * min(length, 64)].decode("utf-16-le", "replace")
