"""ar archives with GNU and BSD long names, and Debian packages, which are ar archives (deb(5))."""

from __future__ import annotations

from collections.abc import Iterator

from overt.core.errors import Damaged
from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.stored import stored, text

MAGIC = b"!<arch>\n"
HEADER_BYTES = 60
LONG_NAMES = b"//"
SYMBOLS = (b"/", b"/SYM64/", b"__.SYMDEF", b"__.SYMDEF SORTED")
DEBIAN = b"debian-binary"


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Every member but the tables of symbols and names. Raises `Damaged` at the first broken header."""
    offset, names = len(MAGIC), b""
    while offset < len(data) and not room.spent:
        header = data[offset : offset + HEADER_BYTES]
        if len(header) < HEADER_BYTES or header[58:] != b"`\n" or not header[48:58].strip().isdigit():
            if not data[offset:].strip(b"\0\n"):
                return
            raise Damaged(f"no member header at byte {offset}")
        start, size = offset + HEADER_BYTES, int(header[48:58])
        offset = start + size + (size & 1)
        field = header[:16].rstrip(b" ")
        if field == LONG_NAMES:
            names = data[start : start + size]
        elif field in SYMBOLS:
            room.skip()
        else:
            name, prefix = _name(field, names, data, start, size)
            yield stored(data, start + prefix, size - prefix, name, room)


def _name(field: bytes, names: bytes, data: bytes, start: int, size: int) -> tuple[str, int]:
    """The member's name, and how many bytes of its content hold it (BSD's `#1/length`)."""
    if field.startswith(b"#1/") and field[3:].isdigit():
        length = min(int(field[3:]), size)
        return text(data[start : start + length].rstrip(b"\0")), length
    if field.startswith(b"/") and field[1:].isdigit():
        at = int(field[1:])
        return text(names[at : at + 4096].partition(b"\n")[0].removesuffix(b"/")), 0
    return text(field.removesuffix(b"/")), 0


def _is_deb(data: bytes) -> bool:
    return data.startswith(DEBIAN, len(MAGIC))


def _is_plain(data: bytes) -> bool:
    return not _is_deb(data)


FORMATS = (
    Format("deb", "Debian packages", (Magic(0, MAGIC),), sniff=_is_deb, unpack=unpack),
    Format("ar", "ar archives and static libraries", (Magic(0, MAGIC),), sniff=_is_plain, unpack=unpack),
)
