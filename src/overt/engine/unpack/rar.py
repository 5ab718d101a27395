"""RAR archives: the old format (1.5 to 4.x) and RAR 5.0 (rarlab.com/technote.htm)."""

from __future__ import annotations

from pybit7z import FormatRar, FormatRar5

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

FORMATS = (
    Format("rar", "RAR 1.5 to 4.x", (Magic(0, b"Rar!\x1a\x07\x00"),), unpack=reads(FormatRar)),
    Format("rar5", "RAR 5 to 7", (Magic(0, b"Rar!\x1a\x07\x01\x00"),), unpack=reads(FormatRar5)),
)
