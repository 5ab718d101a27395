"""CramFS images."""

from __future__ import annotations

from pybit7z import FormatCramFS

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

FORMATS = (Format("cramfs", "CramFS images", (Magic(16, b"Compressed ROMFS"),), unpack=reads(FormatCramFS)),)
