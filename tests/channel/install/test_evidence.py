"""A release counts when it is logged and witnessed as the policy says, and not otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.channel.install import log, proven, record
from overt.channel.install.record import File, ProgramRelease, Required
from overt.channel.publisher.desk import Answer, Desk
from overt.channel.publisher.witnesses import WaitingForWitnesses
from overt.core.errors import ChannelError, LogError, Malformed, PeerLied, Unproven
from overt.tlog import policy_file, proof, witness
from overt.tlog.merkle import TreeHead, leaf_hash
from tests.channel.install.conftest import ReleaseLog, World

DIGEST = "0f" * 32
RELEASE = ProgramRelease(
    "overt",
    "0.1.0",
    File("overt-0.1.0-py3-none-any.whl", DIGEST, 7),
    (File("overt/__init__.py", DIGEST, 1), File("overt/core/model.py", DIGEST, 2)),
    File("overt-0.1.0.cdx.json", DIGEST, 3),
    (Required("tuf", "7.0.1", (DIGEST,)),),
)


def refused(world: World, error: type[LogError]) -> None:
    with pytest.raises(error):
        proven.read(world.evidence)
    answer = world.overt("--python", world.venv, "--from", world.releases)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("overt: ")


def test_a_forged_record_has_no_proof(world: World) -> None:
    """The attacker changes a file and writes its hash into the record."""
    first, *others = world.release.files
    forged = replace(world.release, files=(replace(first, sha256=DIGEST), *others))
    world.evidence.release.write_bytes(forged.encode())
    refused(world, PeerLied)


def test_without_a_proof(world: World) -> None:
    world.evidence.proof.unlink()
    answer = world.overt("--python", world.venv, "--from", world.releases)
    assert answer.returncode == 2
    assert "cannot read" in answer.stderr and "tlog-proof" in answer.stderr


@pytest.mark.parametrize("other", [ReleaseLog(seed=7), ReleaseLog(origin="example.net/other", seed=7)])
def test_a_proof_of_another_log(world: World, other: ReleaseLog) -> None:
    """The same origin with another key, and another origin."""
    world.evidence.proof.write_bytes(other.proof(world.release))
    refused(world, Unproven)


@pytest.mark.parametrize("cosigners", [0, 2])
def test_a_quorum_below_the_policy(world: World, cosigners: int) -> None:
    world.evidence.proof.write_bytes(ReleaseLog().proof(world.release, cosigners))
    refused(world, Unproven)


def test_a_proof_of_another_release(world: World) -> None:
    world.evidence.proof.write_bytes(ReleaseLog().proof(replace(world.release, version="0.0.9")))
    refused(world, PeerLied)


def test_a_cosignature_of_the_future_does_not_count(world: World) -> None:
    with pytest.raises(Unproven):
        proven.read(world.evidence, before_s=1)


def test_a_pinned_policy_goes_before_the_one_that_came_along(world: World, overt_home: Path) -> None:
    """Whoever forges a release forges a policy for it too."""
    other = ReleaseLog(seed=7)
    world.evidence.proof.write_bytes(other.proof(world.release))
    world.evidence.policy.write_bytes(other.policy())
    arguments = ("--python", world.venv, "--from", world.releases)
    believed = world.overt(*arguments)
    assert believed.returncode == 0
    assert "came with the release: compare it with one from elsewhere" in believed.stdout
    overt_home.mkdir()
    (overt_home / "release-policy.txt").write_bytes(ReleaseLog().policy())
    assert world.overt(*arguments).returncode == 2
    world.evidence.proof.write_bytes(ReleaseLog().proof(world.release))
    believed = world.overt(*arguments)
    assert believed.returncode == 0
    assert "came with the release" not in believed.stdout


def test_a_logged_release_of_another_version(world: World) -> None:
    older = replace(world.release, version="0.0.9")
    world.evidence.release.write_bytes(older.encode())
    world.evidence.proof.write_bytes(ReleaseLog().proof(older))
    evidence = world.evidence
    answer = world.overt(
        *("--python", world.venv, "--release", evidence.release, "--proof", evidence.proof),
        *("--policy", evidence.policy),
    )
    assert answer.returncode == 1
    assert "0.1.0 is installed, the release is 0.0.9" in answer.stdout


@pytest.mark.parametrize("arguments", [(), ("--release", "a"), ("--release", "a", "--proof", "b")])
def test_evidence_that_is_not_named(world: World, arguments: tuple[str, ...]) -> None:
    answer = world.overt("--python", world.venv, *arguments)
    assert answer.returncode == 2
    assert "give --" in answer.stderr


def test_a_record_has_one_encoding() -> None:
    assert record.parse(RELEASE.encode()) == RELEASE
    assert RELEASE.leaf() == (
        b'{"program":"overt","record":"%s","version":"0.1.0"}' % RELEASE.sha256.encode()
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"overt/__init__.py", b"../__init__.py"),
        (b"overt/__init__.py", b"/verta_init__.py"),
        (b"overt/__init__.py", b"overt//init__.py"),
        (b"overt/__init__.py", b"overt/./nit__.py"),
        (b"overt/__init__.py", b"pvert/__init__.py"),
        (b"overt/core/model.py", b"overt/__init__.py"),
        (DIGEST.encode(), DIGEST.upper().encode()),
        (b",1]", b",-1]"),
        (b",1]", b",true]"),
        (b",1]", b",1.0]"),
        (b'"schema":', b'"schemb":'),
        (b"overt-program-release/1", b"overt-program-release/2"),
        (b'"tuf"', b'"Tuf"'),
        (b'{"files"', b'{ "files"'),
    ],
)
def test_any_other_record_is_refused(old: bytes, new: bytes) -> None:
    data = RELEASE.encode()
    assert old in data
    with pytest.raises(Malformed):
        record.parse(data.replace(old, new))


@given(st.data())
def test_damaged_records_are_refused_or_equal(data: st.DataObject) -> None:
    content = bytearray(RELEASE.encode())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    try:
        found = record.parse(bytes(content))
    except Malformed:
        return
    assert found.encode() == bytes(content)


class Publisher:
    """A folder of releases' log, with witnesses that keep the protocol in memory."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder, ask=lambda what: "", post=self.post)
        key = log.found(self.desk, "example.org/overt-releases", None)
        self.signers = {f"w{number}": one for number, one in enumerate(ReleaseLog().witnesses)}
        lines = [f"log {key}"]
        lines += [f"witness {name} {one.key.encode()} https://{name}" for name, one in self.signers.items()]
        text = "\n".join([*lines, f"group all 3 {' '.join(self.signers)}", "quorum all", ""])
        self.policy = policy_file.parse(text.encode())
        self.known: dict[str, TreeHead] = {}
        self.down: set[str] = set()

    def post(self, url: str, body: bytes) -> Answer:
        name = url.split("/")[2]
        if name in self.down:
            raise ConnectionRefusedError(name)
        keys = {one.key.name: [one.key] for one in self.policy.logs}
        now_s = int(self.desk.now().timestamp())
        said = witness.respond(body, keys, lambda _: self.known.get(name), [self.signers[name]], now_s)
        if isinstance(said, witness.Cosigned):
            self.known[name] = said.new
        return Answer(int(said.status), said.body)

    def log(self, release: ProgramRelease) -> proof.LogProof:
        return log.append(self.desk, release, self.policy)


def test_releases_are_logged(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "log")
    versions = [replace(RELEASE, version=f"0.1.{number}") for number in range(4)]
    for number, release in enumerate(versions):
        made = publisher.log(release)
        assert made.index == number
        proof.verify(proof.parse(made.encode()), leaf_hash(release.leaf()), publisher.policy)
    again = publisher.log(versions[1])
    assert (
        again.index,
        proof.verify(again, leaf_hash(versions[1].leaf()), publisher.policy).checkpoint.head.size,
    ) == (
        1,
        4,
    )


def test_a_version_is_never_logged_with_other_bytes(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "log")
    publisher.log(RELEASE)
    with pytest.raises(ChannelError, match=r"overt 0\.1\.0 is entry 0 of the log, with other bytes"):
        publisher.log(replace(RELEASE, files=RELEASE.files[:1]))
    assert publisher.log(RELEASE).index == 0


def test_too_few_witnesses_give_no_proof_and_a_later_call_goes_on(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "log")
    publisher.down = {"w0", "w1"}
    with pytest.raises(WaitingForWitnesses):
        publisher.log(RELEASE)
    publisher.down = set()
    assert publisher.log(RELEASE).index == 0
