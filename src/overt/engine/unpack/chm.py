"""Microsoft help: compiled HTML (ITSF), and its successor's files, Help 2 and e-books (ITOLITLS)."""

from __future__ import annotations

from collections.abc import Iterator

from pybit7z import FormatChm, FormatHxs

from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.sevenzip import members

_HTML_HELP = b"ITSF\3\0\0\0"
_HELP_2 = b"ITOLITLS\1\0\0\0"


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Every file, those of the help system included. Raises `Damaged` when the directory cannot be read."""
    yield from members(data, room, FormatChm if data.startswith(_HTML_HELP) else FormatHxs, one_pass=True)


FORMATS = (
    Format("chm", "compiled HTML help, Help 2", (Magic(0, _HTML_HELP), Magic(0, _HELP_2)), unpack=unpack),
)
