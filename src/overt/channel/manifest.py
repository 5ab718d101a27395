"""`manifest.json` of a bundle: every rule and hash list in it, whose they are, and what the review said of them."""

from __future__ import annotations

from typing import Any

import msgspec

from overt.core import canonical
from overt.core.errors import Malformed

SCHEMA = "overt-bundle/1"
PATH = "manifest.json"
NOT_REVIEWED: dict[str, Any] = {"level": "not reviewed", "grounds": []}
"""The review of a rule that nobody reviewed: said, not left out."""
LEVELS_OF_LISTS = {"program": "pass", "document": "refuse", "": "explain"}
"""What the hashes of a list may be declared to be of (empty: not known) → the level of the review that this gets."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One source: where a part of the bundle came from. Its files are `rules/NAME/…` and `hashes/NAME/…`."""

    name: str
    author: str
    licence: str
    origin: str
    """Where anyone can get it: an address, as a rule."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule. `part` is the name of its source; `sha256` that of the rule's own text in `file`."""

    name: str
    file: str
    line: int
    part: str
    author: str
    licence: str
    source: str
    """The rule's own references, else its part's origin."""
    description: str
    severity: str
    sha256: str
    review: dict[str, Any]
    override: str | None
    """Why it is published although the review did not pass it: written, logged, shown to every user."""


class HashList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One list of hashes: `algorithm` is `md5`, `sha1` or `sha256`; `sections`: of sections of PE files. `content`:
    what the publisher declares the hashed files to be (see `LEVELS_OF_LISTS`); the review rests on it."""

    file: str
    part: str
    algorithm: str
    sections: bool
    entries: int
    content: str
    author: str
    licence: str
    source: str
    review: dict[str, Any]
    override: str | None


class Revoked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule that was taken back: since which serial, and why."""

    rule: str
    serial: int
    reason: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bundle's table of contents. `serial`: the release that it was built for; later ones may carry it on."""

    schema: str
    channel: str
    serial: int
    tool: str
    """What built and reviewed it: `overt VERSION`. With this version anyone gets the same bytes."""
    parts: tuple[Part, ...]
    rules: tuple[Rule, ...]
    hashes: tuple[HashList, ...]
    revoked: tuple[Revoked, ...]


def encode(manifest: Manifest) -> bytes:
    """Canonical JSON (RFC 8785) of the manifest."""
    return canonical.encode(msgspec.to_builtins(manifest))


def parse(data: bytes) -> Manifest:
    """The manifest. Raises `Malformed` for anything but the one encoding of a manifest of this schema."""
    try:
        manifest = msgspec.convert(canonical.decode(data), Manifest)
    except (canonical.NotCanonical, msgspec.ValidationError) as error:
        raise Malformed(f"{PATH}: {error}") from None
    if manifest.schema != SCHEMA:
        raise Malformed(f"{PATH}: schema {manifest.schema!r} is not {SCHEMA}: a newer Overt may read it")
    items: tuple[Rule | HashList, ...] = (*manifest.rules, *manifest.hashes)
    for item in items:
        if not isinstance(item.review.get("level"), str):
            raise Malformed(f"{PATH}: the review of something in {item.file} states no level")
    return manifest
