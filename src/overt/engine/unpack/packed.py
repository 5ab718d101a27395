"""Packed 32-bit Windows programs: run by emulation until they have unpacked themselves, then examined as they are.

This covers the packers by what they have in common, not one by one: UPX, FSG, MEW, Petite, ASPack, WWPack32,
Upack, yoda's Crypter, PESpin and their like. A program that cannot be unpacked is no gap: its bytes were matched.
"""

from __future__ import annotations

from collections.abc import Iterator

from overt.engine.exe import Pe, Section, read_pe
from overt.engine.unpack import upx
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.carve import archives
from overt.engine.x86.machine import Stop
from overt.engine.x86.run import Run

UNPACKED = "[unpacked in memory]"
MAX_INSTRUCTIONS = 6_000_000
"""Emulated instructions per file on disk, all programs in it together: a few seconds."""
MAX_LAYERS = 2
"""Packed programs inside unpacked ones; layers of packers around one program are one run."""
MIN_WRITES = 64
"""Stores below which nothing was unpacked."""

I386 = 0x14C
EXECUTABLE, WRITABLE = 0x2000_0000, 0x8000_0000


def _entry_section(pe: Pe) -> Section | None:
    for section in pe.sections:
        if section.address <= pe.entry < section.address + max(section.memory_size, section.file_size):
            return section
    return None


def looks_packed(pe: Pe) -> bool:
    """Whether a 32-bit program starts as packers make it start and compilers don't: in a writable section, in
    the last of several, in the headers, or beside a section that is only to be filled."""
    if pe.machine != I386 or pe.bits != 32 or not pe.entry or not pe.sections:
        return False
    entry = _entry_section(pe)
    if entry is None or entry.flags & WRITABLE:
        return True
    empty = any(not s.file_size and s.memory_size and s.flags & EXECUTABLE for s in pe.sections)
    return empty or (len(pe.sections) > 2 and entry is pe.sections[-1])


def _is_packed(data: bytes) -> bool:
    pe = read_pe(data)
    return pe is not None and (looks_packed(pe) or upx.is_packed(data))


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """The program's memory once it has unpacked itself, and the programs and archives in it."""
    pe = read_pe(data)
    left = MAX_INSTRUCTIONS - room.budget.emulated
    if (
        pe is None
        or left <= 0
        or room.inside[-1:] == (UNPACKED,)
        or room.inside.count(UNPACKED) >= MAX_LAYERS
    ):
        return
    known = upx.unpacked_pe(data, pe)
    for image in (known,) if known else _by_emulation(data, pe, left, room):
        if image and not room.spent:
            yield Child(UNPACKED, room.gather((image,), UNPACKED))
            yield from archives(image, room)


def _by_emulation(data: bytes, pe: Pe, left: int, room: Room) -> tuple[bytes, ...]:
    """The program's memory at the end of its run and, when that differs, when it first looked up functions."""
    if not looks_packed(pe):
        return ()
    try:
        run = Run(data, pe)
    except Stop:
        return ()
    run.go(left)
    room.budget.emulated += run.steps + run.machine.work + MAX_INSTRUCTIONS // 100
    if run.machine.written < MIN_WRITES:
        return ()
    return tuple(dict.fromkeys((run.image(), run.first)))


FORMATS = (
    Format("packed pe", "packed Windows programs, by emulation", (Magic(0, b"MZ"),), _is_packed, unpack),
)
