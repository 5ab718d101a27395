"""SquashFS images, little- and big-endian, also with the signatures that routers use for LZMA."""

from __future__ import annotations

from pybit7z import FormatSquashFS

from overt.engine.unpack.base import Format, Magic
from overt.engine.unpack.sevenzip import reads

_MAJOR_VERSION = 28


def _sniff(data: bytes) -> bool:
    """A major version that exists, in either byte order."""
    version = data[_MAJOR_VERSION : _MAJOR_VERSION + 2]
    return len(version) == 2 and sorted(version) in ([0, 1], [0, 2], [0, 3], [0, 4])


FORMATS = (
    Format(
        "squashfs",
        "SquashFS images",
        tuple(Magic(0, value) for value in (b"hsqs", b"sqsh", b"shsq", b"qshs")),
        sniff=_sniff,
        unpack=reads(FormatSquashFS),
    ),
)
