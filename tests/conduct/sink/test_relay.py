"""Pass-through to a world of the test's own, by way of a host of its own, each a network namespace. Never further.

The addresses are public ones, since no others are reached; here they are the test's own.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import dns.message
import pytest

from overt.conduct.evidence.records import Mode, Opened
from overt.conduct.profile import DnsRecord
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.destinations import is_public
from overt.conduct.sink.names import Names
from overt.conduct.sink.plan import NAMES4, NAMES6, Limits, SinkPlan
from overt.conduct.sink.resolver import Resolver
from overt.conduct.sink.zone import Zone
from tests.conduct.sink.lab import CLONE_NEWNET, SINK4, Net, ip, network, setns, unshare
from tests.conduct.sink.test_clients import needed, own_certificate
from tests.conduct.sink.test_names import questions
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.kernel

WORLD, UPLINK = "10.99.0.1", "10.99.0.2"
VALID, INVALID, MUTUAL, NOBODY = "45.0.0.10", "45.0.0.11", "45.0.0.12", "45.0.0.99"
BESIDE, METADATA = "45.99.0.1", "169.254.169.254"
BESIDE6, FAR6 = "2a00:99::1", "2a00:10::1"
ECHO = 7
ANSWER = os.urandom(500_000)


class _Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        pass


class _Server6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()


def echo(address: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((address, ECHO))
        while True:
            udp.sendto(*udp.recvfrom(4096))


def answer_on(listener: socket.socket, resolver: Resolver) -> None:
    while True:
        with contextlib.suppress(OSError), listener.accept()[0] as client, client.makefile("rb") as said:
            while size := int.from_bytes(said.read(2), "big"):
                answered = resolver.answer(said.read(size))
                assert answered is not None
                client.sendall(len(answered.reply).to_bytes(2, "big") + answered.reply)


def serve_world(trusted: Path, ready: int) -> None:
    """HTTPS with a valid and with an invalid certificate, HTTP, a name server, and an echo over UDP."""
    authorities = Authority.new(), Authority.new()
    trusted.write_bytes(authorities[0].pem)
    for address, authority in ((VALID, authorities[0]), (INVALID, authorities[1]), (MUTUAL, authorities[0])):
        site = http.server.ThreadingHTTPServer((address, 443), _Site)
        context = authority.context(("site.example", address), ("http/1.1",))
        if address == MUTUAL:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(trusted.with_name("own.pem"))
        site.socket = context.wrap_socket(site.socket, server_side=True)
        threading.Thread(target=site.serve_forever, daemon=True).start()
    for server in (http.server.ThreadingHTTPServer, _Server6):
        anywhere = "" if server is http.server.ThreadingHTTPServer else "::"
        threading.Thread(target=server((anywhere, 80), _Site).serve_forever, daemon=True).start()
    for address in (VALID, WORLD, BESIDE, METADATA, BESIDE6):
        threading.Thread(target=echo, args=(address,), daemon=True).start()
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
    secure = (
        authorities[0].context((VALID,), ()).wrap_socket(socket.create_server((VALID, 853)), server_side=True)
    )
    for listener in (socket.create_server((WORLD, 53)), secure):
        threading.Thread(target=answer_on, args=(listener, resolver), daemon=True).start()
    os.write(ready, b"x")
    while True:
        wire, sender = names.recvfrom(4096)
        if answered := resolver.answer(wire):
            names.sendto(answered.reply, sender)


def unanswered(address: str, port: int, silence_s: float) -> None:
    """Ask there, however long it takes to be heard: it is refused, or nothing is answered for so long."""
    with contextlib.suppress(ConnectionError), socket.create_connection((address, port), PATIENCE_S) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        one.settimeout(silence_s)
        with contextlib.suppress(TimeoutError):
            assert one.recv(100) == b""


@pytest.fixture
def host(ready: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A host that is wired to the world: its network namespace."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    trusted, (waiting, now) = tmp_path / "world.pem", os.pipe()
    own_certificate(tmp_path)
    unshare(CLONE_NEWNET)
    world = os.open("/proc/self/ns/net", os.O_RDONLY)
    far = (f"{VALID}/32", f"{INVALID}/32", f"{MUTUAL}/32", f"{FAR6}/128")
    ip("link set lo up\n" + "".join(f"addr add {address} dev lo\n" for address in far))
    pid = os.fork()
    if pid == 0:
        os.environ.pop("SSL_CERT_FILE", None)
        ip("link add up0 type veth peer name up1\n")
        near = (f"{WORLD}/24", f"{BESIDE}/24", f"{METADATA}/16")
        ip("".join(f"addr add {address} dev up0\n" for address in near))
        ip(f"link set up0 up\naddr add {BESIDE6}/64 dev up0 nodad\n")
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
        ip(f"addr add {UPLINK}/24 dev up1\naddr add 45.99.0.2/24 dev up1\naddr add 169.254.0.2/16 dev up1\n")
        ip(f"link set up1 up\nroute add 45.0.0.0/24 via {WORLD}\naddr add 2a00:99::2/64 dev up1 nodad\n")
        subprocess.run(["ip", "-6", "route", "add", f"{FAR6}/128", "via", BESIDE6, "dev", "up1"], check=True)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        yield host
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        setns(home)


@pytest.fixture
def passing(host: int, tmp_path: Path) -> Iterator[Net]:
    limits = Limits(stop_s=4, speak_first_s=PATIENCE_S)  # everybody here speaks first, however late
    plan = SinkPlan(Mode.PASS_THROUGH, resolver=WORLD, limits=limits)
    with network(tmp_path, plan, host) as net:
        yield net


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


def test_a_server_that_wants_the_products_own_certificate_gets_it_the_second_time(passing: Net) -> None:
    own = ("--cert", str(passing.ca.with_name("own.pem")), "--key", str(passing.ca.with_name("own-key.pem")))
    both = passing.ca.with_name("both.pem")
    both.write_bytes(passing.ca.read_bytes() + passing.ca.with_name("world.pem").read_bytes())
    post = (needed("curl"), "-sS", "-d", "mutual", *own, "--cacert", str(both), f"https://{MUTUAL}/up")
    assert passing.run(*post, check=False).stdout != ANSWER
    assert passing.run(*post).stdout == ANSWER
    passing.stop()
    opened, passed = passing.to(MUTUAL, protocol="tcp")
    assert opened.opened is Opened.DECRYPTED and passing.sent(opened).endswith(b"mutual")
    assert passed.opened is Opened.OPAQUE and passed.received_bytes > len(ANSWER)


def test_an_invalid_server_is_not_made_valid(passing: Net) -> None:
    post = (needed("curl"), "-sS", "-4", "-d", "x", "--cacert", str(passing.ca), "https://bad.example/up")
    assert passing.run(*post, check=False).returncode == 60
    passing.stop()
    (flow,) = passing.to("bad.example", protocol="tcp")
    assert flow.opened is Opened.OPAQUE and "not valid" in flow.why_opaque


def test_what_can_not_be_reached(passing: Net) -> None:
    passing.inside(lambda: unanswered(NOBODY, 80, 3))
    passing.stop()
    (flow,) = passing.to(NOBODY, protocol="tcp")
    assert flow.received_bytes == 0 and flow.sent_bytes > 0


def test_neither_this_machine_nor_its_neighbours_are_reached(host: int, passing: Net) -> None:
    """All of them listen: on the host's own addresses, beside it, and where clouds tell secrets."""
    sinks = os.open("/proc/self/ns/net", os.O_RDONLY)
    setns(host)
    own = [socket.create_server(("", 80)), socket.create_server(("::1", 80), family=socket.AF_INET6)]
    setns(sinks)
    refused = [SINK4, UPLINK, "127.0.0.1", WORLD, BESIDE, METADATA, BESIDE6, f"::ffff:{METADATA}"]
    for address in refused:
        passing.inside(partial(unanswered, address, 80, 2))
    for address in (VALID, f"[{FAR6}]"):
        assert passing.run(needed("curl"), "-sS", "-d", "x", f"http://{address}/").stdout == ANSWER

    def shout() -> None:
        for family, addresses in (
            (socket.AF_INET, (WORLD, BESIDE, METADATA, "239.1.2.3", "255.255.255.255")),
            (socket.AF_INET6, (BESIDE6, "ff02::1")),
        ):
            with socket.socket(family, socket.SOCK_DGRAM) as udp:
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                for address in addresses:
                    udp.sendto(b"is anybody there", (address, ECHO))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(PATIENCE_S)
            udp.sendto(b"echoed", (VALID, ECHO))
            assert udp.recv(100) == b"echoed"

    passing.inside(shout)
    passing.stop()
    answered = {flow.address for flow in passing.flows if flow.received_bytes and flow.application != "dns"}
    assert answered == {VALID, FAR6}
    for listener in own:
        listener.setblocking(False)
        with pytest.raises(BlockingIOError), listener:
            listener.accept()
    asked = {flow.address for flow in passing.flows if flow.protocol == "tcp" and flow.sent_bytes}
    assert {SINK4, UPLINK, WORLD, BESIDE, METADATA, BESIDE6} < asked


def test_questions_are_read_whatever_carries_them(passing: Net) -> None:
    net, query = passing, dns.message.make_query("over-https.example", "TXT").to_wire()
    net.run(needed("dig"), "+tcp", "+short", "+time=60", "+tries=1", f"@{VALID}", "over-tcp.example", "TXT")
    posted = ("-H", "content-type: application/dns-message", "--data-binary", "@-")
    at = f"https://{VALID}/dns-query"
    net.run(needed("curl"), "-sS", "-o", "/dev/null", "--cacert", str(net.ca), *posted, at, input=query)
    net.run(needed("dig"), "+tls", "+short", "+time=60", "+tries=1", f"@{VALID}", "over-tls.example", "TXT")
    net.stop()
    for name, application in (("over-tcp", "dns"), ("over-https", "https"), ("over-tls", "dns")):
        (flow,) = (flow for flow in net.flows if ("TXT", f"{name}.example") in questions([flow]))
        assert flow.application == application and flow.protocol == "tcp"
        assert flow.opened is (Opened.PLAIN if name == "over-tcp" else Opened.DECRYPTED)


def test_only_questions_reach_the_name_server(passing: Net) -> None:
    passing.inside(lambda: unanswered(VALID, 53, 2))

    def talk() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(1)
            udp.sendto(b"no question at all", (VALID, 53))
            try:
                udp.recv(100)
            except TimeoutError:
                return
            raise AssertionError("it was answered")

    passing.inside(talk)
    passing.stop()
    assert all(flow.received_bytes == 0 for flow in passing.flows)


def test_only_the_public_internet_is_public() -> None:
    public = ("9.9.9.9", "2620:fe::fe", "45.0.0.1")
    others = """10.1.2.3 192.168.1.1 172.16.0.1 100.100.100.200 127.0.0.1 169.254.169.254 0.0.0.0 224.0.0.1 239.1.1.1
        255.255.255.255 240.0.0.1 203.0.113.10 192.0.0.192 168.63.129.16 198.18.0.1 :: ::1 fe80::1 fd00:ec2::254 ff02::1
        ff0e::1 ::ffff:9.9.9.9 ::9.9.9.9 64:ff9b::909:909 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1 2001:0:a00:1::1
        2001:db8::1 5f00::1""".split()
    assert all(map(is_public, public)) and not any(map(is_public, others))
