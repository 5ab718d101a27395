"""What can't be opened is said to be so, with its name, its size, its reason, and its bytes."""

from __future__ import annotations

import hashlib
import socket
import ssl

import pytest

from overt.conduct.evidence.records import Opened
from tests.conduct.sink.lab import Net
from tests.conduct.sink.test_clients import needed
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.kernel


def test_a_client_that_does_not_trust_the_authority(net: Net) -> None:
    done = net.run(needed("curl"), "-sS", "-d", "never sent", "https://strict.example/", check=False)
    assert done.returncode == 60
    net.stop()
    (flow,) = net.to("strict.example", protocol="tcp")
    assert flow.opened is Opened.OPAQUE and flow.application == "tls"
    assert "unknown ca" in flow.why_opaque and flow.server_name == "strict.example"
    assert flow.alpn == ("h2", "http/1.1")
    sent = net.sent(flow)
    assert sent.startswith((net.folder.path / flow.hello).read_bytes()) and len(sent) == flow.sent_bytes
    assert [(one.method, one.target) for one in flow.requests] == [("SNI", "strict.example")]


def test_a_client_that_pins_after_the_handshake(net: Net) -> None:
    context = ssl.create_default_context(cafile=str(net.ca))

    def talk() -> None:
        for _ in range(2):
            plain = socket.create_connection(("pinned.example", 443), PATIENCE_S)
            with context.wrap_socket(plain, server_hostname="pinned.example") as tls:
                pin = hashlib.sha256(tls.getpeercert(True) or b"").hexdigest()
                assert pin != "0" * 64

    net.inside(talk)
    net.stop()
    flows = net.to("pinned.example", protocol="tcp")
    assert len(flows) == 2
    for flow in flows:
        assert flow.opened is Opened.OPAQUE and "said nothing" in flow.why_opaque
        assert net.sent(flow)[:2] == b"\x16\x03"


def test_a_hello_that_never_ends(net: Net) -> None:
    start = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + bytes(500)

    def talk() -> None:
        with socket.create_connection(("198.51.100.7", 443), PATIENCE_S) as plain:
            plain.sendall(start)
            plain.shutdown(socket.SHUT_WR)
            plain.recv(10)

    net.inside(talk)
    (flow,) = net.stop()
    assert flow.opened is Opened.OPAQUE and net.sent(flow) == start


def test_ciphers_that_nobody_knows_are_no_refusal(net: Net) -> None:
    command = (needed("openssl"), "s_client", "-connect", "psk.example:443", "-servername", "psk.example")
    net.run(*command, "-tls1_2", "-cipher", "PSK-AES128-CBC-SHA", "-psk", "00", input=b"", check=False)
    net.stop()
    (flow,) = net.to("psk.example", protocol="tcp")
    assert flow.opened is Opened.OPAQUE and flow.why_opaque.startswith("no TLS that both sides know")


def test_old_protocol_versions_are_opened_too(net: Net) -> None:
    done = net.run(
        needed("openssl"), "s_client", "-connect", "old.example:443", "-servername", "old.example", "-quiet",
        "-tls1", "-cipher", "ALL:@SECLEVEL=0", "-CAfile", str(net.ca),
        input=b"GET /old HTTP/1.0\r\n\r\n", check=False,
    )  # fmt: skip
    assert b"200" in done.stdout, done.stderr
    net.stop()
    (flow,) = net.to("old.example", protocol="tcp")
    assert flow.opened is Opened.DECRYPTED and net.sent(flow) == b"GET /old HTTP/1.0\r\n\r\n"


def test_tls_inside_a_proxy(net: Net) -> None:
    command = (needed("curl"), "-sS", "--proxy", "http://proxy.example:3128", "--cacert", str(net.ca))
    net.run(*command, "-d", "through the proxy", "https://behind.example/up")
    net.stop()
    (flow,) = net.to("proxy.example", protocol="tcp")
    assert (
        flow.opened is Opened.DECRYPTED
        and flow.server_name == "behind.example"
        and flow.application == "http"
    )
    sent = net.sent(flow)
    assert sent.startswith(b"CONNECT behind.example:443 HTTP/1.1\r\n") and sent.endswith(
        b"\r\n\r\nthrough the proxy"
    )
    assert [(one.method, one.target) for one in flow.requests] == [
        ("CONNECT", "behind.example:443"),
        ("SNI", "behind.example"),
        ("POST", "https://behind.example/up"),
    ]


def test_tls_inside_a_tls_proxy(net: Net) -> None:
    command = (needed("curl"), "-sS", "--proxy", "https://proxy.example", "--cacert", str(net.ca))
    net.run(*command, "--proxy-cacert", str(net.ca), "-d", "twice wrapped", "https://behind.example/up")
    net.stop()
    (flow,) = net.to("proxy.example", protocol="tcp")
    assert flow.opened is Opened.DECRYPTED and net.sent(flow).endswith(b"\r\n\r\ntwice wrapped")
