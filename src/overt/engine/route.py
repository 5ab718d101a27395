"""Routes: classes of content by its first bytes, so that a text file does not pay for PE rules.

`overt.rules.routing` asks, for each rule's condition, whether it can be true of content that takes a route; rules
that can't are not compiled into that route's scanner. Each file takes one route and is scanned once. More routes
than these three cost load time and memory without making scans faster: see docs/adr/0002-routing.md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """One class of content: it starts with one of `prefixes`, each of two bytes."""

    name: str
    prefixes: tuple[bytes, ...]


ROUTES: tuple[Route, ...] = (
    Route("pe", (b"MZ",)),
    Route("elf", (b"\x7fE",)),
)
OTHER = "other"
"""Everything that no prefix claims."""

PREFIXES = {prefix: route.name for route in ROUTES for prefix in route.prefixes}


def route_of(data: bytes) -> str:
    """The name of the one route that `data` takes."""
    return PREFIXES.get(data[:2], OTHER)
