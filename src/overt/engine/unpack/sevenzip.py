"""7-Zip in this process, from memory: the reader that most container formats share.

The library is loaded once, before lock-down (`warm_up`); after that it opens no file. Items are produced whole;
its progress callback, called about every MiB with the bytes written so far, stops it past the allowance.
"""

from __future__ import annotations

from collections.abc import Iterator

import pybit7z

from overt.core.errors import Damaged, Encrypted, Unsupported
from overt.core.model import Reason
from overt.engine.unpack.base import Allowance, Child, Room, describe

_LIBRARY = pybit7z.lib7zip_context().__enter__()


def members(data: bytes, room: Room, format: pybit7z.BitInFormat) -> Iterator[Child]:
    """Every file member of the archive in `data`, read as `format`.

    Raises `Damaged`, `Encrypted` or `Unsupported` when the archive cannot be opened at all.
    """
    raise NotImplementedError
    yield
