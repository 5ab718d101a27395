"""HTTP/1.1 (RFC 9112): the bodies of requests, chunked ones joined; also HTTP/2 as the sink writes it down."""

from __future__ import annotations

import re
from collections.abc import Iterator

from overt.conduct.finder.decoders.base import Decoder, Piece, Trust

REQUEST = re.compile(rb"[A-Z]{3,16} [^\r\n]{1,65536} HTTP/(?:1\.[01]|2)\r?\n")
HEADERS_END = re.compile(rb"\r?\n\r?\n")
LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
CHUNKED = re.compile(rb"^transfer-encoding:[^\r\n]*\bchunked\b", re.IGNORECASE | re.MULTILINE)
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[^\r\n]{0,1024})?\r?\n")
MAX_HEADERS_BYTES = 1 << 20


def bodies(data: bytes, limit: int = 1 << 62) -> Iterator[Piece]:
    """The body of each request in `data`, which begins with one; nothing if it doesn't."""
    at = 0
    while line := REQUEST.match(data, at):
        end = HEADERS_END.search(data, line.end() - 2, line.end() + MAX_HEADERS_BYTES)
        if not end:
            return
        headers, begin = data[line.start() : end.start() + 1], end.end()
        if CHUNKED.search(headers):
            body, at = _chunks(data, begin)
        else:
            length = LENGTH.search(headers)
            at = min(begin + int(length[1]), len(data)) if length else begin
            body = data[begin:at]
        if body:
            yield Piece(begin, at, body[:limit], Trust.SOUND)


def _chunks(data: bytes, at: int) -> tuple[bytes, int]:
    parts = []
    while head := CHUNK.match(data, at):
        size = int(head[1], 16)
        parts.append(data[head.end() : head.end() + size])
        at = min(head.end() + size, len(data))
        at += 2 if data[at : at + 2] == b"\r\n" else 0
        if not size:
            break
    return b"".join(parts), at


DECODERS = (Decoder("http", bodies),)
