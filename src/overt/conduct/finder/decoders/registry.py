"""All decoders."""

from __future__ import annotations

from overt.conduct.finder.decoders import containers, dns, escapes, hello, http, letters, packed, wide

BINARY = (
    *http.DECODERS,
    *dns.DECODERS,
    *hello.DECODERS,
    *packed.DECODERS,
    *containers.DECODERS,
    *wide.DECODERS,
)
"""Given any bytes."""
TEXT = (*escapes.DECODERS, *letters.DECODERS)
"""Given runs of printable characters."""
TURNED = frozenset(decoder.name for decoder in letters.TURNED)
"""Whose pieces are only what is encoded once more."""
