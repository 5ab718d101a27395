"""HTML and whatever else carries `data:` URIs (RFC 2397): inline scripts and the files inside the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from overt.engine.unpack.base import Child, Format, Room
from overt.engine.unpack.text import base64_lenient, from_utf16, is_text

HEAD_BYTES = 2048
_TAG = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|meta|title|svg|object|embed|form|a\s+href|hta:)[\s>/=]",
    re.IGNORECASE,
)
_SPACE = b" \t\r\n\xef\xbb\xbf"
_URI = re.compile(
    rb"data:([a-z0-9.+/-]{0,100}+)((?:;[^,;\"'\s<>()]{1,100}+){0,8}+),"
    rb"([A-Za-z0-9+/=%]*+(?:\s{1,80}+[A-Za-z0-9+/=%]{20,}+)*+)[^\"'<>\s]*+",
    re.IGNORECASE,
)
MIN_CHARS = 8
"""Shorter values are placeholders in source code."""


def sniff_html(data: bytes) -> bool:
    """Markup at the very beginning, with an element that only web pages (and SVG) have."""
    head = data[:HEAD_BYTES].lstrip(_SPACE)
    return head.startswith(b"<") and not head.startswith(b"<?php") and _TAG.search(head) is not None


def unpack_html(data: bytes, room: Room) -> Iterator[Child]:
    """All inline scripts as one child, one after another."""
    scripts = b"\n".join(_scripts(data))
    if scripts.strip():
        yield Child("scripts", room.gather(iter((scripts,)), "scripts"))


def _scripts(data: bytes) -> Iterator[bytes]:
    lower = data.lower()
    position = lower.find(b"<script")
    while position >= 0:
        start = lower.find(b">", position) + 1
        if not start:
            return
        end = lower.find(b"</script", start)
        yield data[start : end if end >= 0 else len(data)]
        position = lower.find(b"<script", end) if end >= 0 else -1


def sniff_uri(data: bytes) -> bool:
    """A `data:` URI with a value anywhere in a text."""
    return (
        is_text(data)
        and (b"ata:" in data or b"ATA:" in data)
        and any(len(match[3]) >= MIN_CHARS for match in _uris(data))
    )


def unpack_uris(data: bytes, room: Room) -> Iterator[Child]:
    """One child per URI, named by its media type."""
    number = 0
    for match in _uris(data):
        if len(match[3]) < MIN_CHARS:
            continue
        number += 1
        name = f"data {number} ({match[1].decode('ascii').lower() or 'text/plain'})"
        yield Child(name, room.gather(iter((_value(match),)), name))


def _uris(data: bytes) -> Iterator[re.Match[bytes]]:
    lower = data.lower()
    position = lower.find(b"data:")
    while position >= 0:
        match = _URI.match(data, position)
        if match:
            yield match
        position = lower.find(b"data:", match.end() if match else position + 5)


def _value(match: re.Match[bytes]) -> bytes:
    if b"base64" not in match[2].lower():
        whole = match[0]
        return unquote_to_bytes(whole[whole.index(b",") + 1 :])
    content = base64_lenient(unquote_to_bytes(match[3]) if b"%" in match[3] else match[3])
    return from_utf16(content) or content


FORMATS = (
    Format("html", "web pages: inline scripts", sniff=sniff_html, unpack=unpack_html),
    Format(
        "data-uri", "data: URIs (RFC 2397) in pages, styles and scripts", sniff=sniff_uri, unpack=unpack_uris
    ),
)
