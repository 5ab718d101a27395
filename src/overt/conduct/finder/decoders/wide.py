"""UTF-16 text, either way round: one byte of each two. Whatever has only zeros in between is read so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from overt.conduct.finder.decoders.base import Decoder, Piece, Trust

MIN_DISTINCT = 6
WIDE = re.compile(rb"(?:[^\0]\0){12,}+|(?:[\0-\xff]\0){32,}+")


def _utf16(data: bytes, limit: int) -> Iterator[Piece]:
    for run in WIDE.finditer(data):
        if len(set(run[0])) >= MIN_DISTINCT:
            yield Piece(run.start(), run.end(), run[0][: 2 * limit : 2], Trust.GUESS)


DECODERS = (Decoder("utf-16", _utf16),)
