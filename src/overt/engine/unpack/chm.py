"""Microsoft help: compiled HTML (ITSF) and Help 2 or e-book files (ITOLITLS), both LZX-compressed."""

from __future__ import annotations

from pybit7z import FormatChm, FormatHxs

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

FORMATS = (
    Format("chm", "compiled HTML help", (Magic(0, b"ITSF\3\0\0\0"),), unpack=reads(FormatChm, one_pass=True)),
    Format(
        "hxs",
        "Microsoft Help 2 and e-books",
        (Magic(0, b"ITOLITLS"),),
        unpack=reads(FormatHxs, one_pass=True),
    ),
)
