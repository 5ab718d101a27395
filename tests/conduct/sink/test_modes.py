"""Dead, and replay."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from pathlib import Path

import pytest

from overt.conduct.evidence.records import Mode
from overt.conduct.sink.plan import SinkPlan
from overt.core.errors import ConductError
from tests.conduct.sink.lab import RESOLVER, Net, network
from tests.conduct.sink.test_clients import needed
from tests.conduct.sink.test_names import questions
from tests.conduct.sink.test_quic import first_flight

pytestmark = pytest.mark.kernel

CONTENT = os.urandom(3_000_000)


def test_a_dead_network_answers_nothing_and_shows_every_attempt(ready: None, tmp_path: Path) -> None:
    def attempt() -> None:
        began = time.monotonic()
        for family, address in ((socket.AF_INET, "203.0.113.1"), (socket.AF_INET6, "2001:db8::1")):
            for port in (8000, 8001):
                with socket.socket(family, socket.SOCK_STREAM) as tcp:
                    assert tcp.connect_ex((address, port)) in (errno.EHOSTUNREACH, errno.ENETUNREACH)
            with socket.socket(family, socket.SOCK_DGRAM) as udp:
                udp.sendto(b"into the void", (address, 5555))
                udp.sendto(first_flight(name="dead.example")[0], (address, 443))
        assert time.monotonic() - began < 100, (
            "a dead network says so (a second later), and nobody waits for minutes"
        )

    with network(tmp_path, SinkPlan(Mode.DEAD)) as net:
        net.inside(attempt)
        net.run(needed("ping"), "-c1", "-W1", "203.0.113.2", check=False)
        net.run(needed("dig"), "+time=1", "+tries=1", f"@{RESOLVER}", "lost.example", "TXT", check=False)
        net.stop()
        for address in ("203.0.113.1", "2001:db8::1"):
            assert [flow.port for flow in net.to(address, protocol="tcp")] == [8000, 8001]
            quic, plain = net.to(address, protocol="udp", port=443) + net.to(address, port=5555)
            assert (quic.application, quic.server_name) == ("quic", "dead.example")
            assert net.sent(plain) == b"into the void"
        assert questions(net.to(RESOLVER)) == [("TXT", "lost.example")]
        assert net.to("203.0.113.2", protocol="icmp")
        assert all(flow.received_bytes == 0 for flow in net.flows if flow.protocol != "icmp")


@pytest.fixture
def replay(ready: None, tmp_path: Path) -> SinkPlan:
    folder = tmp_path / "recorded"
    (folder / "sub").mkdir(parents=True)
    (folder / "main.cvd").write_bytes(CONTENT)
    (folder / "sub" / "a b.txt").write_text("spaced")
    (tmp_path / "outside.txt").write_text("not to be served")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "responses.json").write_text(
        json.dumps(
            [
                {
                    "path": "/api?x=1",
                    "method": "POST",
                    "status": 201,
                    "headers": {"X-A": "b", "Content-Length": "9"},
                    "body": "made",
                },
                {"path": "/moved", "status": 302, "headers": {"Location": "/main.cvd"}},
                {"path": "/other", "file": "main.cvd"},
            ]
        )
    )
    return SinkPlan(Mode.REPLAY, replay={"Db.example": folder})


def curl(net: Net, *rest: str) -> bytes:
    return net.run(needed("curl"), "-sS", "--cacert", str(net.ca), *rest).stdout


def test_recorded_files_are_served(replay: SinkPlan, tmp_path: Path) -> None:
    with network(tmp_path, replay) as net:
        at = "https://db.example"
        assert (
            curl(net, f"{at}/main.cvd")
            == CONTENT
            == curl(net, f"{at}/other")
            == curl(net, "-L", f"{at}/moved")
        )
        assert curl(net, "--http2-prior-knowledge", "http://db.example/main.cvd") == CONTENT
        assert curl(net, f"{at}/sub/a%20b.txt") == b"spaced"
        assert curl(net, "-r", "1000-1999", f"{at}/main.cvd") == CONTENT[1000:2000]
        assert curl(net, "-r", "-10", f"{at}/main.cvd") == CONTENT[-10:]
        assert b"Content-Length: 3000000" in curl(net, "-I", f"{at}/main.cvd")
        show = ("-o", "/dev/null", "-w", "%{http_code}")
        assert curl(net, *show, "-r", "9999999-", f"{at}/main.cvd") == b"416"
        assert curl(net, *show, "-z", str(tmp_path / "recorded" / "main.cvd"), f"{at}/main.cvd") == b"304"
        for path in ("/none", "/link.txt", "/../outside.txt", "/%2e%2e/outside.txt", "/sub", "/"):
            assert curl(net, *show, "--path-as-is", f"{at}{path}") == b"404", path
        assert curl(net, "-d", "x", f"{at}/api?x=1", "-w", "%{http_code} %header{x-a}") == b"made201 b"
        assert curl(net, "https://elsewhere.example/") == b"ok\n"
        net.stop()
        assert net.outcome is not None and net.outcome.blind == ()


def test_a_replay_folder_that_is_not_there(ready: None, tmp_path: Path) -> None:
    plan = SinkPlan(Mode.REPLAY, replay={"db.example": tmp_path / "none"})
    with pytest.raises(ConductError, match="no such folder"), network(tmp_path, plan):
        pass
