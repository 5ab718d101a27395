"""Routes: classes of content by its first bytes, so that a text file does not pay for PE rules.

A route knows some of the first bytes (or that they are none of the others'). `overt.rules.routing` asks, for each
rule's condition, whether it can be true on a route; rules that can't are not compiled into that route's scanner.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """One class of content: it starts with `prefix`; the route `other` is everything no prefix claims."""

    name: str
    prefix: bytes


ROUTES: tuple[Route, ...] = (
    Route("pe", b"MZ"),
    Route("elf", b"\x7fELF"),
    Route("zip", b"PK"),
    Route("ole", b"\xd0\xcf\x11\xe0"),
    Route("pdf", b"%PDF"),
    Route("rtf", b"{\\rt"),
    Route("lnk", b"L\x00\x00\x00"),
)
OTHER = Route("other", b"")

_PREFIXES = tuple((route.prefix, route.name) for route in ROUTES)


def route_of(data: bytes) -> str:
    """The name of the one route that `data` takes."""
    for prefix, name in _PREFIXES:
        if data.startswith(prefix):
            return name
    return OTHER.name
