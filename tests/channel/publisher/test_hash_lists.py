"""What the hashes of a list are declared to be of: in the manifest, and held to by everyone who reads it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from overt.channel import bundle, contents
from overt.channel.charter import Charter
from overt.channel.client import jobs
from overt.channel.inspection import check_bundle
from overt.channel.manifest import LEVELS_OF_LISTS, NOT_REVIEWED, HashList
from overt.channel.monitor.readers import Compare, compared
from overt.channel.publisher import build, sources
from overt.core.errors import Malformed, PeerLied, UsageError
from overt.rules.review.hashes import review_hashes

CHARTER = Charter("acme", "rules.example.org/acme", False, "quorum none\n")
GOOD = {"level": "pass", "score": 0, "grounds": []}


def made(tmp_path: Path, content: str, override: str = "") -> bundle.Bundle:
    """A reviewed bundle of one list of ten hashes."""
    lines = [f"{hashlib.sha256(b'%d' % n).hexdigest()} bad-{n}" for n in range(10)]
    (tmp_path / "bad.txt").write_text("\n".join(lines) + "\n")
    origin = sources.Origin(
        "own", (str(tmp_path / "bad.txt"),), "CERT", "CC0-1.0", "https://x.example", content
    )
    overrides = (sources.Override("hashes/own/sha256.jsonl", override),) if override else ()
    listed = sources.Sources((origin,), overrides)
    return bundle.read(build.build("acme", 0, listed, build.static_review).data)


def changed(found: bundle.Bundle, **values: object) -> bytes:
    (stated,) = found.manifest.hashes
    hashes = (msgspec.structs.replace(stated, **values),)
    return bundle.build(msgspec.structs.replace(found.manifest, hashes=hashes), found.files)


def inspect(data: bytes) -> None:
    """As archive and monitor do."""
    check_bundle(contents.read(data), 0, CHARTER, build.static_review)


@pytest.mark.parametrize("content", list(LEVELS_OF_LISTS))
def test_each_content_has_its_review(tmp_path: Path, content: str) -> None:
    level = LEVELS_OF_LISTS[content]
    assert review_hashes("own", "f", 10, content).level.value == level
    found = made(tmp_path, content, "checked by two analysts" if level != "pass" else "")
    (stated,) = found.manifest.hashes
    assert (stated.content, stated.entries, stated.review["level"]) == (content, 10, level)
    inspect(bundle.build(found.manifest, found.files))


@pytest.mark.parametrize(
    "values",
    [
        {"content": "program"},
        {"content": ""},
        {"review": GOOD},
        {"content": "spreadsheet"},
        {"algorithm": "md5"},
        {"sections": True},
        {"entries": 9},
    ],
    ids=str,
)
def test_nobody_reads_another_review_than_the_contents(tmp_path: Path, values: dict[str, object]) -> None:
    """The publisher can't write such a bundle; one that he forges is refused by client, archive and monitor."""
    found = made(tmp_path, "document", "lures, checked by two analysts")
    with pytest.raises(Malformed, match=r"hashes/own/sha256\.jsonl"):
        changed(found, **values)
    forged = unchecked(found, values)
    for read in (contents.read, inspect, jobs._contents, lambda data: compared(Compare(0, None, data))):
        with pytest.raises(Malformed, match=r"hashes/own/sha256\.jsonl"):
            read(forged)


def unchecked(found: bundle.Bundle, values: dict[str, object]) -> bytes:
    """The bundle of whoever does not check what he writes."""
    (stated,) = found.manifest.hashes
    hashes = (msgspec.structs.replace(stated, **values),)
    forged = msgspec.structs.replace(found.manifest, hashes=hashes)
    return bundle._archive({**found.files, bundle.manifest.PATH: bundle.manifest.encode(forged)})


def test_the_same_list_twice_is_refused(tmp_path: Path) -> None:
    found = made(tmp_path, "program")
    twice = msgspec.structs.replace(found.manifest, hashes=found.manifest.hashes * 2)
    with pytest.raises(Malformed, match="twice"):
        bundle.build(twice, found.files)


@pytest.mark.parametrize(
    ("review", "word"),
    [
        (GOOD | {"score": 3}, "review is"),
        (NOT_REVIEWED, "review is 'pass', not 'not reviewed'"),
    ],
)
def test_the_archive_demands_exactly_that_review(tmp_path: Path, review: object, word: str) -> None:
    """A client reads a list that nobody reviewed; archive and monitor ask for the whole review."""
    data = changed(made(tmp_path, "program"), review=review)
    jobs._contents(data)
    with pytest.raises(PeerLied, match=word):
        inspect(data)


def test_a_manifest_that_declares_nothing_is_none(tmp_path: Path) -> None:
    found = made(tmp_path, "program")
    data = bundle.build(found.manifest, found.files).replace(b'"content":"program"', b'"contens":"program"')
    with pytest.raises(Malformed):
        bundle.read(data)
    assert "content" in HashList.__struct_fields__


def test_a_declaration_that_changes_is_a_change(tmp_path: Path) -> None:
    before = made(tmp_path, "program")
    after = made(tmp_path, "", "nobody knows any more")
    asked = Compare(1, bundle.build(before.manifest, before.files), bundle.build(after.manifest, after.files))
    (event,) = compared(asked).events
    assert ("content", "program", "") in event.fields


def test_other_words_are_refused_in_sources(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="content is 'program', 'document' or left out"):
        made(tmp_path, "malware")
