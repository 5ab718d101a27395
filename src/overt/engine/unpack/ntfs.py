"""NTFS volumes; alternate data streams are members of their own, named `file:stream`."""

from __future__ import annotations

from pybit7z import FormatNtfs

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

FORMATS = (Format("ntfs", "NTFS volumes", (Magic(3, b"NTFS    \0"),), unpack=reads(FormatNtfs)),)
