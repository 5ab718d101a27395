"""`overt monitor` and `overt rules history` as people run them, through couriers, from a server."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tuf.api.metadata import Root

from overt.channel import layout
from overt.channel.monitor import following
from overt.channel.monitor.following import Looking
from overt.channel.monitor.places import Places
from overt.channel.publisher import change, publish
from overt.channel.publisher.change import Rotation
from overt.channel.publisher.roles import parse, root_charter
from overt.cli.app import main
from overt.cli.voice import Exit
from overt.tlog.witness import monitoring_path
from tests.channel.monitor.conftest import Channel, Watching
from tests.channel.publisher.world import ORIGIN


@pytest.fixture
def served(channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The channel's folder, its witness's and the site's, on one server; the command's own files elsewhere."""
    monkeypatch.setenv("OVERT_HOME", str(tmp_path / "home"))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    channel.publish("one")
    witness = tmp_path / "witness" / monitoring_path(ORIGIN)
    witness.parent.mkdir(parents=True)
    witness.write_bytes((channel.public / layout.CHECKPOINT).read_bytes())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def run(tmp_path: Path, served: str, *options: str) -> int:
    """One look at the served channel."""
    words = ["--channel-url", f"{served}/channel/desk/public", "--root", str(tmp_path / "root.json")]
    words += ["--state", str(tmp_path / "state"), "--site", str(tmp_path / "site")]
    return main(["monitor", "run", *words, *options])


@pytest.mark.kernel
def test_follows_a_channel_over_the_network(
    channel: Channel, served: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "root.json").write_bytes(channel.first_root())
    alarm = f"{tmp_path}/alarm.sh"
    Path(alarm).write_text(f"#!/bin/sh\ncat >> {tmp_path}/alarms\n")
    Path(alarm).chmod(0o755)
    options = ["--witness", f"{served}/witness", "--mirror", str(channel.public), "--alarm", alarm]
    code = run(tmp_path, served, *options)
    said = capsys.readouterr()
    assert "1 release taken in, 1 in all" in said.out
    assert "ALARM 1 development" in said.err
    assert json.loads((tmp_path / "alarms").read_text())["kind"] == "development"
    assert code == Exit.OK
    channel.publish("two")
    (channel.public / layout.PROOF).write_bytes(b"not a proof")
    assert run(tmp_path, served, *options, "--patience", "0") == Exit.ERROR
    assert "ALARM 2" in capsys.readouterr().err
    answer = ["monitor", "acknowledge", "--state", str(tmp_path / "state"), "2"]
    assert main([*answer, "--reason", "the server was being moved"]) == Exit.OK
    assert main([*answer, "--reason", "again"]) == Exit.ERROR
    assert (tmp_path / "site" / "index.html").exists()
    ledger = (tmp_path / "home" / "ledger").rglob("*")
    assert any(b"monitor" in path.read_bytes() for path in ledger if path.is_file())


def test_history_of_a_rule_from_a_monitor(
    channel: Channel, served: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "root.json").write_bytes(channel.first_root())
    run(tmp_path, served)
    capsys.readouterr()
    for place in (f"{served}/site", str(tmp_path / "site")):
        assert main(["rules", "history", "one", "--monitor", place]) == Exit.OK
        said = capsys.readouterr().out
        assert "one (rule of own, channel test): in force" in said
        assert "targets signed by: targets-1" in said
        assert "witnessed by: w0" in said
    assert main(["rules", "history", "one", "--monitor", str(tmp_path / "site"), "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["items"][0]["events"][0]["what"] == "appeared"
    assert main(["rules", "history", "nothing", "--monitor", f"{served}/site"]) == Exit.ERROR
    assert "knows no rule nothing" in capsys.readouterr().err


def test_wrong_words_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "history", "one", "--monitor", str(tmp_path)]) == Exit.ERROR
    assert "is no monitor's site" in capsys.readouterr().err
    answer = ["monitor", "acknowledge", "--state", str(tmp_path), "1"]
    assert main([*answer, "--reason", "none"]) == Exit.ERROR
    assert "is no monitor's folder" in capsys.readouterr().err
    assert main([*answer, "--reason", " "]) == Exit.ERROR
    assert "say what came of it" in capsys.readouterr().err


def test_the_policys_witnesses_are_asked_without_being_told(channel: Channel, tmp_path: Path) -> None:
    """Those of the newest root that was followed, besides those that the operator names."""
    channel.publish("one")
    places = Places(str(channel.public), witnesses=("https://own.example",))
    looking = Looking(
        tmp_path / "state", tmp_path / "site", "", places, 60, tmp_path / "ledger", root=channel.first_root()
    )
    given = root_charter(parse(looking.root, Root, "root").signed)

    def witnesses(looking: Looking) -> list[str]:
        found = following._places(looking, tmp_path / "state", partial(following._followed_policy, given))
        return list(found.witnesses)

    named = [f"https://w{n}.example/submit" for n in range(4)]
    assert witnesses(looking) == ["https://own.example", *named]
    assert witnesses(replace(looking, policy_witnesses=False)) == ["https://own.example"]
    watching = Watching(channel, tmp_path / "state")
    watching.look()
    policy = channel.witnesses.policy(3).replace("https://w3.example/submit", "https://new.example/submit")
    change.propose_rotation(channel.desk, Rotation(witnesses=policy), None)
    channel.desk = replace(channel.desk, post=lambda url, body: channel.witnesses.post(_as_before(url), body))
    publish.publish(channel.desk)
    watching.look()
    watching.close()
    assert witnesses(looking) == ["https://own.example", *named[:3], "https://new.example/submit"]


def _as_before(url: str) -> str:
    return url.replace("https://new.example", "https://w3.example")
