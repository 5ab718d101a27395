"""The pure core: each step alone, over a log in memory."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from overt.channel.client import checks
from overt.channel.client.checks import Newest, Served
from overt.channel.release import Pinned, Release
from overt.core.errors import Malformed, PeerLied, Unproven
from overt.tlog import policy_file
from overt.tlog.checkpoint import Checkpoint
from overt.tlog.keys import MemorySigner, SignatureType
from overt.tlog.merkle import EMPTY_TREE, TreeHead
from overt.tlog.note import Note
from overt.tlog.policy import Policy
from overt.tlog.proof import LogProof
from overt.tlog.reader import LogReader
from overt.tlog.signing import cosign, sign
from overt.tlog.writer import append
from tests.channel.publisher.world import World

NOW_S = 1_800_000_000
SHA256 = hashlib.sha256(b"something").hexdigest()


class Log:
    """A log, its witnesses (two of three are needed) and its releases, in memory."""

    def __init__(self, size: int = 3, name: str = "log.example/rules") -> None:
        kind = SignatureType.ED25519_COSIGNATURE
        self.signer = MemorySigner(name, SignatureType.ED25519, bytes(32))
        self.witnesses = [MemorySigner(f"w{n}.example", kind, bytes([n + 1]) * 32) for n in range(3)]
        self.tiles: dict[str, bytes] = {}
        self.heads: list[TreeHead] = [EMPTY_TREE]
        self.releases: list[Release] = []
        for _ in range(size):
            self.publish()

    @property
    def policy(self) -> Policy:
        lines = [f"log {self.signer.key.encode()}"]
        lines += [f"witness w{n} {one.key.encode()}" for n, one in enumerate(self.witnesses)]
        return policy_file.parse("\n".join([*lines, "group q 2 w0 w1 w2", "quorum q", ""]).encode())

    def publish(self) -> None:
        pinned = Pinned(1, SHA256)
        self.releases.append(Release(len(self.releases), pinned, pinned, {"rules.tar": SHA256}))
        added = append(self.heads[-1], [self.releases[-1].encode()], self.tiles.__getitem__)
        self.tiles |= added.tiles
        self.heads.append(added.head)

    def served(self, index: int = -1, ages_s: tuple[int, ...] = (0, 0, 0)) -> Served:
        """The proof file, parsed; cosigned so many seconds before now."""
        head = self.heads[-1]
        index = range(head.size)[index]
        checkpoint = Checkpoint(self.signer.key.name, head)
        signatures = [sign(checkpoint.text, self.signer)]
        signatures += [cosign(checkpoint, one, NOW_S - age) for one, age in zip(self.witnesses, ages_s)]
        hashes = LogReader(head, self.tiles.__getitem__).inclusion_proof(index)
        note = Note(checkpoint.text, tuple(signatures))
        return checks.read(LogProof(index, hashes, note, self.releases[index].encode()).encode())

    def newest(self) -> Newest:
        return checks.newest(checks.included(checks.witnessed(self.served(), self.policy, NOW_S)))


DAY_S = checks.MAX_COSIGNATURE_AGE_S


@pytest.mark.parametrize(
    ("ages_s", "accepted"),
    [
        ((0, 0, 0), True),
        ((0, 0), True),
        ((0,), False),
        ((), False),
        ((DAY_S, DAY_S, DAY_S + 1), True),
        ((DAY_S, DAY_S + 1, DAY_S + 1), False),
        ((0, -checks.MAX_AHEAD_S), True),
        ((0, -checks.MAX_AHEAD_S - 1), False),
        ((2 * DAY_S, 2 * DAY_S, 2 * DAY_S), False),
        ((-2 * DAY_S, -2 * DAY_S, -2 * DAY_S), False),
    ],
)
def test_quorum_and_ages(ages_s: tuple[int, ...], accepted: bool) -> None:
    log = Log()
    served = log.served(ages_s=ages_s)
    if accepted:
        assert checks.witnessed(served, log.policy, NOW_S).head == log.heads[-1]
        return
    with pytest.raises(Unproven) as raised:
        checks.witnessed(served, log.policy, NOW_S)
    assert ("clock" in str(raised.value)) == (len(ages_s) > 1)


@pytest.mark.parametrize(("ages_s", "oldest_s"), [((0, 50, 900), 50), ((70, 10), 70), ((5, 5, 5), 5)])
def test_how_long_a_quorum_lasts(ages_s: tuple[int, ...], oldest_s: int) -> None:
    log = Log()
    served = log.served(ages_s=ages_s)
    until = checks.fresh_until(checks.witnessed(served, log.policy, NOW_S), log.policy)
    assert until == NOW_S - oldest_s + DAY_S
    checks.witnessed(served, log.policy, until)
    with pytest.raises(Unproven):
        checks.witnessed(served, log.policy, until + 1)


def test_another_logs_signature() -> None:
    with pytest.raises(Unproven):
        checks.witnessed(Log(name="log.example/other").served(), Log().policy, NOW_S)


def test_only_the_newest_leaf() -> None:
    log = Log()
    found = checks.included(checks.witnessed(log.served(1), log.policy, NOW_S))
    with pytest.raises(PeerLied, match="not the newest of a log of 3"):
        checks.newest(found)


def test_extra_data_that_is_not_the_leaf() -> None:
    log = Log()
    served = log.served()
    other = replace(served.proof, extra=replace(log.releases[-1], serial=7).encode())
    found = checks.witnessed(checks.read(other.encode()), log.policy, NOW_S)
    with pytest.raises(PeerLied, match="inclusion proof"):
        checks.included(found)


def test_growth_is_shown_by_tiles() -> None:
    log = Log(2)
    seen = log.heads[-1]
    for _ in range(300):
        log.publish()
    asked: list[str] = []

    def fetch(path: str) -> bytes:
        asked.append(path)
        return log.tiles[path]

    assert checks.grown(log.newest(), seen, fetch) == log.heads[-1]
    assert len(asked) < 5 and not any("entries" in path for path in asked)
    assert checks.grown(log.newest(), None, fetch) == log.heads[-1]


def test_shrinking_rewriting_and_forgetting() -> None:
    log = Log(3)
    with pytest.raises(PeerLied, match="shrank from release 3 to 2"):
        checks.grown(log.newest(), TreeHead(4, bytes(32)), log.tiles.__getitem__)
    with pytest.raises(PeerLied, match="the log was rewritten"):
        checks.grown(log.newest(), TreeHead(3, bytes(32)), log.tiles.__getitem__)
    with pytest.raises(PeerLied, match="consistency"):
        checks.grown(log.newest(), TreeHead(2, bytes(32)), log.tiles.__getitem__)
    with pytest.raises(PeerLied, match="release 3 is installed here"):
        checks.grown(log.newest(), None, log.tiles.__getitem__, known_serial=3)


def test_pinned_files_and_bundles() -> None:
    data = b"something"
    checks.pinned("root.json", data, 1, Pinned(1, SHA256))
    for version, content in ((2, data), (1, b"other")):
        with pytest.raises(PeerLied, match=r"root\.json version . with the SHA-256"):
            checks.pinned("root.json", content, version, Pinned(1, SHA256))
    release = Log().releases[0]
    assert checks.same_bundles(release, {"rules.tar": SHA256}) == SHA256
    for signed in ({}, {"rules.tar": "0" * 64}, {"rules.tar": SHA256, "more.tar": SHA256}):
        with pytest.raises(PeerLied):
            checks.same_bundles(release, signed)
    with pytest.raises(Malformed, match=r"no rules\.tar"):
        checks.same_bundles(replace(release, bundles={"x": SHA256}), {"x": SHA256})
    checks.bundle(data, SHA256)
    with pytest.raises(PeerLied, match="the release names"):
        checks.bundle(b"other", SHA256)


def test_roots_and_their_successors(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    world.found()
    world.publish("one")
    first = checks.authority(world.first_root())
    assert first.charter.channel == "test" and first.sha256 == hashlib.sha256(first.root).hexdigest()
    checks.successor(first, first)
    other = replace(first, version=2, charter=replace(first.charter, channel="another"))
    with pytest.raises(PeerLied, match="names the channel another"):
        checks.successor(first, other)
    for bad in (b"", b"{}", (world.public / "metadata/timestamp.json").read_bytes()):
        with pytest.raises(Malformed, match="root metadata"):
            checks.authority(bad)
