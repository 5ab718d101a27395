"""A rule pack: compiled, versioned rules of one or more sources in a single file, encoded so that storing it
triggers nobody's scanner (its own included).

File layout: 8 bytes magic, 32 bytes SHA-256 of the rest, then one zstd frame of MessagePack (`Pack`). The
rule texts, needed only to explain, are a zstd frame of their own inside it.
"""

from __future__ import annotations

import hashlib
import sys

import msgspec

from overt.core.errors import PackError
from overt.core.model import Severity

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"OVERTPK1"
COMMON = "common"
"""In place of a route: what every file sees besides the rules of its own."""


class RuleRecord(msgspec.Struct, frozen=True):
    """What is known of one rule besides its compiled form."""

    name: str
    pack: str
    severity: Severity = Severity.HIGH
    author: str = ""
    description: str = ""
    reference: str = ""
    licence: str = ""
    source: str = ""
    """The file it came from, as named in its source."""
    line: int = 0
    tags: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    """Routes (`overt.engine.route`) on which the rule can match."""


class Pack(msgspec.Struct, frozen=True):
    """A set of rules ready to load. `records` and `sources` are keyed by namespace; a rule's key in `records`
    is `namespace:rule`. `routes` says per route which namespaces' texts to compile."""

    engine: str
    """Name and version of the rule engine that it was compiled and checked with."""
    names: tuple[str, ...]
    """The packs merged into this one, e.g. `("base 1", "local")`."""
    records: dict[str, RuleRecord]
    routes: dict[str, dict[str, str]]
    """route → namespace → YARA source of the rules of that namespace that can match on that route."""
    compiled: dict[str, tuple[bytes, ...]] = {}
    """route → the engine's own serialisation of its rules: one, or several parts of them in packs of format 2."""
    externals: tuple[str, ...] = ()
    """External variables that the rules use (`filename`, …)."""
    texts: bytes = b""
    """zstd of MessagePack: record key → the rule's own text."""
    fingerprint: str = ""
    """Identity of everything the pack was made from; empty for a pack that stands alone."""
    parts: dict[str, tuple[bytes, ...]] = {}
    """route → serialisations of those of its rules that are not on all routes; `COMMON` → of those that are. There is
    every route, or none."""


def dump(pack: Pack) -> bytes:
    """The pack file's bytes."""
    body = zstd.compress(msgspec.msgpack.encode(pack), 3)
    return MAGIC + hashlib.sha256(body).digest() + body


def load(data: bytes, where: str = "rule pack") -> Pack:
    """Read a pack file's bytes. Raises `PackError` naming `where` if they are not one, whole."""
    if data[:8] != MAGIC or hashlib.sha256(data[40:]).digest() != data[8:40]:
        raise PackError(f"{where} is not a whole rule pack of this version: run 'overt rules rebuild'")
    try:
        return msgspec.msgpack.decode(zstd.decompress(data[40:]), type=Pack)
    except (zstd.ZstdError, msgspec.MsgspecError) as error:
        raise PackError(f"{where} cannot be read ({error}): run 'overt rules rebuild'") from error


def pack_texts(texts: dict[str, str]) -> bytes:
    """Encode rule texts for `Pack.texts`."""
    return zstd.compress(msgspec.msgpack.encode(texts), 3)


def rule_texts(pack: Pack) -> dict[str, str]:
    """Record key → rule text."""
    return msgspec.msgpack.decode(zstd.decompress(pack.texts), type=dict[str, str]) if pack.texts else {}


def digest(data: bytes) -> str:
    """Identity of a pack file's bytes: lower-case hexadecimal SHA-256 as stored in it."""
    return data[8:40].hex()
