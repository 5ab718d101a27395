"""Digests by which a canary is known: its own, and those of parts of it that nobody else has: its beginnings, and what
is packed in it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence

from overt.conduct.evidence.records import Canary
from overt.core.errors import UnpackError
from overt.core.limits import Limits
from overt.engine.unpack.base import Budget, Room
from overt.engine.unpack.registry import identify

ALGORITHMS = ("md5", "sha1", "sha256", "sha512", "blake2b")
HEADS_BYTES = (1 << 10, 1 << 12, 1 << 13, 1 << 16, 1 << 20)
"""Beginnings whose digests are sought: some products send only those."""
MAX_DEPTH = 4
"""Of members in members."""
SOUGHT_BYTES, SOUGHT_LETTERS = 8, 11
"""Of a digest, raw or in hex, and in base64: some products send no more; 64 bits never agree by chance."""


def digests(canary: Canary, bodies: Sequence[bytes]) -> Iterator[tuple[bytes, str]]:
    """(what is sought, what it is) by every algorithm, in every spelling. Without `bodies`, its own SHA-256 only.

    None for a file without a token: it is a public test file, whose digests are in every product and tell nothing.
    """
    if not canary.token:
        return
    if not bodies:
        yield from _written(bytes.fromhex(canary.sha256), "sha256", "")
        return
    for part, of in ((bodies[0], ""), *_own_parts(canary, bodies[0])):
        for name in ALGORITHMS:
            yield from _written(hashlib.new(name, part, usedforsecurity=False).digest(), name, of)


def _own_parts(canary: Canary, whole: bytes) -> Iterator[tuple[bytes, str]]:
    """Those that hold something of its own: the others are templates, or a known test file."""
    own = (canary.token.encode(), *map(bytes.fromhex, canary.anchors))
    for part, of in (*_heads(whole), *_members(whole)):
        if any(needle in part for needle in own):
            yield part, of


def _heads(whole: bytes) -> Iterator[tuple[bytes, str]]:
    for size in HEADS_BYTES:
        if len(whole) > size:
            yield whole[:size], f" of its first {size:,} bytes"


def _members(data: bytes, depth: int = 1) -> Iterator[tuple[bytes, str]]:
    """What is packed in our own file, in any format that the scanner unpacks."""
    for form in identify(data):
        if form.unpack is None:
            continue
        try:
            for child in form.unpack(data, Room(Budget(Limits(), len(data)))):
                yield child.data, f" of {child.name} in it"
                if depth < MAX_DEPTH:
                    yield from _members(child.data, depth + 1)
        except UnpackError:
            continue


def _written(digest: bytes, name: str, of: str) -> Iterator[tuple[bytes, str]]:
    """As it is, in hex and in base64: no more of it than does not depend on what follows."""
    standard = base64.b64encode(digest)[:SOUGHT_LETTERS]
    sought = digest[:SOUGHT_BYTES]
    yield sought, f"{name}{of}"
    for text in dict.fromkeys((sought.hex(), sought.hex().upper())):
        yield text.encode(), f"{name} hex{of}"
    for letters in dict.fromkeys((standard, standard.translate(_URL_SAFE))):
        yield letters, f"{name} base64{of}"


_URL_SAFE = bytes.maketrans(b"+/", b"-_")
