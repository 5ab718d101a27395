"""RPM packages: one child, the compressed cpio archive of the package's files."""

from __future__ import annotations

from pybit7z import FormatRpm

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

FORMATS = (Format("rpm", "RPM packages", (Magic(0, b"\xed\xab\xee\xdb"),), unpack=reads(FormatRpm)),)
