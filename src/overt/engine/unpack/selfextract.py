"""Programs that carry something else: data after the last section, archives in resources, programs in programs.

Every byte of a program was matched where it is; what is yielded here is what a reader of another format would
find at its own start: the overlay, an archive inside the overlay, resources that start like a container, and whole
PE files anywhere inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from overt.core.model import Reason
from overt.engine.exe import CERTIFICATES, Pe, elf_end, read_pe, resources
from overt.engine.unpack import installshield
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.carve import STARTS, archives, programs

OVERLAY = "[overlay]"
_IN_SCRIPT = re.compile(
    rb"\n(?=\x1f\x8b\x08|BZh[1-9]1AY&SY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|\x5d\0\0[^\0]?.\0|PK\x03\x04|7z\xbc\xaf\x27\x1c"
    rb"|\x04\x22\x4d\x18|LZIP\x01|\x1f\x9d[\x89-\x90]|\x7fELF|.{257}ustar)",
    re.DOTALL,
)

_NOT_READ = (
    (b"zlb\x1a", "Inno Setup"),
    (b"idska32\x1a", "Inno Setup"),
    (b"\x13\x02\x49\x53", "InstallShield 3"),
)


def _pe(data: bytes, room: Room) -> Iterator[Child]:
    pe = read_pe(data)
    if pe is None:
        return
    for start, end in _overlays(data, pe):
        yield from _overlay(data[start:end], room)
    start, size = pe.directory(CERTIFICATES)
    if pe.end <= start:
        yield from archives(data, room, start, start + size)
    yield from _resources(data, pe, room)
    yield from programs(data, room)


def _overlays(data: bytes, pe: Pe) -> Iterator[tuple[int, int]]:
    """The overlay without the certificates, which lie in it and belong to the program."""
    start, size = pe.directory(CERTIFICATES)
    if not size or start < pe.end or start > len(data):
        yield pe.end, len(data)
        return
    yield pe.end, start
    yield start + size, len(data)


def _overlay(rest: bytes, room: Room) -> Iterator[Child]:
    if room.spent or not rest.strip(b"\0"):
        return
    for prefix, product in _NOT_READ:
        if rest.startswith(prefix):
            room.gap(Reason.UNSUPPORTED, f"the files inside a setup program made by {product}", OVERLAY)
    yield Child(OVERLAY, room.gather((rest,), OVERLAY))
    if not (room.spent or STARTS.match(rest) or installshield.carries(rest)):
        yield from archives(rest, room, 1)


def _resources(data: bytes, pe: Pe, room: Room) -> Iterator[Child]:
    for path, offset, size in resources(data, pe):
        if room.spent:
            return
        if STARTS.match(data, offset):
            name = f"[resource {path}]"
            yield Child(name, room.gather((data[offset : offset + size],), name))


def _elf(data: bytes, room: Room) -> Iterator[Child]:
    end = elf_end(data)
    if end is None or end > len(data):  # tables that are wrong hide where the program ends
        yield from archives(data, room, 4)
    elif end < len(data):
        yield from _overlay(data[end:], room)


def _is_carrier(data: bytes) -> bool:
    """A script with binary data after some line: makeself, zipapps, vendors' `.run` installers."""
    return _IN_SCRIPT.search(data) is not None


def _script(data: bytes, room: Room) -> Iterator[Child]:
    match = _IN_SCRIPT.search(data)
    if match:
        name = "[after the script]"
        yield Child(name, room.gather((data[match.end() :],), name))


def _is_pe(data: bytes) -> bool:
    return read_pe(data) is not None


FORMATS = (
    Format("pe", "Windows programs: overlays, resources, programs inside", (Magic(0, b"MZ"),), _is_pe, _pe),
    Format("elf", "Linux programs: data after the last section", (Magic(0, b"\x7fELF"),), unpack=_elf),
    Format("script archive", "scripts with an archive after them", (Magic(0, b"#!"),), _is_carrier, _script),
)
