"""Witnesses asked over HTTP, by couriers whose every request is in the ledger."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from overt.channel.publisher import propose, publish, roles
from overt.channel.publisher.desk import Desk
from overt.channel.publisher.status import status
from overt.cli.app import main
from overt.cli.voice import Exit
from overt.ledger import Ledger
from overt.store.paths import paths
from tests.channel.publisher.world import RULE, World, no_secrets


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[World, str]]:
    """All witnesses behind one address, `/w0/add-checkpoint` and so on."""
    world = World(tmp_path / "world")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            _, name, call = self.path.split("/")
            assert call == "add-checkpoint"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            said = world.witnesses.answer(name, body)
            self.send_response(said.status)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield world, f"http://127.0.0.1:{http.server_port}"
    http.shutdown()


def test_publish_and_renew_through_couriers(server: tuple[World, str], tmp_path: Path) -> None:
    world, address = server
    folder = founded(world, address, tmp_path)
    assert main(words("publish", folder, tmp_path / "rules.tar")) == Exit.OK
    assert {name for name, _ in world.accepted()[1].cosigned_s} == {"w0", "w1", "w2"}
    asked = world.witnesses.asked
    assert main(words("renew", folder)) == Exit.OK
    assert world.witnesses.asked > asked
    found = status(Desk(folder, no_secrets))
    assert [one.name for one in found.witnesses if one.cosigned] == ["w0", "w1", "w2"]
    entries = list(Ledger.open(paths().ledger).entries())
    sent = [entry.facts["url"] for entry in entries if entry.kind == "send-request"]
    assert f"{address}/w0/add-checkpoint" in sent
    assert len(sent) >= asked


def founded(world: World, address: str, tmp_path: Path) -> Path:
    """A channel whose witnesses, but for one, are there; with a bundle in `rules.tar`. Returns its folder."""
    policy = world.witnesses.policy(3)
    for name in world.witnesses.signers:
        policy = policy.replace(f"https://{name}.example/submit", f"{address}/{name}")
    policy = policy.replace(f"{address}/w3", "http://127.0.0.1:9/w3")  # the discard port: nobody is there
    (tmp_path / "witnesses.txt").write_text(policy)
    folder = world.desk.folder
    assert main(words("init", folder, "--name", "test", "--origin", "rules.example.org/test", "--development",
                      "--witnesses", tmp_path / "witnesses.txt")) == Exit.OK  # fmt: skip
    world.witnesses.trust(policy_of(folder))
    (world.rules / "one.yar").write_text(RULE % ("one", "one"))
    built = words("build", folder, world.rules, "-o", tmp_path / "rules.tar", "--author", "a", "--licence", "CC0-1.0",
                  "--origin", "https://example.org")  # fmt: skip
    assert main(built) == Exit.OK
    return folder


def test_all_that_publish_at_once_have_their_turn(server: tuple[World, str], tmp_path: Path) -> None:
    world, address = server
    folder = founded(world, address, tmp_path)
    assert main(words("publish", folder, tmp_path / "rules.tar")) == Exit.OK
    command = [sys.executable, "-m", "overt", *words("renew", folder)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [one.communicate(timeout=120)[1] for one in running]
    assert [one.returncode for one in running] == [0] * 4, said
    found = status(Desk(folder, no_secrets))
    assert found.served == 0 and found.size == 1
    assert [one.version for one in found.roles if one.role == "timestamp"] == [5]
    world.accepted()


def words(*given: object) -> list[str]:
    return ["channel", *map(str, given)]


def policy_of(folder: Path) -> str:
    return roles.root_charter(propose.read(Desk(folder, no_secrets), None).new_root).policy


def test_by_hand_nothing_is_sent(server: tuple[World, str], tmp_path: Path) -> None:
    world, _ = server
    world.found()
    world.bundle("one")
    (tmp_path / "rules.tar").write_bytes(world.bundle("one"))
    code = main(words("publish", world.desk.folder, tmp_path / "rules.tar", "--by-hand"))
    assert code == Exit.ERROR
    assert len(list(world.desk.requests.glob("witness-*.request"))) == 4
    assert not (paths().ledger).exists()
    assert isinstance(publish.publish(world.desk), publish.Published)
