"""LHA archives: the first header's method name, e.g. `-lh5-`, is at offset 2."""

from __future__ import annotations

from pybit7z import FormatLzh

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

_METHOD = slice(2, 7)
_METHODS = frozenset(f"-lh{kind}-".encode() for kind in "01234567d") | {b"-lzs-", b"-lz4-", b"-lz5-"}


def _sniff(data: bytes) -> bool:
    return data[_METHOD] in _METHODS


FORMATS = (
    Format(
        "lzh", "LHA archives", (Magic(2, b"-lh"), Magic(2, b"-lz")), sniff=_sniff, unpack=reads(FormatLzh)
    ),
)
