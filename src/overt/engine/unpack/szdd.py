"""Files of Microsoft's COMPRESS.EXE (SZDD)."""

from __future__ import annotations

from pybit7z import FormatMslz

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

FORMATS = (
    Format(
        "szdd", "files of COMPRESS.EXE", (Magic(0, b"SZDD\x88\xf0\x27\x33\x41"),), unpack=reads(FormatMslz)
    ),
)
