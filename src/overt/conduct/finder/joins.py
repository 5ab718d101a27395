"""Putting together what was sent piece by piece. Pure; runs in an expendable worker, for what it reads is hostile."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit

from overt.conduct.finder.decoders.http import bodies
from overt.conduct.finder.parts import Part

SMALL_NUMBER_CHARS = 8
"""A label or value of no more hex digits may be the number of a piece."""
BYTE = re.compile(r"\\(\d{3})")
"""A byte of a name that is no text, as it is written in DNS's own files (RFC 1035, section 5.1)."""
MAX_LABELS = 16
MAX_ORDERS = 3
"""Other than that of time."""
SEPARATOR = b"\n"


def of_bodies(streams: Sequence[bytes], window_bytes: int) -> list[Part]:
    """Bodies of all requests, or the streams themselves where they hold none; nothing if that is one.

    `window_bytes`: of a stream, from its beginning, in which bodies were seen and examined; not in later windows."""
    parts: list[Part] = []
    for stream in streams:
        found = [Part(piece.data, piece.end <= window_bytes) for piece in bodies(stream)]
        parts += found or [Part(stream, len(stream) <= window_bytes)]
    return parts if len(parts) > 1 else []


def of_requests(lines: Sequence[str]) -> Iterator[bytes]:
    """All lines as they are; then the values of each header, parameter and place in the path, joined."""
    yield SEPARATOR.join(line.encode("utf-8", "replace") for line in lines)
    columns: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        columns.setdefault(name.lower(), []).append(value)
        if name == "target":
            for key, part in _of_target(value):
                columns.setdefault(key, []).append(part)
        elif name.lower() == "cookie":
            for part in value.split(";"):
                key, _, inner = part.strip().partition("=")
                columns.setdefault(f"cookie {key}", []).append(inner)
    for values in columns.values():
        if len(values) > 1:
            yield "".join(values).encode("utf-8", "replace")


def _of_target(target: str) -> Iterator[tuple[str, str]]:
    try:
        parts = urlsplit(target)
        for key, value in parse_qsl(parts.query.replace("+", "%2B"), errors="replace"):
            yield f"parameter {key}", value
    except ValueError:
        return
    for place, segment in enumerate(parts.path.split("/")):
        yield f"path {place}", segment


def of_names(names: Sequence[str]) -> Iterator[bytes]:
    """All names; then their labels joined: all of them, and those of each place; in time order, and in the order of a
    label that numbers them. Labels at the end that all names share are left out."""
    texts = [BYTE.sub(lambda byte: chr(int(byte[1]) & 0xFF), name.rstrip(".")) for name in names]
    yield _bytes(texts, "\n")
    rows = _unshared([text.split(".") for text in texts])
    width = min(max(map(len, rows), default=0), MAX_LABELS)
    for ordered in _orders(rows, width):
        yield _bytes(["".join(row) for row in ordered])
        for place in range(width):
            yield _bytes([row[place] for row in ordered if place < len(row)])
            yield _bytes([row[-1 - place] for row in ordered if place < len(row)])
        yield _bytes([max(row, key=len) for row in ordered])


def _bytes(texts: Sequence[str], separator: str = "") -> bytes:
    return separator.join(texts).encode("latin-1", "replace")


def _unshared(rows: list[list[str]]) -> list[list[str]]:
    """Rows without the end that all have, if there are several."""
    least = min(map(len, rows), default=0) if len(rows) > 1 else 0
    shared = 0
    while shared < least and len({row[-1 - shared].lower() for row in rows}) == 1:
        shared += 1
    return [row[: len(row) - shared] for row in rows if len(row) > shared]


def _orders(rows: list[list[str]], width: int) -> Iterator[list[list[str]]]:
    yield rows
    left = MAX_ORDERS
    for place in range(-width, width):
        numbered = [(_number(row[place]), row) for row in rows if -len(row) <= place < len(row)]
        known = [(number, row) for number, row in numbered if number is not None]
        if len(known) == len(rows) > 1 and len({number for number, _ in known}) == len(rows):
            ordered = [row for _, row in sorted(known, key=lambda pair: pair[0])]
            if ordered != rows and left:
                left -= 1
                yield ordered


def _number(label: str) -> int | None:
    if len(label) > SMALL_NUMBER_CHARS:
        return None
    try:
        return int(label, 10 if label.isdecimal() else 16)
    except ValueError:
        return None


def distinct(joined: Iterable[bytes], max_bytes: int) -> tuple[list[bytes], int]:
    """Each of them once, as long as all together are no more than `max_bytes`: so many names end too. And how many were
    left out for that."""
    seen: set[bytes] = set()
    kept, left_out = [], 0
    for data in joined:
        digest = hashlib.blake2b(data, digest_size=12).digest()
        if not data or digest in seen:
            continue
        seen.add(digest)
        if len(data) <= max_bytes:
            max_bytes -= len(data)
            kept.append(data)
        else:
            left_out += 1
    return kept, left_out
