"""What the lab puts into updates that it forges and files that it plants, so that they are known again: observers find
it, the judge reads it.

A mark is in a forged update as it is. A trace is not: it comes to be when the forged update is executed, as the name of
a file that its few lines make.
"""

from __future__ import annotations

import hashlib
import re

_MARK, _TRACE = "ovtforged", "ovtran"
HEX = 20
MARK = re.compile(f"{_MARK}[0-9a-f]{{{HEX}}}".encode())
MARK_BYTES = len(_MARK) + HEX
TOKEN_PREFIX = "ovt"
TOKEN_RANDOM_CHARS = 24
TOKEN = re.compile(f"{TOKEN_PREFIX}[0-9a-z]{{{TOKEN_RANDOM_CHARS}}}".encode())
"""What each planted file holds, and nothing else."""
TRACE = re.compile(f"/{_TRACE}[0-9a-f]{{{HEX}}}$")
"""At the end of a path."""


def mark_of(*words: str) -> str:
    """The mark of the forged answer to one request: the same whenever it is asked again."""
    return _MARK + hashlib.sha256("\0".join(words).encode()).hexdigest()[:HEX]


def trace_of(mark: str) -> str:
    """The name of the file that is made where the forged update with this mark is executed."""
    return _TRACE + mark_number(mark)


def mark_number(mark: str) -> str:
    """What tells one mark from another, alone: 20 hex digits."""
    return mark.removeprefix(_MARK)


def numbered(number: str) -> str:
    """The mark of that number."""
    return _MARK + number
