"""DNS (RFC 1035): plain questions, one after another. What they tell is the name, and nothing else."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from overt.conduct.finder.decoders.base import Decoder, Piece, Trust

HEADER = struct.Struct(">HHHHHH")
FLAGS = frozenset((0x0000, 0x0020, 0x0100, 0x0120))
"""Of a question: recursion desired, authentic data."""
MAX_LABEL_BYTES = 63
TYPE_AND_CLASS = re.compile(rb"\0[\0-\xff]\0\x01", re.DOTALL)
"""Of class IN."""
OPTIONS = re.compile(rb"\0\0\x29..\0\0..\0\0", re.DOTALL)
"""OPT without any option (RFC 6891, section 6.1.2): what most resolvers add."""


def _questions(data: bytes, limit: int) -> Iterator[Piece]:
    """From the very beginning, as long as there is nothing else."""
    at = 0
    while found := _question(data, at) or _question(data, at + 2):  # on TCP led by a length (section 4.2.2)
        name, end = found
        yield Piece(at, end, name[:limit], Trust.SOUND)
        at = end


def _question(data: bytes, at: int) -> tuple[bytes, int] | None:
    """The name in the question at `at`, and where it ends; None if there is anything else."""
    if len(data) - at < HEADER.size:
        return None
    _, flags, questions, answers, authorities, additional = HEADER.unpack_from(data, at)
    if flags not in FLAGS or (questions, answers, authorities) != (1, 0, 0) or additional > 1:
        return None
    labels, at = _labels(data, at + HEADER.size)
    for expected in (TYPE_AND_CLASS, OPTIONS)[: 1 + additional]:
        if not (found := expected.match(data, at)):
            return None
        at = found.end()
    return b".".join(labels), at


def _labels(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The labels of a name, and where it ends."""
    labels = []
    while at < len(data) and 0 < (size := data[at]) <= MAX_LABEL_BYTES:
        labels.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    return labels, at + 1


DECODERS = (Decoder("dns", _questions),)
