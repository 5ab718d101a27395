"""UTF-16 text, either way round: one byte of each two. Whatever has only zeros in between is read so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from overt.conduct.finder.decoders.base import Decoder, Piece, Trust

MIN_DISTINCT = 6
WIDE = re.compile(rb"\0[^\0](?:\0[^\0]){10,}+|\0[\0-\xff](?:\0[\0-\xff]){30,}+")
"""Led by a zero, for which a search is fast."""


def _utf16(data: bytes, limit: int) -> Iterator[Piece]:
    for run in WIDE.finditer(data):
        begin = max(0, run.start() - 1)
        text = data[begin : min(run.end(), begin + 2 * limit) : 2]
        if run.start() and len(set(text)) >= MIN_DISTINCT:
            yield Piece(begin, run.end(), text, Trust.GUESS)
        text = data[run.start() + 1 : min(run.end(), begin + 2 * limit) : 2]
        if not run.start() and len(set(text)) >= MIN_DISTINCT:
            yield Piece(run.start(), run.end(), text, Trust.GUESS)


DECODERS = (Decoder("utf-16", _utf16),)
