"""UTF-16 text, either way round: one byte of each two. Whatever has only zeros in between is read so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from overt.conduct.finder.decoders.base import Decoder, Piece, Trust

MIN_DISTINCT = 6
PROBE_BYTES, MIN_LETTERS, WRITTEN_SHARE = 512, 12, 0.95
WRITTEN = re.compile(r"[\t\n\r -~\u00a0-\u052f\u2010-\u2044\ufeff]")
"""Latin, Greek and Cyrillic letters, and what is between them."""
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


def _whole(data: bytes, limit: int) -> Iterator[Piece]:
    """All of it, where it has other letters than those of Latin 1."""
    for order in ("utf-16-le", "utf-16-be"):
        head = data[:PROBE_BYTES].decode(order, "ignore")
        if len(head) >= MIN_LETTERS and len(WRITTEN.findall(head)) >= WRITTEN_SHARE * len(head):
            text = data[: 2 * (limit // 2)].decode(order, "replace").encode()
            yield Piece(0, len(data), text, Trust.GUESS)


DECODERS = (Decoder("utf-16", _utf16), Decoder("utf-16", _whole))
