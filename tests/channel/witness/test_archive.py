"""The archive cosigner: a real channel followed, what it approves and stores, and each thing it refuses."""

from __future__ import annotations

import dataclasses
import errno
import functools
import hashlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from overt.channel import bundle, delta, layout, release
from overt.channel.publisher import build, founding, publish, sources
from overt.channel.publisher import state as publisher_state
from overt.channel.publisher.desk import Answer
from overt.channel.release import Pinned, Release
from overt.channel.tree import in_folder
from overt.channel.witness.archive import Archive, Kept, Outcome, Waiver
from overt.channel.witness.state import State
from overt.core.errors import ChannelError
from overt.rules.compile import RuleText
from overt.rules.review import Level, RuleReview
from overt.store import atomic
from overt.tlog import note, policy_file
from overt.tlog.reader import LogReader
from overt.tlog.signing import open_checkpoint
from overt.tlog.witness import AddCheckpoint, collect
from tests.channel.publisher.world import ORIGIN, World
from tests.channel.reading import static_readers
from tests.channel.witness.conftest import Place
from tests.tlog.reference import LOG, MemoryLog, signed
from tests.tlog.reference import ORIGIN as OTHER_ORIGIN

SPYING = 'rule papers { strings: $a = "STRICTLY CONFIDENTIAL" nocase wide ascii condition: $a }\n'


class Reviewed(World):
    """A channel whose bundles are reviewed as they are published."""

    overrides: tuple[sources.Override, ...] = ()
    review: build.Reviewer = staticmethod(build.static_review)

    def bundle(self, *names: str) -> bytes:
        super().bundle(*names)
        present = publisher_state.read(self.desk)
        serial = present.head.size if present else 0
        listed = msgspec.structs.replace(self.sources(), override=self.overrides)
        return build.build("test", serial, listed, self.review).data

    def publish_bytes(self, data: bytes) -> Release:
        outcome = publish.publish(self.desk, data)
        assert isinstance(outcome, publish.Published), outcome
        return outcome.release


@pytest.fixture
def world(tmp_path: Path) -> Reviewed:
    made = Reviewed(tmp_path / "world")
    made.found()
    return made


class Watch:
    """The archive, the witness beside it, and the channel that both look at."""

    def __init__(self, world: World, place: Place) -> None:
        self.world, self.place, self.state = world, place, place.state()
        self.archive = Archive(place.folder / "archive", self.state, static_readers())

    def begin(self) -> None:
        """Configure the log as an operator does, from the published policy."""
        log = policy_file.parse((self.world.public / layout.policy(1)).read_bytes()).logs[0]
        self.origin = log.key.name
        self.state.add_log(self.origin, (log.key,), str(self.world.public))

    def follow(self, public: Path | None = None) -> Outcome:
        row = self.state.log(self.origin)
        assert row
        return self.archive.follow(row, in_folder(public or self.world.public))

    def checkpoint(self, public: Path | None = None) -> note.Note:
        return note.parse(((public or self.world.public) / layout.CHECKPOINT).read_bytes())

    def asked(self, old: int = 0, public: Path | None = None) -> int:
        """The status of the witness's answer to the newest checkpoint."""
        tree = public or self.world.public
        row = self.state.log(self.origin)
        assert row
        head = open_checkpoint(self.checkpoint(tree), row.keys).head
        reader = LogReader(head, lambda path: (tree / layout.LOG / path).read_bytes())
        request = AddCheckpoint(old, reader.consistency_proof(old), self.checkpoint(tree))
        answer = self.place.office().add_checkpoint(request.encode())
        if answer.status == 200:
            assert collect(self.checkpoint(tree), answer.body, self.state.own_keys())
        return answer.status

    def refused(self, *words: str, public: Path | None = None) -> None:
        """Looking again refuses, saying all of `words`; it is recorded, and not cosigned."""
        outcome = self.follow(public)
        assert outcome.refused and not outcome.new, outcome
        recorded = self.state.refusals(self.origin, 1)[0]
        assert recorded.reason == outcome.refused
        for word in words:
            assert word in outcome.refused, outcome.refused


@pytest.fixture
def watch(world: Reviewed, place: Place) -> Watch:
    world.publish("first")
    made = Watch(world, place)
    made.begin()
    return made


def test_cosigned_only_after_stored_and_reviewed(world: Reviewed, watch: Watch) -> None:
    assert watch.asked() == 503
    assert watch.follow() == Outcome(watch.origin, 1, 1)
    assert watch.asked() == 200
    published = [world.publish("second"), world.publish("third")]
    assert watch.asked(1) == 503
    assert watch.follow() == Outcome(watch.origin, 3, 2)
    assert watch.follow() == Outcome(watch.origin, 3, 0)
    assert watch.asked(1) == 200
    for one in published:
        for sha256 in (one.root.sha256, one.targets.sha256, *one.bundles.values()):
            data = Kept(watch.place.folder / "archive").object(sha256)
            assert data and hashlib.sha256(data).hexdigest() == sha256
    name = hashlib.sha256(watch.origin.encode()).hexdigest()
    leaf = (watch.place.folder / "archive" / name / "releases" / "2.json").read_bytes()
    assert release.parse(leaf) == published[1]


def test_any_approved_size_is_cosigned(world: Reviewed, watch: Watch) -> None:
    """A log that asks for a checkpoint before its newest gets it, when that was approved on the way."""
    old = watch.checkpoint()
    world.publish("second")
    watch.follow()
    request = AddCheckpoint(0, (), old)
    assert watch.place.office().add_checkpoint(request.encode()).status == 200


def test_a_bundle_that_nobody_reviewed(world: Reviewed, watch: Watch) -> None:
    assert watch.follow().new == 1
    world.publish_bytes(World.bundle(world, "second"))
    watch.refused("not true of 2 rules", "not reviewed")
    assert watch.asked() == 503


def test_a_whitewashed_review(world: Reviewed, watch: Watch) -> None:
    """The publisher's manifest says `pass` of a rule that looks for marked papers."""

    def whitewash(texts: Sequence[RuleText]) -> list[RuleReview]:
        return [
            dataclasses.replace(one, level=Level.PASS, score=0, grounds=())
            for one in build.static_review(texts)
        ]

    watch.follow()
    (world.rules / "papers.yar").write_text(SPYING)
    world.review = whitewash
    world.publish("second")
    watch.refused("release 1:", "papers: review is 'refuse', not 'pass'")
    assert watch.asked() == 503


def test_a_refused_rule_needs_a_written_reason(world: Reviewed, watch: Watch) -> None:
    (world.rules / "papers.yar").write_text(SPYING)
    world.overrides = (sources.Override("papers", "lure of a campaign, checked by two analysts"),)
    whole = bundle.read(world.bundle("second"))
    bare = tuple(msgspec.structs.replace(rule, override=None) for rule in whole.manifest.rules)
    without = bundle.build(msgspec.structs.replace(whole.manifest, rules=bare), whole.files)
    copy = world.folder / "copy"
    shutil.copytree(world.desk.folder, copy)
    world.publish_bytes(without)
    watch.follow()
    watch.refused("no reason is written", "papers: refuse")
    explained = Watch(world, watch.place)
    explained.begin()
    world.desk = dataclasses.replace(world.desk, folder=copy)
    world.witnesses._save({})
    world.publish_bytes(bundle.build(whole.manifest, whole.files))
    assert explained.follow(world.public).new == 1


def test_the_operator_vouches_for_a_release(world: Reviewed, watch: Watch) -> None:
    """What is refused stops the archive there; a written reason goes past it, and past nothing else."""
    watch.follow()
    world.publish_bytes(World.bundle(world, "second"))
    watch.refused("release 1:")
    world.publish("third")
    watch.refused("release 1:")
    row = watch.state.log(watch.origin)
    assert row
    outcome = watch.archive.follow(row, in_folder(world.public), Waiver(2, "looked at by two"))
    assert outcome == Outcome(watch.origin, 3, 2)
    assert watch.state.waivers(watch.origin) == [(1, "looked at by two")]
    assert watch.asked() == 200


def test_a_waiver_is_for_contents_only(world: Reviewed, watch: Watch) -> None:
    """A bundle that is another than the release names is refused all the same."""
    made = world.publish("second")
    path = world.public / layout.bundle(made.bundles[layout.TARGET])
    path.write_bytes(delta.compress(b"another bundle"))
    row = watch.state.log(watch.origin)
    assert row
    outcome = watch.archive.follow(row, in_folder(world.public), Waiver(9, "anything"))
    assert (outcome.size, "not the bundle" in outcome.refused) == (1, True)


@pytest.mark.parametrize(
    "change",
    [
        {"author": "somebody else"},
        {"sha256": "0" * 64},
        {"line": 7},
        {"severity": "low"},
        {"description": "harmless"},
        {"licence": "none"},
        {"source": "elsewhere"},
    ],
)
def test_a_manifest_that_is_not_true(world: Reviewed, watch: Watch, change: dict[str, object]) -> None:
    whole = bundle.read(world.bundle("second"))
    first = msgspec.structs.replace(whole.manifest.rules[0], **change)
    rules = (first, *whole.manifest.rules[1:])
    watch.follow()
    world.publish_bytes(bundle.build(msgspec.structs.replace(whole.manifest, rules=rules), whole.files))
    watch.refused("not true of 1 rules", f"{next(iter(change))} is ")


def test_a_rule_that_the_manifest_leaves_out(world: Reviewed, watch: Watch) -> None:
    (world.rules / "first.yar").write_text((world.rules / "first.yar").read_text() + SPYING)
    world.overrides = (sources.Override("papers", "a reason"),)
    whole = bundle.read(world.bundle())
    rules = tuple(rule for rule in whole.manifest.rules if rule.name != "papers")
    watch.follow()
    world.publish_bytes(bundle.build(msgspec.structs.replace(whole.manifest, rules=rules), whole.files))
    watch.refused("papers: not listed")


def test_what_is_missing_or_damaged_is_refused_until_it_is_there(world: Reviewed, watch: Watch) -> None:
    made = world.publish("second")
    assert watch.state.approved(watch.origin) is None
    path = world.public / layout.bundle(made.bundles[layout.TARGET])
    whole = path.read_bytes()
    path.unlink()
    outcome = watch.follow()
    assert (outcome.size, outcome.new) == (1, 1) and outcome.refused
    for wrong in (b"", whole[:-5], delta.compress(b"another bundle"), whole + b"x"):
        path.write_bytes(wrong)
        watch.refused("release 1:")
    path.write_bytes(whole)
    for place in (
        layout.metadata("targets", made.targets.version),
        "log/tile/entries/000.p/2",
        layout.CHECKPOINT,
    ):
        kept = (world.public / place).read_bytes()
        (world.public / place).write_bytes(kept[:-2] + b"xx")
        watch.refused()
        (world.public / place).write_bytes(kept)
    assert watch.follow() == Outcome(watch.origin, 2, 1)
    assert watch.asked() == 200


def test_a_forked_channel(world: Reviewed, watch: Watch) -> None:
    """The same keys, another second release: whoever approved the one never approves the other."""
    other = world.folder / "other"
    shutil.copytree(world.desk.folder, other)
    remembered = world.witnesses._load()
    world.publish("second")
    assert watch.follow().size == 2
    honest = world.desk
    world.desk = dataclasses.replace(honest, folder=other)
    world.witnesses._save(remembered)
    world.publish("third")
    fork = world.public
    watch.refused("without a proof", public=fork)
    evidence = watch.state.refusals(watch.origin, 1)[0].evidence
    assert note.parse(evidence) == watch.checkpoint(fork)
    assert watch.asked(public=fork) == 503
    assert watch.asked(public=honest.public) == 200


def test_leaves_that_are_no_gapless_releases(place: Place, tmp_path: Path) -> None:
    """A log that its key holder filled with other things."""
    state = place.state()
    state.add_log(OTHER_ORIGIN, (LOG.key,), "tree")
    row = state.log(OTHER_ORIGIN)
    assert row
    archive = Archive(tmp_path / "archive", state, static_readers())
    pinned = Pinned(1, "0" * 64)
    for leaf, word in (
        (b"not a release", "release"),
        (Release(5, pinned, pinned, {"rules.tar": "1" * 64}).encode(), "says that it is release 5"),
        (Release(0, pinned, pinned, {"rules.tar": "1" * 64}).encode(), "root"),
    ):
        log = MemoryLog()
        log.grow([leaf])
        files = {layout.LOG + path: data for path, data in log.tiles.items()}
        files[layout.CHECKPOINT] = signed(log.head).encode()
        outcome = archive.follow(row, lambda path, most, files=files: files[path])  # type: ignore[misc]
        assert word in outcome.refused and outcome.size == 0


def test_another_logs_checkpoint(watch: Watch) -> None:
    watch.state.add_log(watch.origin, (LOG.key,), "tree")
    watch.refused("not signed by any key")


def test_a_full_disk_approves_nothing(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes, mode: int = 0o600) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write", full)
        watch.refused("No space left")
    assert watch.asked() == 503
    assert watch.follow().new == 1


@pytest.mark.parametrize("step", range(1, 9))
def test_killed_at_every_write(watch: Watch, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Approved after a kill means stored whole; and the next look finishes."""
    real, count = atomic.write, 0

    def write(path: Path, data: bytes, mode: int = 0o600) -> None:
        nonlocal count
        count += 1
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)
        real(path, data, mode)

    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(atomic, "write", write)
            monkeypatch.setattr(State, "approve", _die)
            Archive(watch.place.folder / "archive", watch.place.state(), static_readers()).follow(
                watch.state.logs()[watch.origin], in_folder(watch.world.public)
            )
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert watch.state.approved(watch.origin) is None
    assert watch.follow() == Outcome(watch.origin, 1, 1)


def _die(self: State, *values: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_damaged_object_is_noticed(world: Reviewed, watch: Watch) -> None:
    watch.follow()
    made = world.publish("second")
    (watch.place.folder / "archive" / "objects" / made.root.sha256).write_bytes(b"rot")
    watch.refused("is damaged")


def test_a_publisher_waits_for_the_archive(tmp_path: Path, place: Place) -> None:
    """The publisher's own code: told to wait, it waits; once the archive has caught up, clients get the release."""
    world = Reviewed(tmp_path / "world")
    key = place.state().own_keys()[0]
    plan = founding.Plan(
        "test",
        ORIGIN,
        witnesses=f"witness w {key.encode()} https://w.example\nquorum w\n",
        development=True,
    )

    def post(url: str, body: bytes) -> Answer:
        assert url == "https://w.example/add-checkpoint"
        answer = place.office().add_checkpoint(body)
        return Answer(answer.status, answer.body)

    world.desk = dataclasses.replace(world.desk, post=post)
    founding.found(world.desk, plan, None)
    with pytest.raises(ChannelError, match="404"):
        world.publish("first")
    watch = Watch(world, place)
    watch.begin()
    with pytest.raises(ChannelError, match="ask again later"):
        publish.renew(world.desk)
    assert watch.follow().new == 1
    publish.renew(world.desk)
    assert [name for name, _ in world.accepted()[1].cosigned_s] == ["w"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.kernel
def test_the_command_over_the_network(world: Reviewed, watch: Watch) -> None:
    """Through the courier, with rules reviewed by a confined worker; then one that is refused, shown by status."""
    folder = str(watch.place.folder)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(world.public))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def overt(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "overt", "witness", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
        )

    key = watch.state.logs()[watch.origin].keys[0].encode()
    source = f"http://127.0.0.1:{server.server_address[1]}/"
    try:
        assert overt("add-log", folder, key, "--archive", source).returncode == 0
        done = overt("archive", folder)
        assert (done.returncode, done.stdout) == (0, f"{watch.origin}: 1 release approved, 1 in all\n"), (
            done.stderr
        )
        assert watch.asked() == 200
        world.publish_bytes(World.bundle(world, "second"))
        done = overt("archive", folder)
        assert done.returncode == 2 and "refused: release 1: the manifest is not true" in done.stderr
    finally:
        server.shutdown()
    text = overt("status", folder).stdout
    root = hashlib.sha256(world.first_root()).hexdigest()
    assert f"root in force: version 1, SHA-256 {root}" in text
    assert "archive: 1 release stored and reviewed" in text and "the manifest is not true" in text
    found = json.loads(overt("status", folder, "--json").stdout)
    schema = json.loads((Path(__file__).parents[3] / "docs/schema/witness-1.schema.json").read_text())
    Draft202012Validator(schema).validate(found)
    assert overt("accept", folder, watch.origin, "--below", "2", "--reason", " ").returncode == 2
    assert overt("accept", folder, "other", "--below", "2", "--reason", "x").returncode == 2
    log = next(log for log in found["logs"] if log["origin"] == watch.origin)
    assert (log["size"], log["approved"], len(log["refused"])) == (1, 1, 1)
    assert note.parse(log["refused"][0]["evidence"].encode()) == watch.checkpoint()
