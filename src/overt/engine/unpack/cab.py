"""Microsoft cabinets ([MS-CAB]): stored, MSZIP, Quantum and LZX."""

from __future__ import annotations

from pybit7z import FormatCab

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

FORMATS = (
    Format("cab", "Microsoft cabinets", (Magic(0, b"MSCF\0\0\0\0"),), unpack=reads(FormatCab, one_pass=True)),
)
