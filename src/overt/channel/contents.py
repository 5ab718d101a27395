"""What a bundle holds, read from its bytes: its manifest, and what a manifest of the rest would have to say.

Reading a stranger's bundle may kill whoever does it (tar, JSON, YARA's text): see `readers` for who does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from overt.channel import bundle as bundles
from overt.channel import manifest
from overt.channel.bundle import Bundle
from overt.channel.manifest import HashList, Manifest, Part, Rule
from overt.core.errors import Malformed, PeerLied
from overt.rules.compile import RuleText
from overt.rules.metadata import record
from overt.rules.yara_source import split


class Contents(msgspec.Struct, frozen=True):
    """A bundle that was read."""

    manifest: Manifest
    """As the bundle states it."""
    texts: tuple[RuleText, ...]
    """The files of rules, for the review."""
    rules: tuple[Rule, ...]
    """The rules as their own texts have them: not reviewed, no override."""
    lists: tuple[HashList, ...]
    """The lists of hashes as they are, in the manifest's order: with the review, content and override stated there."""
    broken: str
    """What of it can't be read, in words, and is missing above; empty when all can."""


def read(data: bytes) -> Contents:
    """The contents of a bundle (uncompressed). Raises `Malformed` for what is no bundle."""
    found = bundles.read(data)
    parts = {part.name: part for part in found.manifest.parts}
    texts: list[RuleText] = []
    rules: list[Rule] = []
    lists: list[HashList] = []
    try:
        for text in _texts(found, parts):
            rules += _rules(text, parts[text.pack].origin)
            texts.append(text)
        lists += _lists(found, parts)
    except (Malformed, PeerLied) as error:
        return Contents(found.manifest, tuple(texts), tuple(rules), tuple(lists), str(error))
    return Contents(found.manifest, tuple(texts), tuple(rules), tuple(lists), "")


def _texts(found: Bundle, parts: Mapping[str, Part]) -> Iterator[RuleText]:
    for path, data in found.files.items():
        if path.startswith("rules/"):
            part = parts[path.split("/")[1]]
            yield RuleText(part.name, path, _decoded(path, data), part.author, part.licence)


def _decoded(path: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Malformed(f"{path}: not UTF-8") from None


def _rules(text: RuleText, origin: str) -> Iterator[Rule]:
    source = split(text.source, text.text)
    if source.problems:
        first = source.problems[0]
        raise PeerLied(
            f"{text.source}:{first.line}: {first.message}: a rule that can't be read was published"
        )
    for rule in source.rules:
        known = record(rule, text.pack, text.source, text.author, text.licence)
        yield Rule(
            name=rule.name,
            file=text.source,
            line=rule.line,
            part=text.pack,
            author=known.author,
            licence=known.licence,
            source=known.reference or origin,
            description=known.description,
            severity=known.severity.value,
            sha256=hashlib.sha256(rule.text.encode()).hexdigest(),
            review=manifest.NOT_REVIEWED,
            override=None,
        )


def _lists(found: Bundle, parts: Mapping[str, Part]) -> Iterator[HashList]:
    """Each list read to its end: it is in its one form."""
    for stated in found.manifest.hashes:
        part = parts[stated.part]
        entries = sum(1 for _ in bundles.hash_entries(stated.file, found.files[stated.file]))
        yield replace(stated, entries=entries, author=part.author, licence=part.licence, source=part.origin)
