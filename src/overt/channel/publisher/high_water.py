"""How far a log was signed, noted beside it: whoever signs on an older copy signs a second history."""

from __future__ import annotations

from pathlib import Path

import msgspec

from overt.core.errors import ChannelError, Malformed
from overt.store import atomic
from overt.tlog.merkle import EMPTY_TREE, TreeHead


class _HighWater(msgspec.Struct, frozen=True):
    size: int
    root: str
    """Hexadecimal."""


def read(path: Path) -> TreeHead:
    """The head that is noted; that of the empty tree before the first. Raises `ChannelError` for a damaged note,
    `OSError`."""
    try:
        noted = msgspec.json.decode(path.read_bytes(), type=_HighWater)
        return TreeHead(noted.size, bytes.fromhex(noted.root))
    except FileNotFoundError:
        return EMPTY_TREE
    except (ValueError, Malformed) as error:
        raise ChannelError(
            f"{path} is damaged ({error}): it tells how far the log was signed; restore it from a backup"
        ) from None


def write(path: Path, head: TreeHead) -> None:
    """The log is signed up to `head`: durable when this returns. Raises `OSError`."""
    atomic.write(path, msgspec.json.encode(_HighWater(head.size, head.root.hex())))
