"""7z archives (7zFormat.txt of the LZMA SDK): any method, encrypted headers with a password given."""

from __future__ import annotations

from pybit7z import FormatSevenZip

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

FORMATS = (
    Format(
        "7z",
        "7z, any method, solid or encrypted",
        (Magic(0, b"7z\xbc\xaf\x27\x1c"),),
        unpack=reads(FormatSevenZip),
    ),
)
