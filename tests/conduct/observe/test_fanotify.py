"""What the kernel writes of events, read back."""

from __future__ import annotations

import struct

import pytest

from overt.conduct.observe.fanotify import INFO_RANGE, METADATA_VERSION, Mask, events

HEAD = 24


def told(mask: Mask, descriptor: int, information: bytes = b"", version: int = METADATA_VERSION) -> bytes:
    """struct fanotify_event_metadata, then its further records."""
    return (
        struct.pack("=IBBHQii", HEAD + len(information), version, 0, HEAD, mask, descriptor, 7) + information
    )


def test_events_one_after_the_other() -> None:
    """An overflow has no file; of further records, only ranges are read, and one without a length ends nothing."""
    stretch = struct.pack("=BxHxxxxQQ", INFO_RANGE, 24, 4096, 8192)
    other = struct.pack("=BxHI", 200, 8, 0)
    buffer = (
        told(Mask.OPEN_PERM, 5)
        + told(Mask.PRE_ACCESS, 6, other + stretch)
        + told(Mask.OVERFLOW, -1)
        + told(Mask.PRE_ACCESS, 8, bytes(8))
    )
    assert events(buffer) == [
        (Mask.OPEN_PERM, 5, 7, None),
        (Mask.PRE_ACCESS, 6, 7, (4096, 8192)),
        (Mask.OVERFLOW, -1, 7, None),
        (Mask.PRE_ACCESS, 8, 7, None),
    ]


def test_another_version_of_the_interface_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="version 4"):
        events(told(Mask.OPEN_PERM, 5, version=4))
