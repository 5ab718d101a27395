"""Parsers of what a channel signs or serves, fuzzed: what they accept encodes to the same bytes; all else is an error.

The log's own formats are fuzzed in tests/tlog as well; here are those above them.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.channel import bundle, charter, delta, layout, manifest, release
from overt.channel.client import checks
from overt.channel.release import Pinned, Release
from overt.core import canonical
from overt.core.errors import LedgerError, LogError, Malformed, PeerLied
from overt.ledger import Kind, Ledger
from overt.ledger.entry import parsed
from overt.tlog import policy_file
from overt.tlog.merkle import TreeHead
from overt.tlog.reader import LogReader
from tests.channel.adversary.forge import Channel
from tests.tlog.test_strictness import mutated

ROUNDS = int(os.environ.get("OVERT_FUZZ_ROUNDS", "600"))
CHANNEL = Channel().found()
CHANNEL.publish("one", "two")
BUNDLE = CHANNEL.bundles[layout.TARGET]
HASHES = b"".join(
    bundle.HashEntry(hashlib.sha256(b"%d" % n).hexdigest(), f"Evil.{n}", n).encode() for n in (2, 1, 0)
)
LIST = "hashes/own/sha256.jsonl"
ROOT = CHANNEL.metadata["root"]
CHARTER = canonical.encode(CHANNEL.charter().as_member())
POLICY = CHANNEL.charter().policy.encode()

Again = Callable[[bytes], bytes]


def _bundle_again(data: bytes) -> bytes:
    found = bundle.read(data)
    return bundle.build(found.manifest, found.files)


def _charter_again(data: bytes) -> bytes:
    try:
        value = canonical.decode(data)
    except canonical.NotCanonical as error:
        raise Malformed(str(error)) from None
    return canonical.encode(charter.charter_of({charter.MEMBER: value}).as_member())


def _hashes_again(data: bytes) -> bytes:
    return b"".join(entry.encode() for entry in bundle.hash_entries(LIST, data))


def _root_again(data: bytes) -> bytes:
    """TUF's JSON has many encodings: the bytes are kept as they are, and only their hash counts."""
    return checks.authority(data).root


def _policy_again(data: bytes) -> bytes:
    """Comments and blanks are allowed: it must mean the same when written again."""
    policy = policy_file.parse(data)
    assert policy_file.parse(policy_file.encode(policy)) == policy
    return data


def _proof_again(data: bytes) -> bytes:
    return checks.read(data).proof.encode()


FORMATS: dict[str, tuple[bytes, Again]] = {
    "release": (CHANNEL.pinned().encode(), lambda data: release.parse(data).encode()),
    "proof with its release": (CHANNEL.tree[layout.PROOF], _proof_again),
    "charter": (CHARTER, _charter_again),
    "policy": (POLICY, _policy_again),
    "root": (ROOT, _root_again),
    "manifest": (
        manifest.encode(bundle.read(BUNDLE).manifest),
        lambda data: manifest.encode(manifest.parse(data)),
    ),
    "bundle": (BUNDLE, _bundle_again),
    "hash list": (b"".join(sorted(HASHES.splitlines(keepends=True))), _hashes_again),
}


@pytest.mark.parametrize("name", FORMATS)
def test_originals_are_accepted(name: str) -> None:
    original, again = FORMATS[name]
    assert again(original) == original


@pytest.mark.parametrize("name", FORMATS)
def test_mutations_are_refused_or_kept_to_the_byte(name: str) -> None:
    original, again = FORMATS[name]
    chance = random.Random(name)
    refused = 0
    for _ in range(ROUNDS):
        changed = mutated(original, chance)
        try:
            assert again(changed) == changed
        except Malformed:
            refused += 1
    assert refused


@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes(name: str, data: bytes) -> None:
    try:
        assert FORMATS[name][1](data) == data
    except Malformed as error:
        assert str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=12,
)


def _swapped(data: bytes, place: int, value: object) -> bytes:
    """The JSON document with one of its values replaced."""
    document = json.loads(data)
    holders = list(_holders(document))
    holder, key = holders[place % len(holders)]
    holder[key] = value  # type: ignore[index]
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def _holders(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield value, key
            yield from _holders(value[key])


@pytest.mark.parametrize("name", ["release", "charter", "root", "manifest"])
@given(place=st.integers(0, 10_000), value=JSON)
@settings(max_examples=150, deadline=None)
def test_values_of_other_types(name: str, place: int, value: object) -> None:
    original, again = FORMATS[name]
    changed = _swapped(original, place, value)
    try:
        assert again(changed) == changed
    except Malformed as error:
        assert str(error)


@given(
    st.integers(0, 2**53 - 1),
    st.integers(1, 2**53 - 1),
    st.dictionaries(
        st.from_regex(r"[a-z0-9][a-z0-9._-]{0,9}", fullmatch=True), st.binary(), min_size=1, max_size=5
    ),
)
def test_every_release_comes_back(serial: int, version: int, bundles: dict[str, bytes]) -> None:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in bundles.items()}
    made = Release(serial, Pinned(version, "0" * 64), Pinned(version, "f" * 64), digests)
    assert release.parse(made.encode()) == made


OLD = BUNDLE
NEW = CHANNEL.bundle("one", "two", "three")
SHA256 = hashlib.sha256(NEW).hexdigest()


@pytest.mark.parametrize("kind", ["patch", "whole"])
def test_mutated_frames_give_the_bundle_or_an_error(kind: str) -> None:
    """A frame is transport: any that leads to the bundle will do, and nothing else comes out."""
    frame = delta.make_patch(OLD, NEW) if kind == "patch" else delta.compress(NEW)
    chance = random.Random(kind)
    refused = 0
    for _ in range(ROUNDS):
        changed = mutated(frame, chance)
        try:
            if kind == "patch":
                assert delta.apply_patch(OLD, changed, SHA256, len(NEW)) == NEW
            else:
                assert delta.decompress(changed, SHA256, len(NEW)) == NEW
        except (Malformed, PeerLied):
            refused += 1
    assert refused > ROUNDS // 2


@given(st.binary(min_size=8, max_size=2000), st.binary(max_size=2000))
@settings(max_examples=60, deadline=None)
def test_every_patch_leads_to_its_bundle(old: bytes, new: bytes) -> None:
    patch = delta.make_patch(old, new)
    assert delta.apply_patch(old, patch, hashlib.sha256(new).hexdigest()) == new


def test_mutated_trees_never_read_as_another_log() -> None:
    """Tiles and entries, changed at random, are refused by the log's reader, or were not needed."""
    chance = random.Random(7)
    channel = Channel("tiles").found()
    channel.publish("one")
    for _ in range(9):
        channel.release()
    log = channel.log()
    whole = {path: data for path, data in channel.tree.items() if path.startswith("log/tile/")}
    refused = 0
    for _ in range(ROUNDS):
        path = chance.choice(sorted(whole))
        tree = whole | {path: mutated(whole[path], chance)}
        try:
            assert _read(log.head, tree) == channel.leaves
        except LogError:
            refused += 1
    assert refused


def _read(head: TreeHead, tree: dict[str, bytes]) -> list[bytes]:
    return list(LogReader(head, lambda path: tree["log/" + path]).entries(0))


def test_mutated_ledger_lines(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger")
    for serial in range(3):
        ledger.append(
            Kind.DECIDED, {"subject": "rules", "decision": "refused", "by": "overt", "reason": f"{serial}"}
        )
    (path,) = (tmp_path / "ledger").glob("*.jsonl")
    chance = random.Random(11)
    for line in path.read_bytes().splitlines():
        for _ in range(ROUNDS // 3):
            changed = mutated(line, chance)
            try:
                assert parsed(changed).line == changed
            except (Malformed, LedgerError) as error:
                assert str(error)


def test_metadata_of_every_role_is_refused_as_root() -> None:
    for role in ("targets", "snapshot", "timestamp"):
        with pytest.raises(Malformed, match="root metadata"):
            checks.authority(CHANNEL.metadata[role])
