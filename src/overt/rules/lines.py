"""Text in lines, one at a time: lists of hashes have millions, and need not be in memory all at once."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

Content = bytes | mmap.mmap
"""A file's content: read, or mapped when it is large."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def lines(data: Content) -> Iterator[str]:
    """The lines of UTF-8 text without their ends; bytes that are not UTF-8 become U+FFFD."""
    start = len(BYTE_ORDER_MARK) if data[:3] == BYTE_ORDER_MARK else 0
    while start < len(data):
        end = data.find(b"\n", start)
        if end < 0:
            end = len(data)
        yield data[start:end].decode("utf-8", "replace").rstrip("\r")
        start = end + 1
