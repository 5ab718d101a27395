"""OLE compound files ([MS-CFB]): Office 97-2003 documents, MSI packages, Outlook messages.

Each stream is a child named by its path, storages joined by `/`; 7-Zip shows the control characters that some
stream names start with as `[1]`, `[5]`, ... and decodes the table names of MSI packages.
"""

from __future__ import annotations

from collections.abc import Iterator

from pybit7z import FormatCompound

from overt.engine.unpack.base import Child, Format, Magic, Room
from overt.engine.unpack.sevenzip import members

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Every stream. Raises `Damaged` when the directory cannot be read."""
    yield from members(data, room, FormatCompound)


FORMATS = (
    Format("compound", "OLE compound files: doc, xls, ppt, msi, msg", (Magic(0, MAGIC),), unpack=unpack),
)
