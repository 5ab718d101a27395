"""DNS (RFC 1035): plain questions, one after another. What they tell is the name; the number of each is left over."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from overt.conduct.finder.decoders.base import Decoder, Piece, Trust

HEADER = struct.Struct(">HHHHHH")
FLAGS = frozenset((0x0000, 0x0020, 0x0100, 0x0120))
"""Of a question: recursion desired, authentic data."""
MAX_LABEL_BYTES = 63
ID_BYTES = 2
TYPES = frozenset((1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 43, 48, 52, 64, 65, 257))
"""A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, NAPTR, DS, DNSKEY, TLSA, SVCB, HTTPS, CAA: what programs ask for."""
IN = 1
TYPE_AND_CLASS = struct.Struct(">HH")
OPT = struct.Struct(">BHHBBHH")
"""OPT without any option (RFC 6891, section 6.1.2): what most resolvers add."""
OPT_TYPE = 41
PAYLOAD_BYTES = frozenset((512, 1200, 1220, 1232, 1280, 1400, 1410, 1440, 1452, 1472, 4096, 65494))
"""Sizes of answers that resolvers ask for."""
DNSSEC_FLAGS = (0, 0x8000)


def _questions(data: bytes, limit: int) -> Iterator[Piece]:
    """From the very beginning, as long as there is nothing else. Each but for its number, which its asker chose."""
    at = 0
    while found := _question(data, at) or _question(data, at + 2):  # on TCP led by a length (section 4.2.2)
        name, begin, end = found
        yield Piece(begin + ID_BYTES, end, name[:limit], Trust.SOUND)
        at = end


def _question(data: bytes, at: int) -> tuple[bytes, int, int] | None:
    """The name in the question at `at`, and where that begins and ends; None if there is anything else, such as
    capitals among small letters."""
    begin = at
    if len(data) - at < HEADER.size:
        return None
    _, flags, questions, answers, authorities, additional = HEADER.unpack_from(data, at)
    if flags not in FLAGS or (questions, answers, authorities) != (1, 0, 0) or additional > 1:
        return None
    labels, at = _labels(data, at + HEADER.size)
    name = b".".join(labels)
    if name not in (name.lower(), name.upper()) or not _is_plain_type(data, at):
        return None
    at += TYPE_AND_CLASS.size
    if additional and not _is_plain_opt(data, at):
        return None
    return name, begin, at + additional * OPT.size


def _is_plain_type(data: bytes, at: int) -> bool:
    if len(data) - at < TYPE_AND_CLASS.size:
        return False
    kind, group = TYPE_AND_CLASS.unpack_from(data, at)
    return kind in TYPES and group == IN


def _is_plain_opt(data: bytes, at: int) -> bool:
    if len(data) - at < OPT.size:
        return False
    root, kind, size, *code, flags, more = OPT.unpack_from(data, at)
    known = size in PAYLOAD_BYTES and flags in DNSSEC_FLAGS
    return known and (root, kind, *code, more) == (0, OPT_TYPE, 0, 0, 0)


def _labels(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The labels of a name, and where it ends."""
    labels = []
    while at < len(data) and 0 < (size := data[at]) <= MAX_LABEL_BYTES:
        labels.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    return labels, at + 1


DECODERS = (Decoder("dns", _questions),)
