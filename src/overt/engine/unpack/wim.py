"""Windows imaging files ([MS-WIM]): wim, esd, swm."""

from __future__ import annotations

from pybit7z import FormatWim

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

FORMATS = (Format("wim", "Windows images", (Magic(0, b"MSWIM\0\0\0"),), unpack=reads(FormatWim)),)
