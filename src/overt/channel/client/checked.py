"""What the last checks of a channel found, as it is kept beside its releases; light enough for every scan to read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from overt.tlog.merkle import TreeHead

CHECK_FILE = "check.json"


class Check(msgspec.Struct, frozen=True):
    """What checks found. Times are seconds since the Epoch by this machine's clock; 0: never."""

    checked_s: int = 0
    """The last attempt."""
    fresh_s: int = 0
    """The last one in which everything held."""
    failure: str = ""
    """Why the last one failed; empty when it did not."""
    family: str = ""
    """`refused`: what was served failed a check. `failed`: it could not be had, or not be kept."""
    etag: str = ""
    seen_size: int = 0
    """The log's size at the last accepted checkpoint, and its root hash (hexadecimal)."""
    seen_root: str = ""
    cosigned: tuple[tuple[str, int], ...] = ()
    """Witnesses whose cosignatures counted, and when they made them."""
    fresh_until_s: int = 0
    """Until when a quorum of these is young enough."""
    last_cosigned_s: int = 0
    """When the last of these was made."""
    witnesses: int = 0
    """How many the policy knows."""
    channel: str = ""
    """As its charter names it."""
    warning: str = ""
    """What the charter demands to be shown."""

    @property
    def seen(self) -> TreeHead | None:
        """The tree of the last accepted checkpoint."""
        return TreeHead(self.seen_size, bytes.fromhex(self.seen_root)) if self.seen_size else None


def read_check(folder: Path) -> Check:
    """The channel's `Check`. A damaged file counts as none: the newest release still bounds the log."""
    try:
        return msgspec.json.decode((folder / CHECK_FILE).read_bytes(), type=Check)
    except (OSError, msgspec.MsgspecError):
        return Check()
