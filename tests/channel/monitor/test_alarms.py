"""Each alarm, provoked."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import stat
import sys
import tarfile
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest

from overt.channel import bundle as bundles
from overt.channel import layout, manifest
from overt.channel.monitor import deliver
from overt.channel.monitor.alarm import Kind
from overt.channel.monitor.site import look
from overt.channel.monitor.views import View
from overt.channel.publisher import change, online, propose, publish, roles, sources, state
from overt.channel.publisher.change import Rotation
from overt.egress.errors import ConnectFailed
from overt.tlog import note, writer
from overt.tlog.checkpoint import Checkpoint
from overt.tlog.keys import MemorySigner
from overt.tlog.merkle import EMPTY_TREE, TreeHead
from overt.tlog.note import Note
from overt.tlog.reader import LogReader
from overt.tlog.signing import open_checkpoint, sign
from tests.channel.monitor.conftest import PATIENCE_S, Channel, Watching
from tests.channel.publisher.world import ORIGIN, no_secrets

SPY = 'rule Loader { meta: description = "Emotet" strings: $a = "SECRET//NOFORN" condition: $a }\n'


def log_signer(channel: Channel) -> MemorySigner:
    return online.log_signers(channel.desk.keys, ORIGIN, no_secrets)[0]


def appended(
    channel: Channel, leaf: bytes, keep: int | None = None
) -> tuple[TreeHead, dict[str, bytes], bytes]:
    """The log's first `keep` leaves (default: all) and `leaf`: head, tiles and the checkpoint, signed by its key."""
    signer = log_signer(channel)
    served = note.parse((channel.public / layout.CHECKPOINT).read_bytes())
    head = open_checkpoint(served, [signer.key]).head

    def fetch(path: str) -> bytes:
        return (channel.public / layout.LOG / path).read_bytes()

    if keep is not None:
        leaves = list(LogReader(head, fetch).entries(0))[:keep]
        made = writer.append(EMPTY_TREE, [*leaves, leaf], fetch)
    else:
        made = writer.append(head, [leaf], fetch)
    text = Checkpoint(ORIGIN, made.head).text
    return made.head, dict(made.tiles), Note(text, (sign(text, signer),)).encode()


def install(channel: Channel, tiles: dict[str, bytes], checkpoint: bytes) -> None:
    """Serve this log."""
    for path, data in tiles.items():
        target = channel.public / layout.LOG / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (channel.public / layout.CHECKPOINT).write_bytes(checkpoint)


def test_split_view_of_one_size(channel: Channel, watching: Watching) -> None:
    channel.publish("two")
    _, _, forged = appended(channel, b"another history", keep=1)
    watching.views = [View("witness.example", lambda: forged)]
    watching.look()
    (alarm,) = watching.alarms()
    assert alarm.kind is Kind.SPLIT_VIEW and "2 releases" in alarm.text and "witness.example" in alarm.text
    evidence = watching.state.evidence(alarm.id)
    key = [log_signer(channel).key]
    heads = [open_checkpoint(note.parse(evidence[name]), key).head for name in ("first.note", "second.note")]
    assert heads[0].size == heads[1].size and heads[0].root != heads[1].root
    watching.look()
    assert len(watching.alarms()) == 1
    assert look.tone(watching.state) == "infected"


def test_split_view_of_another_size(channel: Channel, watching: Watching) -> None:
    _, _, forged = appended(channel, b"another history")
    channel.publish("two")
    channel.publish("three")
    watching.views = [View("witness.example", lambda: forged)]
    watching.look()
    (alarm,) = watching.alarms()
    told = json.loads(watching.state.evidence(alarm.id)["split-view.json"])
    assert alarm.kind is Kind.SPLIT_VIEW and told["size"] == 2 and told["consistency_proof_to_second"]


def test_a_channel_that_serves_another_log_than_before(channel: Channel, watching: Watching) -> None:
    watching.look()
    made = writer.append(EMPTY_TREE, [b"rewritten", b"and longer"], {}.__getitem__)
    text = Checkpoint(ORIGIN, made.head).text
    checkpoint = Note(text, (sign(text, log_signer(channel)),)).encode()
    install(channel, dict(made.tiles), checkpoint)
    (channel.public / layout.PROOF).unlink()
    watching.look()
    kinds = {alarm.kind for alarm in watching.alarms()}
    assert kinds == {Kind.SPLIT_VIEW}
    assert watching.state.head.size == 1


def test_a_place_that_knows_more_than_is_served(channel: Channel, watching: Watching) -> None:
    old = channel.files()
    channel.publish("two")
    newer = (channel.public / layout.CHECKPOINT).read_bytes()
    for path in (layout.CHECKPOINT, layout.PROOF, layout.TIMESTAMP):
        (channel.public / path).write_bytes(old[path])
    watching.views = [View("witness.example", lambda: newer)]
    watching.look()
    assert not watching.alarms() and len(watching.state.conditions()) == 1
    channel.clock.ahead += timedelta(seconds=PATIENCE_S)
    watching.look()
    (alarm,) = watching.alarms()
    assert alarm.kind is Kind.FREEZE and "serves 1 releases, witness.example" in alarm.text
    channel.clock.ahead = timedelta(0)
    channel.public.joinpath(layout.CHECKPOINT).write_bytes(newer)
    watching.look()
    assert watching.alarms()[-1].ended_s


@pytest.mark.parametrize("leaf", [b"no release", b'{"serial":7}'])
def test_gap(channel: Channel, watching: Watching, leaf: bytes) -> None:
    _, tiles, checkpoint = appended(channel, leaf)
    install(channel, tiles, checkpoint)
    watching.look()
    assert [alarm.kind for alarm in watching.alarms(Kind.GAP)] == [Kind.GAP]


def test_gap_in_the_serials(channel: Channel, watching: Watching) -> None:
    first = channel.log()[0]
    leaf = type(first)(5, first.root, first.targets, first.bundles).encode()
    _, tiles, checkpoint = appended(channel, leaf)
    install(channel, tiles, checkpoint)
    watching.look()
    (alarm,) = watching.alarms(Kind.GAP)
    assert "leaf 1 says that it is release 5" in alarm.text
    assert watching.state.head.size == 2


def test_unreproducible(channel: Channel, watching: Watching) -> None:
    bundle = channel.bundle("two")
    extra = channel.sources_folder / "1" / "rules" / "two.yar"
    extra.write_text(extra.read_text().replace("overt-test", "other-test"))
    channel.publish_bytes(bundle)
    watching.look()
    (alarm,) = watching.alarms()
    assert alarm.kind is Kind.UNREPRODUCIBLE and "two differs" in alarm.text


def test_sources_that_lead_out_of_their_folder(channel: Channel, watching: Watching) -> None:
    listed = channel.sources_folder / "0" / "sources.toml"
    listed.write_text(listed.read_text().replace('"rules"', '"../../rules"'))
    watching.look()
    (alarm,) = watching.alarms()
    assert alarm.kind is Kind.UNREPRODUCIBLE and "outside its folder" in alarm.text


def test_sources_as_an_archive_and_missing_ones(channel: Channel, watching: Watching) -> None:
    folder = channel.sources_folder / "0"
    shutil.make_archive(str(folder), "gztar", folder)
    shutil.rmtree(folder)
    channel.publish("two")
    shutil.move(channel.sources_folder / "1", channel.folder / "aside")
    watching.look()
    newest, first = watching.state.releases()
    assert first.rebuilt.endswith("byte for byte") and newest.missing == "sources"
    channel.clock.ahead += timedelta(seconds=PATIENCE_S)
    watching.look()
    assert [alarm.kind for alarm in watching.alarms()] == [Kind.NO_SOURCES]
    shutil.move(channel.folder / "aside", channel.sources_folder / "1")
    watching.look()
    assert watching.alarms()[0].ended_s
    assert watching.state.releases()[0].rebuilt.endswith("byte for byte")


def packed(**members: bytes | str) -> bytes:
    """An archive of files, or of links where a text is given."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name.replace("_", "/"))
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"no archive",
        packed(**{".._evil": b"x"}),
        packed(_etc_evil=b"x"),
        packed(rules="/etc/passwd"),
        packed(rules=b"x")[:-10],
        packed(**{"sources.toml": b"[[source]]\nname = 7"}),
    ],
)
def test_archives_of_sources_that_are_none(channel: Channel, watching: Watching, data: bytes) -> None:
    shutil.rmtree(channel.sources_folder / "0")
    (channel.sources_folder / "0.tar.gz").write_bytes(data)
    watching.look()
    (alarm,) = watching.alarms()
    assert alarm.kind is Kind.UNREPRODUCIBLE and "can't be built" in alarm.text


def test_archives_are_bounded(channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    channel.publish("one")
    monkeypatch.setattr("overt.channel.monitor.sources.MAX_UNPACKED_BYTES", 1000)
    shutil.rmtree(channel.sources_folder / "0")
    (channel.sources_folder / "0.tar.gz").write_bytes(packed(one=b"x" * 600, two=b"x" * 600))
    watching = Watching(channel, tmp_path / "monitor")
    watching.look()
    watching.close()
    assert "more than 1,000 bytes" in watching.alarms()[0].text


def forged(channel: Channel, change_rule: dict[str, object]) -> bytes:
    """A bundle whose manifest says something else of its last rule."""
    found = bundles.read(channel.bundle())
    last = msgspec.structs.replace(found.manifest.rules[-1], **change_rule)
    contents = msgspec.structs.replace(found.manifest, rules=(*found.manifest.rules[:-1], last))
    return bundles.build(contents, found.files)


def test_review_mismatch(channel: Channel, watching: Watching) -> None:
    channel.write("spy", SPY)
    channel.overrides = (sources.Override("Loader", "because"),)
    passed = {"level": "pass", "score": 0, "grounds": []}
    found = bundles.read(channel.bundle())
    rules = tuple(
        msgspec.structs.replace(rule, review=passed, override=None) if rule.name == "Loader" else rule
        for rule in found.manifest.rules
    )
    data = bundles.build(msgspec.structs.replace(found.manifest, rules=rules), found.files)
    channel.publish_bytes(data)
    watching.look(with_sources=False)
    assert {alarm.kind for alarm in watching.alarms()} == {Kind.REVIEW_MISMATCH, Kind.NO_REASON}
    assert "Loader" in watching.alarms(Kind.NO_REASON)[0].text


def test_refused_without_a_reason(channel: Channel, watching: Watching) -> None:
    channel.write("spy", SPY)
    channel.overrides = (sources.Override("Loader", "because"),)
    channel.publish_bytes(forged(channel, {"override": None}))
    watching.look(with_sources=False)
    (alarm,) = watching.alarms()
    assert alarm.kind is Kind.NO_REASON and "Loader (refuse)" in alarm.text
    assert watching.state.releases()[0].problems


def test_not_reviewed_at_all(channel: Channel, watching: Watching) -> None:
    channel.publish_bytes(forged(channel, {"review": manifest.NOT_REVIEWED}))
    watching.look(with_sources=False)
    assert [alarm.kind for alarm in watching.alarms()] == [Kind.REVIEW_MISMATCH]


def test_a_bundle_that_comes_late(channel: Channel, watching: Watching) -> None:
    release = channel.publish("two")
    channel.publish("three")
    path = channel.public / layout.bundle(release.bundles[layout.TARGET])
    aside = channel.folder / "aside"
    shutil.move(path, aside)
    watching.look()
    assert watching.state.missing() == [1] and watching.state.head.size == 3
    assert {event.name for event in watching.state.events(serial=2)} == {"two", "three"}
    channel.clock.ahead += timedelta(seconds=PATIENCE_S)
    watching.look()
    (alarm,) = watching.alarms()
    assert alarm.kind is Kind.FETCH_FAILED and "bundles/" in alarm.text and not alarm.ended_s
    shutil.move(aside, path)
    watching.look()
    assert watching.alarms()[0].ended_s and not watching.state.missing()
    assert {event.name for event in watching.state.events(serial=1)} == {"two"}
    assert {event.name for event in watching.state.events(serial=2)} == {"three"}
    row = watching.state.release(1)
    assert row and row.late and row.rebuilt.endswith("byte for byte")


def test_nothing_can_be_fetched_for_long(channel: Channel, watching: Watching) -> None:
    watching.look()
    honest = watching.tree

    def down(path: str, max_bytes: int) -> bytes:
        raise ConnectFailed("no connection")

    watching.tree = down
    watching.look()
    assert not watching.alarms()
    channel.clock.ahead += timedelta(seconds=PATIENCE_S + 1)
    watching.look()
    assert {alarm.kind for alarm in watching.alarms()} == {Kind.FETCH_FAILED}
    assert look.tone(watching.state) == "incomplete"
    watching.tree = honest
    watching.look()
    assert all(alarm.ended_s for alarm in watching.alarms())
    assert look.tone(watching.state) == "clean"


def test_freeze(channel: Channel, watching: Watching) -> None:
    watching.look()
    channel.clock.ahead += timedelta(hours=25)
    watching.look()
    (alarm,) = watching.alarms()
    assert alarm.kind is Kind.FREEZE and "cosigned at a time that does not count by w0" in alarm.text
    channel.clock.ahead += timedelta(days=2)
    watching.look()
    assert len(watching.alarms(Kind.FREEZE)) == 2
    assert "expired at" in watching.alarms()[0].text
    publish.renew(channel.desk)
    watching.look()
    assert all(alarm.ended_s for alarm in watching.alarms(Kind.FREEZE))


def test_new_keys_and_policy(channel: Channel, watching: Watching) -> None:
    watching.look()
    change.propose_rotation(
        channel.desk, Rotation(new_keys=("snapshot", "log"), witnesses=channel.witnesses.policy(4)), None
    )
    proposed = propose.read(channel.desk, state.read(channel.desk))
    channel.witnesses.trust(roles.root_charter(proposed.new_root).policy)
    publish.publish(channel.desk)
    watching.look()
    (alarm,) = watching.alarms()
    assert alarm.kind is Kind.NEW_ROOT
    for words in ("snapshot: new key", "timestamp: new key", "log policy: new line “log ", "group q 4"):
        assert words in alarm.text, alarm.text
    channel.publish("two")
    assert watching.look().size == 3


def test_development_mode(watching: Watching) -> None:
    watching.look()
    assert len(watching.state.alarms()) == 1
    assert watching.state.alarms()[0].kind is Kind.DEVELOPMENT


def test_another_root_than_the_one_given(channel: Channel, tmp_path: Path, watching: Watching) -> None:
    other = Channel(tmp_path / "other")
    other.publish("one")
    watching.trusting(other.first_root())
    watching.look()
    assert not watching.state.releases()
    assert "not signed by any key" in watching.state.conditions()[0].text


def test_targets_that_nobody_signed(channel: Channel, watching: Watching) -> None:
    """A release whose targets are another, self-made file: its hash is in the log, its signature is missing."""
    release = channel.publish("two")
    path = channel.public / layout.metadata("targets", release.targets.version)
    unsigned = json.loads(path.read_bytes())
    unsigned["signatures"] = []
    data = json.dumps(unsigned).encode()
    path.with_name("9.targets.json").write_bytes(data)
    pinned = type(release.targets)(9, hashlib.sha256(data).hexdigest())
    leaf = type(release)(2, release.root, pinned, release.bundles).encode()
    _, tiles, checkpoint = appended(channel, leaf)
    install(channel, tiles, checkpoint)
    watching.look()
    assert Kind.FALSE_RELEASE in {alarm.kind for alarm in watching.alarms()}


def test_the_command_gets_each_alarm_until_it_takes_it(watching: Watching, tmp_path: Path) -> None:
    watching.look()
    script, out = tmp_path / "alarm.py", tmp_path / "told.json"
    script.write_text(
        "import sys, pathlib\n"
        f"pathlib.Path({str(out)!r}).open('ab').write(sys.stdin.buffer.read() + b'\\n')\n"
        f"sys.exit(not pathlib.Path({str(tmp_path / 'ready')!r}).exists())\n"
    )
    script.chmod(stat.S_IRWXU)
    command = partial(deliver.run, [sys.executable, str(script)])
    (failed,) = deliver.deliver(watching.state, partial(deliver.run, ["/nonexistent/command"]), 1)
    assert failed.why == "No such file or directory"
    (failed,) = deliver.deliver(watching.state, command, 1)
    assert failed.why == "exit code 1"
    (tmp_path / "ready").touch()
    assert not deliver.deliver(watching.state, command, 2)
    assert not deliver.deliver(watching.state, command, 3)
    told = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert len(told) == 2 and told[0] == told[1]
    assert told[0]["schema"] == "overt-alarm/1" and told[0]["kind"] == "development"


def test_acknowledged_alarms_are_over_for_good(channel: Channel, watching: Watching) -> None:
    _, tiles, checkpoint = appended(channel, b"no release")
    install(channel, tiles, checkpoint)
    watching.look()
    (alarm,) = watching.alarms(Kind.GAP)
    assert look.tone(watching.state) == "infected"
    assert watching.state.acknowledge(alarm.id, "the publisher's mistake", 5)
    assert not watching.state.acknowledge(alarm.id, "again", 6)
    watching.look()
    assert len(watching.alarms(Kind.GAP)) == 1
    assert look.tone(watching.state) != "infected"
