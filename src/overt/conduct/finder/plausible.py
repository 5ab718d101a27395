"""Whether some bytes begin like text or like a file: what guesses are kept by."""

from __future__ import annotations

import re

from overt.conduct.finder.runs import is_text

MAGIC = re.compile(
    rb"PK\x03\x04|\x1f\x8b\x08|x[\x01\x5e\x9c\xda]|BZh[1-9]1AY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|7z\xbc\xaf|%PDF-"
    rb"|\x89PNG|\xff\xd8\xff|SQLite format|Rar!|MSCF|\xd0\xcf\x11\xe0|(?:[\x20-\x7e]\0){8}|(?:\0[\x20-\x7e]){8}"
)
HEAD_BYTES = 256
TEXT_SHARE = 0.95
MIN_BYTES = 32
"""Less text may come of anything."""
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def plausible(data: bytes) -> bool:
    """Whether `data` begins like text or like a file."""
    head = data[:HEAD_BYTES]
    return len(data) >= MIN_BYTES and (
        MAGIC.match(head) is not None or is_text(head, TEXT_SHARE) or _is_utf8(head)
    )


def _is_utf8(head: bytes) -> bool:
    """But for a letter that is cut at its end."""
    return not _CONTROL.search(head) and len(head.decode(errors="ignore").encode()) > len(head) - 4
