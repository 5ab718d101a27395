"""XAR archives: macOS installer packages."""

from __future__ import annotations

from pybit7z import FormatXar

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

FORMATS = (Format("xar", "XAR archives, macOS packages", (Magic(0, b"xar!\0"),), unpack=reads(FormatXar)),)
