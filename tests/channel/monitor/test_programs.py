"""`overt monitor releases`: the log of a program's releases, from the release tool to the page; what raises alarms."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import pytest

from overt.channel import layout
from overt.channel.install import log
from overt.channel.install.proven import RELEASES, names
from overt.channel.install.record import Entry, File, ProgramRelease, Required, parse_leaf
from overt.channel.monitor.alarm import Kind
from overt.channel.monitor.programs import ProgramRound, ProgramWatch
from overt.channel.monitor.record import AlarmRow
from overt.channel.monitor.round import Outcome
from overt.channel.monitor.site import programs as pages
from overt.channel.monitor.state import State
from overt.channel.monitor.views import View
from overt.channel.publisher import online
from overt.channel.publisher.desk import Answer, Desk, utc_now
from overt.channel.tree import in_folder
from overt.cli.app import main
from overt.core import canonical
from overt.core.errors import Malformed
from overt.tlog import note, policy_file, witness, writer
from overt.tlog.checkpoint import Checkpoint
from overt.tlog.keys import MemorySigner, SignatureType
from overt.tlog.merkle import EMPTY_TREE, TreeHead
from overt.tlog.note import Note
from overt.tlog.signing import open_checkpoint, sign
from tests.channel.publisher.world import no_secrets
from tests.channel.reading import static_readers

ORIGIN = "example.org/overt-releases"
SCHEMAS = Path(__file__).parents[3] / "docs" / "schema"
PATIENCE_S = 3600


def release(version: str, *files: tuple[str, bytes], tuf: str = "7.0.1") -> ProgramRelease:
    """A small one."""
    listed = tuple(File(path, hashlib.sha256(data).hexdigest(), len(data)) for path, data in sorted(files))
    wheel = hashlib.sha256(repr(files).encode()).hexdigest()
    return ProgramRelease(
        "overt",
        version,
        File(f"overt-{version}-py3-none-any.whl", wheel, 1000),
        listed,
        File(f"overt-{version}.cdx.json", hashlib.sha256(b"bill").hexdigest(), 4),
        (Required("tuf", tuf, ()),),
    )


FIRST = release("0.1.0", ("overt/a.py", b"a"), ("overt/b.py", b"b"))
SECOND = release("0.2.0", ("overt/a.py", b"A"), ("overt/c.py", b"c"), tuf="7.0.2")


@dataclass
class Log:
    """The log as `scripts/release.py` keeps it, with one witness in memory, and a monitor of it."""

    folder: Path
    known: TreeHead | None = None
    ahead_s: int = 0
    views: list[View] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.signer = MemorySigner("w.example", SignatureType.ED25519_COSIGNATURE, b"7" * 32)
        self.desk = Desk(self.folder / "log", no_secrets, utc_now, self._post)
        line = f"log {log.found(self.desk, ORIGIN, None)}\n"
        line += f"witness w {self.signer.key.encode()} https://w.example\nquorum w\n"
        self.policy = line.encode()
        self.state = State(self.folder / "state")

    def _post(self, url: str, body: bytes) -> Answer:
        keys = [one.key for one in policy_file.parse(self.policy).logs]
        now_s = int(utc_now().timestamp())
        said = witness.respond(body, {ORIGIN: keys}, lambda _: self.known, [self.signer], now_s)
        if isinstance(said, witness.Cosigned):
            self.known = said.new
        return Answer(int(said.status), said.body)

    def publish(self, made: ProgramRelease) -> Path:
        """As `scripts/release.py log` does; where its record is."""
        proof = log.append(self.desk, made, policy_file.parse(self.policy))
        record, evidence, _ = names(made.program, made.version)
        folder = self.desk.public / RELEASES
        folder.mkdir(exist_ok=True)
        (folder / record).write_bytes(made.encode())
        (folder / evidence).write_bytes(proof.encode())
        return folder / record

    def append(self, leaf: bytes) -> None:
        """A leaf that the release tool would not log."""
        key = online.log_signers(self.desk.keys, ORIGIN, no_secrets)[0]
        served = note.parse((self.desk.public / layout.CHECKPOINT).read_bytes())
        head = open_checkpoint(served, [key.key]).head
        made = writer.append(head, [leaf], lambda path: (self.desk.public / layout.LOG / path).read_bytes())
        for path, data in made.tiles.items():
            target = self.desk.public / layout.LOG / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        (self.desk.public / layout.CHECKPOINT).write_bytes(self.signed(made.head))

    def signed(self, head: TreeHead) -> bytes:
        key = online.log_signers(self.desk.keys, ORIGIN, no_secrets)[0]
        text = Checkpoint(ORIGIN, head).text
        return Note(text, (sign(text, key),)).encode()

    def look(self) -> Outcome:
        policy = policy_file.parse(self.policy)
        watch = ProgramWatch(policy, static_readers(), PATIENCE_S, self._now_s)
        return ProgramRound(self.state, watch).look(in_folder(self.desk.public), self.views)

    def _now_s(self) -> int:
        return int(utc_now().timestamp()) + self.ahead_s

    def alarms(self) -> list[AlarmRow]:
        return self.state.alarms()


@pytest.fixture
def releases(tmp_path: Path) -> Log:
    made = Log(tmp_path)
    made.publish(FIRST)
    return made


def test_what_each_version_holds_and_changed(releases: Log, tmp_path: Path) -> None:
    releases.publish(SECOND)
    assert releases.look() == Outcome(2, 2)
    assert not releases.alarms()
    newest, first = releases.state.programs()
    assert (first.wheel[1], first.files, first.changes) == (FIRST.wheel.sha256, 2, ())
    assert [(what, path) for what, path, _ in newest.changes] == [
        ("changed", "overt/a.py"),
        ("removed", "overt/b.py"),
        ("added", "overt/c.py"),
    ]
    assert newest.requires == (("tuf", "7.0.1", "7.0.2"),)
    assert [one.name for one in newest.signers] == ["w"]
    assert releases.look() == Outcome(0, 2)
    assert pages.write(releases.state, tmp_path / "site", "https://m.example/r") > 3
    told = json.loads((tmp_path / "site/api/releases.json").read_bytes())
    jsonschema.validate(told, json.loads((SCHEMAS / "program-history-1.schema.json").read_text()))
    assert told["health"] == "good" and told["entries"][1]["wheel"]["sha256"] == SECOND.wheel.sha256
    page = (tmp_path / "site/index.html").read_text()
    assert SECOND.wheel.sha256 in page and "overt 0.1.0" in page
    assert pages.write(releases.state, tmp_path / "site", "https://m.example/r") == 0


def test_two_programs_by_one_name(releases: Log, tmp_path: Path) -> None:
    """Whoever holds the log's key can log another 0.1.0; it can't be hidden."""
    other = release("0.1.0", ("overt/a.py", b"a spy"))
    releases.append(other.leaf())
    releases.look()
    (alarm,) = releases.alarms()
    assert alarm.kind is Kind.FALSE_RELEASE and "two programs go by one name" in alarm.text
    evidence = releases.state.evidence(alarm.id)
    assert {parse_leaf(data).sha256 for data in evidence.values()} == {FIRST.sha256, other.sha256}
    pages.write(releases.state, tmp_path / "site")
    assert json.loads((tmp_path / "site/api/releases.json").read_bytes())["health"] == "bad"


def test_a_record_that_is_not_the_logged_one(releases: Log) -> None:
    path = releases.publish(SECOND)
    whole = path.read_bytes()
    path.write_bytes(release("0.2.0", ("overt/a.py", b"a spy")).encode())
    releases.look()
    assert "another file is served than the log names" in releases.state.programs()[0].missing
    assert not releases.alarms()
    releases.ahead_s = PATIENCE_S + 1
    releases.look()
    (alarm,) = releases.alarms()
    assert alarm.kind is Kind.FETCH_FAILED and "overt 0.2.0" in alarm.text
    path.write_bytes(whole)
    releases.look()
    assert releases.alarms()[0].ended_s and releases.state.programs()[0].files == 2


def test_a_proof_without_its_witness(releases: Log) -> None:
    record = releases.publish(SECOND)
    path = record.with_name(names("overt", "0.2.0")[1])
    path.write_bytes(path.read_bytes().replace(b"\xe2\x80\x94 w.example", b"\xe2\x80\x94 x.example"))
    releases.look()
    row = releases.state.programs()[0]
    assert row.missing and not row.signers and row.files == 2


@pytest.mark.parametrize(
    "leaf",
    [b"junk", b'{"program":"overt"}', canonical.encode({"program": "overt", "record": "x", "version": "1"})],
)
def test_an_entry_that_is_no_release(releases: Log, leaf: bytes) -> None:
    releases.publish(SECOND)
    releases.append(leaf)
    assert releases.look() == Outcome(3, 3)
    (alarm,) = releases.alarms()
    assert alarm.kind is Kind.GAP and "entry 2 is no release" in alarm.text
    with pytest.raises(Malformed):
        parse_leaf(leaf)


def test_a_second_history(releases: Log) -> None:
    made = writer.append(EMPTY_TREE, [release("0.1.0", ("overt/a.py", b"a spy")).leaf()], {}.__getitem__)
    releases.views = [View("a victim", lambda: releases.signed(made.head))]
    releases.look()
    (alarm,) = releases.alarms()
    assert alarm.kind is Kind.SPLIT_VIEW and "a victim" in alarm.text


def test_a_leaf_has_one_encoding() -> None:
    assert parse_leaf(FIRST.leaf()) == Entry("overt", "0.1.0", FIRST.sha256)


@pytest.mark.kernel
def test_as_a_person_runs_it(
    releases: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OVERT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("policy.txt").write_bytes(releases.policy)
    words = ["monitor", "releases", "--log-url", "log/public", "--state", "m", "--site", "site"]
    words += ["--no-policy-witnesses"]
    assert main([*words, "--policy", "policy.txt"]) == 0
    assert f"{ORIGIN}: 1 entry taken in, 1 in all" in capsys.readouterr().out
    releases.append(release("0.1.0", ("overt/a.py", b"a spy")).leaf())
    assert main([*words, "--policy", "policy.txt"]) == 2
    assert "ALARM 1 false-release: overt 0.1.0 is logged twice" in capsys.readouterr().err
    assert main([*words, "--policy", "nowhere.txt"]) == 2
    assert "--policy nowhere.txt: No such file" in capsys.readouterr().err
