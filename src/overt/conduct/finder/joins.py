"""Putting together what was sent piece by piece. Pure; runs in an expendable worker, for what it reads is hostile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlsplit

from overt.conduct.finder.decoders.http import bodies
from overt.conduct.finder.sources import PARENT_LABELS

SMALL_NUMBER_CHARS = 8
"""A label or value of no more hex digits may be the number of a piece."""
SEPARATOR = b"\n"


def of_bodies(streams: Sequence[bytes]) -> Iterator[bytes]:
    """Bodies of all requests joined, or the streams themselves where they hold none."""
    parts: list[bytes] = []
    for stream in streams:
        parts += [piece.data for piece in bodies(stream)] or [stream]
    if len(parts) > 1:
        yield b"".join(parts)


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
    label that numbers them."""
    yield SEPARATOR.join(name.encode("utf-8", "replace") for name in names)
    rows = [labels for name in names if (labels := name.rstrip(".").split(".")[:-PARENT_LABELS])]
    width = max(map(len, rows), default=0)
    for ordered in _orders(rows, width):
        yield "".join("".join(row) for row in ordered).encode("utf-8", "replace")
        for place in range(width):
            yield "".join(row[place] for row in ordered if place < len(row)).encode("utf-8", "replace")
            yield "".join(row[-1 - place] for row in ordered if place < len(row)).encode("utf-8", "replace")
        longest = [max(row, key=len) for row in ordered]
        yield "".join(longest).encode("utf-8", "replace")


def _orders(rows: list[list[str]], width: int) -> Iterator[list[list[str]]]:
    yield rows
    for place in range(-width, width):
        numbered = [(_number(row[place]), row) for row in rows if -len(row) <= place < len(row)]
        known = [(number, row) for number, row in numbered if number is not None]
        if len(known) == len(rows) > 1 and len({number for number, _ in known}) == len(rows):
            yield [row for _, row in sorted(known)]


def _number(label: str) -> int | None:
    if len(label) > SMALL_NUMBER_CHARS:
        return None
    try:
        return int(label, 10 if label.isdecimal() else 16)
    except ValueError:
        return None
