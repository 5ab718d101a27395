"""Packed 32-bit Windows programs: run by emulation until they have unpacked themselves, then examined as they are.

This covers the packers by what they have in common, not one by one: UPX, FSG, MEW, Petite, ASPack, WWPack32,
Upack, yoda's Crypter, PESpin and their like. Starting like a packed program proves nothing, so one that ends its
run without having unpacked anything is no gap: its bytes were matched. One whose run was cut is.
"""

from __future__ import annotations

from collections.abc import Iterator

from overt.core.model import Reason
from overt.engine.exe import Pe, Section, read_pe
from overt.engine.unpack import upx
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.carve import archives
from overt.engine.x86.machine import Stop
from overt.engine.x86.run import USED_UP, Run

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
    if pe is None or room.inside[-1:] == (UNPACKED,):
        return
    left = MAX_INSTRUCTIONS - room.budget.emulated
    if left <= 0:
        room.gap(
            Reason.UNSUPPORTED, f"packed program: {MAX_INSTRUCTIONS} instructions were emulated before it"
        )
        return
    if room.inside.count(UNPACKED) >= MAX_LAYERS:
        room.gap(Reason.UNSUPPORTED, f"packed program inside {MAX_LAYERS} packed programs")
        return
    for image in _images(data, pe, left, room):
        if image and not room.spent:
            yield Child(UNPACKED, room.gather((image,), UNPACKED))
            yield from archives(image, room)


def _images(data: bytes, pe: Pe, left: int, room: Room) -> tuple[bytes, ...]:
    """The program's memory, unpacked by UPX's format or by emulation."""
    known = upx.unpacked_pe(data, pe)
    if known:
        if upx.is_cut(data):
            room.gap(Reason.UNSUPPORTED, f"more than {upx.MAX_NRV_BYTES} bytes of NRV compression", UNPACKED)
        return (known,)
    images = _by_emulation(data, pe, left, room)
    if not images and upx.is_packed(data):
        room.gap(Reason.UNSUPPORTED, "packed by UPX, but not by its format: nothing could be unpacked")
    return images


def _by_emulation(data: bytes, pe: Pe, left: int, room: Room) -> tuple[bytes, ...]:
    """The program's memory at the end of its run and, when that differs, when it first looked up functions.

    A run that was cut before it looked up functions may not have unpacked anything yet: that is a gap.
    """
    if not looks_packed(pe):
        return ()
    try:
        run = Run(data, pe)
    except Stop as stop:
        room.gap(Reason.UNSUPPORTED, f"packed program: {stop}")
        return ()
    ended = run.go(left)
    room.budget.emulated += run.steps + run.machine.work + MAX_INSTRUCTIONS // 100
    unpacked = run.machine.written >= MIN_WRITES
    if ended == USED_UP and not (unpacked and run.first):
        room.gap(Reason.UNSUPPORTED, f"packed program: emulation stopped after {left} instructions")
    return tuple(dict.fromkeys((run.image(), run.first))) if unpacked else ()


FORMATS = (
    Format("packed pe", "packed Windows programs, by emulation", (Magic(0, b"MZ"),), _is_packed, unpack),
)
