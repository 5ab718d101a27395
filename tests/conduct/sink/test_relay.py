"""Pass-through to a world of the test's own, by way of a host of its own, each a network namespace. Never further."""

from __future__ import annotations

import http.server
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from overt.conduct.evidence.records import Mode, Opened
from overt.conduct.profile import DnsRecord
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.names import Names
from overt.conduct.sink.plan import NAMES4, NAMES6, PORT, Limits, SinkPlan
from overt.conduct.sink.resolver import Resolver
from overt.conduct.sink.tape import Ends
from overt.conduct.sink.uplink import Uplink
from overt.conduct.sink.zone import Zone
from tests.conduct.sink.lab import CHAMBER4, CLONE_NEWNET, SINK4, Net, ip, network, setns, unshare
from tests.conduct.sink.test_clients import needed
from tests.conduct.sink.test_names import questions

pytestmark = pytest.mark.kernel

WORLD, UPLINK = "10.99.0.1", "10.99.0.2"
VALID, INVALID = "203.0.113.10", "203.0.113.11"
ANSWER = os.urandom(500_000)


class _Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        pass


def serve_world(trusted: Path, ready: int) -> None:
    """HTTPS with a valid and with an invalid certificate, HTTP, a name server, and an echo over UDP."""
    authorities = Authority.new(), Authority.new()
    trusted.write_bytes(authorities[0].pem)
    for address, authority in zip((VALID, INVALID), authorities, strict=True):
        site = http.server.ThreadingHTTPServer((address, 443), _Site)
        context = authority.context(("site.example", address), ("http/1.1",))
        site.socket = context.wrap_socket(site.socket, server_side=True)
        threading.Thread(target=site.serve_forever, daemon=True).start()
    threading.Thread(
        target=http.server.ThreadingHTTPServer((VALID, 80), _Site).serve_forever, daemon=True
    ).start()
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((WORLD, 53))
    resolver = Resolver(
        Names(NAMES4, NAMES6),
        Zone.of(
            (
                DnsRecord("site.example", "A", (VALID,)),
                DnsRecord("site.example", "AAAA", ("100::1",)),
                DnsRecord("bad.example", "A", (INVALID,)),
            )
        ),
    )
    os.write(ready, b"x")
    while True:
        wire, sender = names.recvfrom(4096)
        if answered := resolver.answer(wire):
            names.sendto(answered.reply, sender)


@pytest.fixture
def passing(ready: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Net]:
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    trusted, (waiting, now) = tmp_path / "world.pem", os.pipe()
    unshare(CLONE_NEWNET)
    world = os.open("/proc/self/ns/net", os.O_RDONLY)
    ip(f"link set lo up\naddr add {VALID}/32 dev lo\naddr add {INVALID}/32 dev lo\n")
    pid = os.fork()
    if pid == 0:
        os.environ.pop("SSL_CERT_FILE", None)
        ip("link add up0 type veth peer name up1\n")
        ip(f"addr add {WORLD}/24 dev up0\nlink set up0 up\n")
        serve_world(trusted, now)
    try:
        os.read(waiting, 1)
        unshare(CLONE_NEWNET)
        host = os.open("/proc/self/ns/net", os.O_RDONLY)
        setns(world)
        move = ["ip", "link", "set", "up1", "netns", f"/proc/{os.getpid()}/fd/{host}"]
        subprocess.run(move, pass_fds=(host,), check=True)
        setns(host)
        ip("link set lo up\n")
        ip(f"addr add {UPLINK}/24 dev up1\nlink set up1 up\nroute add 203.0.113.0/24 via {WORLD}\n")
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        plan = SinkPlan(Mode.PASS_THROUGH, resolver=WORLD, private=True, limits=Limits(stop_s=4))
        with network(tmp_path, plan, host) as net:
            yield net
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        setns(home)


def test_what_passes_is_recorded(passing: Net) -> None:
    post = (needed("curl"), "-sS", "-4", "-o", "-", "-d", "really sent")
    assert passing.run(*post, "--cacert", str(passing.ca), "https://site.example/up").stdout == ANSWER
    assert passing.run(*post, "http://site.example/plain").stdout == ANSWER
    passing.stop()
    secure, plain = passing.to("site.example", protocol="tcp")
    assert secure.address == VALID and secure.name == "site.example" and secure.opened is Opened.DECRYPTED
    for flow, scheme in ((secure, "https"), (plain, "http")):
        assert flow.application == scheme and passing.sent(flow).endswith(b"\r\n\r\nreally sent")
        assert passing.received(flow).endswith(ANSWER)
        assert flow.requests[-1].method == "POST" and flow.requests[-1].sent_bytes == len("really sent")
    assert ("A", "site.example") in questions(passing.flows)


def test_a_client_that_refuses_passes_untouched_the_second_time(passing: Net) -> None:
    trusted = passing.ca.with_name("world.pem")
    post = (needed("curl"), "-sS", "-4", "-d", "sealed", "--cacert", str(trusted), "https://site.example/up")
    assert passing.run(*post, check=False).returncode == 60
    assert passing.run(*post).stdout == ANSWER
    passing.stop()
    refused, passed = passing.to("site.example", protocol="tcp")
    assert refused.opened is passed.opened is Opened.OPAQUE and passed.server_name == "site.example"
    assert passed.received_bytes > len(ANSWER) and b"sealed" not in passing.sent(passed)


def test_an_invalid_server_is_not_made_valid(passing: Net) -> None:
    post = (needed("curl"), "-sS", "-4", "-d", "x", "--cacert", str(passing.ca), "https://bad.example/up")
    assert passing.run(*post, check=False).returncode == 60
    passing.stop()
    (flow,) = passing.to("bad.example", protocol="tcp")
    assert flow.opened is Opened.OPAQUE and "not valid" in flow.why_opaque


def test_what_can_not_be_reached(passing: Net) -> None:
    done = passing.run(needed("curl"), "-sS", "-m", "3", "http://203.0.113.99/", check=False)
    assert done.returncode != 0
    passing.stop()
    (flow,) = passing.to("203.0.113.99", protocol="tcp")
    assert flow.received_bytes == 0 and flow.sent_bytes > 0


def test_neither_the_sink_nor_the_host_can_be_reached(passing: Net) -> None:
    for address in (SINK4, UPLINK):
        done = passing.run(needed("curl"), "-sS", "-m", "3", f"http://{address}:{PORT}/", check=False)
        assert done.returncode != 0
    passing.stop()
    assert [flow.address for flow in passing.flows if flow.protocol == "tcp"] == [SINK4, UPLINK]


def test_only_the_public_internet_is_reached_unless_the_plan_says_otherwise() -> None:
    def there(address: str, private: bool = False, port: int = 443) -> str | None:
        return Uplink("192.0.2.53", private).destination(Ends("tcp", address, port, CHAMBER4, 1))

    for address in ("10.1.2.3", "192.168.1.1", "100.64.0.1", "fd00::1", "203.0.113.10"):
        assert there(address) is None and there(address, private=True) == address
    for address in ("127.0.0.1", "169.254.169.254", "fe80::1", "224.0.0.1", "::", "0.0.0.0"):
        assert there(address, private=True) is None
    assert there("9.9.9.9") == "9.9.9.9" and there("2620:fe::fe") == "2620:fe::fe"
    assert there("127.0.0.1", port=53) == "192.0.2.53" == there("9.9.9.9", port=53)
