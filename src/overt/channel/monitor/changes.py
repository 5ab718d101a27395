"""What a bundle changes of the rules and hash lists in the one before it: pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from overt.channel.bundle import Bundle
from overt.channel.manifest import HashList, Manifest, Revoked, Rule
from overt.rules.yara_source import split

Entry = Rule | HashList
COMPARED = ("file", "author", "licence", "source", "description", "severity", "content", "override")
"""Fields of a manifest's entry that are shown when they change, besides text, entries and review."""


class What(StrEnum):
    """What became of an item."""

    APPEARED = "appeared"
    CHANGED = "changed"
    VANISHED = "vanished"


@dataclass(frozen=True, slots=True)
class Item:
    """A rule or a hash list as it is known over releases: `id` is 32 hexadecimal digits, made of what names it."""

    id: str
    name: str
    part: str
    is_rule: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A property before and after; empty for none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one item. Texts are those of rules; of hash lists there are none."""

    item: Item
    what: What
    before: Entry | None
    after: Entry | None
    fields: tuple[Field, ...] = ()
    before_text: str = ""
    after_text: str = ""
    reason: str = ""
    """Why it was taken back, where the manifest says so."""


def items(contents: Manifest) -> dict[str, tuple[Item, Entry]]:
    """ID → item and entry. A name that one part has twice is told apart by its file."""
    counts = Counter((rule.part, rule.name) for rule in contents.rules)
    found: dict[str, tuple[Item, Entry]] = {}
    for rule in contents.rules:
        place = rule.file if counts[rule.part, rule.name] > 1 else ""
        item = Item(_id("rule", rule.part, rule.name, place), rule.name, rule.part, True)
        found[item.id] = item, rule
    for listed in contents.hashes:
        item = Item(_id("hashes", listed.part, listed.file, ""), listed.file, listed.part, False)
        found[item.id] = item, listed
    return found


def _id(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]


def changes(before: Bundle | None, after: Bundle) -> tuple[Change, ...]:
    """Every change, in the order of parts and names."""
    old = items(before.manifest) if before else {}
    new = items(after.manifest)
    revoked = {one.rule: one for one in after.manifest.revoked}
    texts = _Texts(before), _Texts(after)
    found = [
        change
        for key in old.keys() | new.keys()
        if (change := _change(old.get(key), new.get(key), texts, revoked, (before, after)))
    ]
    return tuple(sorted(found, key=lambda one: (one.item.part, one.item.name, one.item.id)))


def _change(
    old: tuple[Item, Entry] | None,
    new: tuple[Item, Entry] | None,
    texts: tuple[_Texts, _Texts],
    revoked: Mapping[str, Revoked],
    bundles: tuple[Bundle | None, Bundle],
) -> Change | None:
    if old and new:
        fields = tuple(_fields(old[1], new[1], bundles))
        if not fields:
            return None
        return Change(new[0], What.CHANGED, old[1], new[1], fields, texts[0].of(old[1]), texts[1].of(new[1]))
    if new:
        return Change(new[0], What.APPEARED, None, new[1], after_text=texts[1].of(new[1]))
    assert old
    taken_back = revoked.get(old[0].name)
    reason = taken_back.reason if taken_back else ""
    return Change(old[0], What.VANISHED, old[1], None, before_text=texts[0].of(old[1]), reason=reason)


def _fields(old: Entry, new: Entry, bundles: tuple[Bundle | None, Bundle]) -> Iterator[Field]:
    if isinstance(old, Rule) and isinstance(new, Rule) and old.sha256 != new.sha256:
        yield Field("text", old.sha256, new.sha256)
    if isinstance(old, HashList) and isinstance(new, HashList) and bundles[0]:
        before, after = bundles[0].files[old.file], bundles[1].files[new.file]
        if before != after:
            first, second = set(before.splitlines()), set(after.splitlines())
            more, fewer = len(second - first), len(first - second)
            yield Field("hashes", f"{old.entries:,}", f"{new.entries:,} ({more:,} added, {fewer:,} removed)")
    for name in COMPARED:
        one, other = getattr(old, name, None), getattr(new, name, None)
        if one != other:
            yield Field(name, one or "", other or "")
    if level(old.review) != level(new.review):  # grounds in other words are no change of a rule
        yield Field("review", level(old.review), level(new.review))


def level(review: Mapping[str, Any]) -> str:
    """The level that a manifest's review states, with its points."""
    score = review.get("score")
    return f"{review.get('level')}" + (f" ({score} points)" if isinstance(score, int) else "")


class _Texts:
    """The rules' own texts; a file is split when one of its rules is asked for."""

    def __init__(self, bundle: Bundle | None) -> None:
        self._bundle = bundle
        self._split: dict[str, dict[str, str]] = {}

    def of(self, entry: Entry) -> str:
        """The text of a rule; empty for a hash list, and for what the manifest names and the file has not."""
        if not isinstance(entry, Rule) or self._bundle is None:
            return ""
        if entry.file not in self._split:
            text = self._bundle.files[entry.file].decode("utf-8", "replace")
            self._split[entry.file] = {rule.name: rule.text for rule in split(entry.file, text).rules}
        return self._split[entry.file].get(entry.name, "")
