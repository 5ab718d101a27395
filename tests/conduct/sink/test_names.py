"""DNS: every name has an address of its own, and every question is noted, whatever carries it."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from ipaddress import ip_address, ip_network
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import pytest

from overt.conduct.evidence.records import Flow, Mode, Opened
from overt.conduct.profile import DnsRecord
from overt.conduct.sink.names import Names
from overt.conduct.sink.plan import NAMES4, NAMES6, SinkPlan
from overt.conduct.sink.resolver import Resolver
from overt.conduct.sink.zone import Zone
from tests.conduct.sink.lab import RESOLVER, Net, network
from tests.conduct.sink.test_clients import needed
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.kernel


def questions(flows: list[Flow]) -> list[tuple[str, str]]:
    requests = sorted((one for flow in flows for one in flow.requests), key=lambda one: one.at_s)
    return [(one.method, one.target) for one in requests]


def dig() -> tuple[str, ...]:
    """It asks once, and has patience: what it asks again would be another conversation."""
    return needed("dig"), "+tries=1", "+time=60"


def test_each_name_has_its_own_address(net: Net) -> None:
    found = {}
    for name in ("a.example", "b.example", "A.Example"):
        for kind, version in (("A", NAMES4), ("AAAA", NAMES6)):
            done = net.run(*dig(), "+short", f"@{RESOLVER}", name, kind)
            found[name, kind] = done.stdout.decode().strip()
            assert ip_address(found[name, kind]) in version
    assert found["a.example", "A"] == found["A.Example", "A"] != found["b.example", "A"]
    net.stop()
    assert ("A", "A.Example") in questions(net.flows) and len({flow.number for flow in net.flows}) == 6


def test_a_server_name_makes_no_address_its_own(net: Net) -> None:
    """A hard-coded address, with the server name of another place."""
    curl = (needed("curl"), "--silent", "--cacert", str(net.ca))
    net.run(*curl, "https://asked.example/")
    net.run(*curl, "--resolve", "said.example:443:203.0.113.77", "https://said.example/")
    net.stop()
    told = {(flow.name, flow.resolved) for flow in net.flows if flow.application == "https"}
    assert told == {("asked.example", True), ("said.example", False)}


def test_the_kinds_of_questions(net: Net) -> None:
    for kind in ("TXT", "MX", "SRV", "NS", "NULL", "SOA", "ANY", "CAA"):
        done = net.run(*dig(), f"@{RESOLVER}", "_ldap._tcp.k.example", kind)
        assert b"status: NOERROR" in done.stdout, done.stdout
        assert (b"ANSWER: 0" in done.stdout) == (kind == "CAA")
    net.run(*dig(), "+tcp", "@2001:db8::53", "six.example", "TXT")
    net.run(needed("nslookup"), "look.example", RESOLVER)
    net.stop()
    asked = dict(questions(net.flows))
    assert asked["NULL"] == asked["SRV"] == "_ldap._tcp.k.example"
    assert ("TXT", "six.example") in questions(net.to("2001:db8::53", protocol="tcp"))
    assert ("A", "look.example") in questions(net.flows)


def test_addresses_are_named_in_reverse(net: Net) -> None:
    address = net.run(*dig(), "+short", f"@{RESOLVER}", "back.example", "A").stdout.decode().strip()
    assert net.run(*dig(), "+short", f"@{RESOLVER}", "-x", address).stdout == b"back.example.\n"
    assert b"NXDOMAIN" in net.run(*dig(), f"@{RESOLVER}", "-x", "192.0.2.1").stdout


def test_a_tunnel_is_noted_name_by_name(net: Net) -> None:
    secret = bytes(range(256)) * 8
    text = base64.b32encode(secret).decode().rstrip("=").lower()
    names = [f"{text[at : at + 50]}.{at}.t.example" for at in range(0, len(text), 50)]

    def tunnel() -> None:
        for name in names:
            socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)

    net.inside(tunnel)
    net.stop()
    assert [target for kind, target in questions(net.flows) if kind == "A"] == names


def test_names_that_are_no_text(net: Net) -> None:
    label = bytes(range(128, 191))
    wire = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + bytes([63]) + label + b"\x01t\x00\x00\x10\x00\x01"

    def ask() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(PATIENCE_S)
            udp.sendto(wire, (RESOLVER, 53))
            assert udp.recv(512)[3] & 15 == 0

    net.inside(ask)
    (flow,) = net.stop()
    assert net.sent(flow) == wire and questions([flow]) == [
        ("TXT", "".join(f"\\{byte}" for byte in label) + ".t")
    ]


def test_dns_over_tls(net: Net) -> None:
    context = ssl.create_default_context(cafile=str(net.ca))

    def ask() -> None:
        query = dns.message.make_query("dot.example", "A")
        answer = dns.query.tls(
            query, "9.9.9.9", PATIENCE_S, ssl_context=context, server_hostname="dns.example"
        )
        assert answer.answer

    net.inside(ask)
    (flow,) = net.stop()
    assert (flow.application, flow.opened, flow.server_name) == ("dns", Opened.DECRYPTED, "dns.example")
    assert ("A", "dot.example") in questions([flow])


@pytest.mark.parametrize("method", ["--http1.1", "--http2-prior-knowledge"])
def test_dns_over_https(net: Net, method: str) -> None:
    query = dns.message.make_query("doh.example", "AAAA").to_wire()
    text = base64.urlsafe_b64encode(query).decode().rstrip("=")
    command = (needed("curl"), "-sS", method, "-o")
    one, two = net.ca.with_name("one"), net.ca.with_name("two")
    net.run(*command, str(one), f"http://doh.test.example/dns-query?dns={text}")
    posted = ("-H", "content-type: application/dns-message", "--data-binary", "@-")
    net.run(*command, str(two), *posted, "http://doh.test.example/dns-query", input=query)
    net.stop()
    for answer in (one, two):
        assert dns.message.from_wire(answer.read_bytes()).answer
    flows = net.to("doh.test.example", protocol="tcp")
    assert questions(flows).count(("AAAA", "doh.example")) == 2


def test_curl_resolves_over_https(net: Net) -> None:
    command = (needed("curl"), "-sS", "--doh-url", "https://9.9.9.9/dns-query", "--cacert", str(net.ca), "-4")
    net.run(*command, "http://through.example/")
    net.stop()
    assert ("A", "through.example") in questions(net.to("9.9.9.9", protocol="tcp"))
    assert net.to("through.example", protocol="tcp", application="http")


RECORDED = (
    DnsRecord("current.example", "TXT", ('"0.103:62:{now}"',), ttl_s=1800),
    DnsRecord("www.example", "CNAME", ("cdn.example.",)),
    DnsRecord("cdn.example", "A", ("203.0.113.80", "203.0.113.81")),
    DnsRecord("*.lists.example", "A", ("127.0.0.2",)),
    DnsRecord("good.lists.example", "A"),
    DnsRecord("_update._tcp.example", "SRV", ("0 5 8443 cdn.example.",)),
    DnsRecord("example", "mx", ("10 mx1.example.", "20 mx2.example.")),
)


def test_recorded_answers(ready: None, tmp_path: Path) -> None:
    with network(tmp_path, SinkPlan(Mode.REPLAY, records=RECORDED)) as net:

        def asked(name: str, kind: str) -> list[str]:
            done = net.run(*dig(), "+short", f"@{RESOLVER}", name, kind)
            return sorted(done.stdout.decode().splitlines(), reverse=True)

        (text,) = asked("Current.example", "TXT")
        assert abs(int(text.strip('"').split(":")[2]) - time.time()) < PATIENCE_S
        assert asked("www.example", "A") == ["cdn.example.", "203.0.113.81", "203.0.113.80"]
        assert asked("bad.lists.example", "A") == ["127.0.0.2"] and asked("good.lists.example", "A") == []
        assert asked("_update._tcp.example", "SRV") == ["0 5 8443 cdn.example."]
        assert asked("example", "MX") == ["20 mx2.example.", "10 mx1.example."]
        assert ip_address(asked("other.example", "A")[0]) in NAMES4
        whole = net.run(*dig(), f"@{RESOLVER}", "current.example", "TXT").stdout
        assert b"\t1800\tIN\tTXT" in whole
        net.run(needed("curl"), "-sS", "-4", "http://www.example/")
        net.stop()
        assert net.to("www.example", protocol="tcp")[0].address.startswith("203.0.113.8")


def test_aliases_that_go_in_circles_end() -> None:
    zone = Zone.of(
        (DnsRecord("a.example", "CNAME", ("b.example.",)), DnsRecord("b.example", "CNAME", ("a.example.",)))
    )
    answered = Resolver(Names(NAMES4, NAMES6), zone).answer(
        dns.message.make_query("a.example", "A").to_wire()
    )
    assert answered is not None and len(answered.reply) < 512


def resolver() -> Resolver:
    return Resolver(Names(NAMES4, NAMES6))


@pytest.mark.parametrize("wire", [b"", b"\0" * 11, b"\0" * 12, b"\xff" * 600, bytes(range(200))])
def test_no_question_has_no_answer(wire: bytes) -> None:
    answered = resolver().answer(wire)
    assert answered is None or not answered.questions


def test_answers_are_not_answered() -> None:
    query = dns.message.make_query("a.example", "A")
    query.flags |= dns.flags.QR
    assert resolver().answer(query.to_wire()) is None


def test_an_update_is_noted_and_refused() -> None:
    wire = bytearray(dns.message.make_query("zone.example", "SOA").to_wire())
    wire[2] = 5 << 3
    answered = resolver().answer(bytes(wire))
    assert answered is not None and answered.questions[0].kind == "UPDATE" and answered.status == 5


def test_names_that_no_address_is_left_for_share_one() -> None:
    names = Names(ip_network("198.18.0.0/29"), ip_network("2001:2::/64"))  # type: ignore[arg-type]
    given = [names.addresses(f"{number}.example")[0] for number in range(10)]
    assert len(set(given)) == 7 and names.shared == 4
    assert names.name(given[0]) == "0.example" and names.name(given[-1]) == ""
