"""What security products speak besides HTTP: each is named, goes on, and every byte of it is kept."""

from __future__ import annotations

import os
import socket
import ssl
import sys
from pathlib import Path

import dns.message
import pytest

from overt.conduct.evidence.records import Opened
from overt.conduct.sink import stun
from tests.conduct.sink.lab import Net
from tests.conduct.sink.test_clients import needed, own_certificate
from tests.conduct.sink.test_names import questions

pytestmark = pytest.mark.kernel

MESSAGE = os.urandom(200_000)

MQTT = """
import sys, threading, paho.mqtt.client as mqtt
host, port, version, ca = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
with open(sys.argv[5], "rb") as file:
    body = file.read()
way = "websockets" if port in (80, 443) else "tcp"
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="device-7", protocol=version, transport=way)
if port in (443, 8883):
    client.tls_set(ca)
connected, subscribed = threading.Event(), threading.Event()
client.on_connect = lambda *_: connected.set()
client.on_subscribe = lambda *_: subscribed.set()
client.connect(host, port, 60)
client.loop_start()
assert connected.wait(60), "nobody answered"
client.subscribe("orders/7")
for quality in (0, 1, 2):
    client.publish(f"events/{quality}", body, quality).wait_for_publish(60)
assert subscribed.wait(60), "nobody confirmed"
client.disconnect()
"""

GRPC = """
import sys, grpc
with open(sys.argv[1], "rb") as ca, open(sys.argv[2], "rb") as body:
    credentials, data = grpc.ssl_channel_credentials(ca.read()), body.read()
with grpc.secure_channel("rpc.example:443", credentials) as channel:
    one = channel.unary_unary("/cloud.Scanner/Submit")
    assert one(data, timeout=60, metadata=[("x-device", "seven")]) == b""
    many = channel.stream_stream("/cloud.Scanner/Follow")
    assert list(many(iter([b"first", data, b"last"]), timeout=60)) == [b""]
"""


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "body.bin"
    path.write_bytes(MESSAGE)
    return path


@pytest.mark.parametrize(("port", "version"), [(1883, 3), (1883, 4), (1883, 5), (8883, 5), (80, 4), (443, 4)])
def test_mqtt(net: Net, body: Path, port: int, version: int) -> None:
    web = port in (80, 443)
    message = MESSAGE[
        : 20_000 if web else None
    ]  # Paho waits for seconds when it can't send a whole one at once
    body.write_bytes(message)
    net.run(sys.executable, "-c", MQTT, "broker.example", str(port), str(version), str(net.ca), str(body))
    net.stop()
    (flow,) = net.to("broker.example", protocol="tcp")
    assert flow.application == {80: "http", 443: "https"}.get(port, "mqtt")
    assert flow.opened is (Opened.DECRYPTED if port in (443, 8883) else Opened.PLAIN)
    noted = (one for one in flow.requests if one.method not in ("SNI", "GET"))
    asked = [(one.method, one.target, one.sent_bytes) for one in noted]
    assert asked[:2] == [("CONNECT", "device-7", 0), ("SUBSCRIBE", "orders/7", 0)]
    assert asked[2:] == [("PUBLISH", f"events/{quality}", len(message)) for quality in (0, 1, 2)]
    assert net.sent(flow).count(message) == 3 and flow.sent_bytes == len(net.sent(flow))
    assert net.outcome is not None and net.outcome.blind == ()


def test_grpc(net: Net, body: Path) -> None:
    net.run(sys.executable, "-c", GRPC, str(net.ca), str(body))
    net.stop()
    flow = next(flow for flow in net.to("rpc.example", protocol="tcp") if flow.requests[1:])
    assert flow.application == "https" and flow.opened is Opened.DECRYPTED and "h2" in flow.alpn
    calls = [(one.method, one.target, one.status) for one in flow.requests if one.method != "SNI"]
    at = "https://rpc.example:443/cloud.Scanner"
    assert [(call[0], call[1].replace("example/", "example:443/"), call[2]) for call in calls] == [
        ("POST", f"{at}/Submit", 200),
        ("POST", f"{at}/Follow", 200),
    ]
    sent = net.sent(flow)
    assert sent.count(MESSAGE) == 2 and b"x-device: seven\r\n" in sent and b"first" in sent


@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
def test_a_socks_proxy(net: Net, body: Path, scheme: str) -> None:
    user = "" if scheme.startswith("socks4") else "me:password@"
    net.run(
        needed("curl"), "-sS", "-4", "--proxy", f"{scheme}://{user}proxy.example:1080", "--cacert", str(net.ca),
        "--data-binary", f"@{body}", "https://behind.example/up",
    )  # fmt: skip
    net.stop()
    (flow,) = net.to("proxy.example", protocol="tcp")
    assert flow.application == "socks" and flow.opened is Opened.DECRYPTED
    assert net.sent(flow).endswith(MESSAGE) and flow.server_name == "behind.example"
    methods = [one.method for one in flow.requests]
    assert methods == ["CONNECT", "SNI", "POST"]
    named = scheme in ("socks4a", "socks5h")
    assert flow.requests[0].target.startswith("behind.example:443" if named else "198.18.0.")
    if user:
        assert b"\x02me\x08password" in net.sent(flow)


def test_stun(net: Net) -> None:
    request = bytes.fromhex("000100002112a442") + b"transactions"

    def ask() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(60)
            udp.connect(("stun.example", 3478))
            udp.send(request)
            answer = udp.recv(100)
            port = int.from_bytes(answer[26:28], "big") ^ 0x2112
            address = bytes(one ^ other for one, other in zip(answer[28:32], b"\x21\x12\xa4\x42"))
            assert (socket.inet_ntoa(address), port) == udp.getsockname()

    net.inside(ask)
    net.stop()
    (flow,) = net.to("stun.example", protocol="udp")
    assert flow.application == "stun" and net.sent(flow) == request


def test_what_is_no_stun() -> None:
    head = bytes.fromhex("000100002112a442") + b"transactions"
    assert stun.is_message(head) and not stun.is_message(head + b"more") and not stun.is_message(head[:-1])
    assert stun.answer(b"\0\3" + head[2:], "192.0.2.1", 1) == b""


def test_a_client_with_a_certificate_of_its_own(net: Net, tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path)
    own = ("--cert", str(certificate), "--key", str(key))
    net.run(needed("curl"), "-sS", "--cacert", str(net.ca), *own, "-d", "as myself", "https://m.example/")
    net.stop()
    (flow,) = net.to("m.example", protocol="tcp")
    assert flow.opened is Opened.DECRYPTED and net.sent(flow).endswith(b"as myself")


def test_tls_without_a_server_name(net: Net) -> None:
    command = (needed("openssl"), "s_client", "-connect", "silent.example:443", "-noservername", "-quiet")
    done = net.run(*command, "-CAfile", str(net.ca), input=b"GET /unnamed HTTP/1.0\r\n\r\n")
    assert b"200" in done.stdout
    net.stop()
    (flow,) = net.to("silent.example", protocol="tcp")
    assert (flow.opened, flow.server_name, flow.name) == (Opened.DECRYPTED, "", "silent.example")


def test_starttls_of_mail_boxes(net: Net) -> None:
    for protocol, name in (("imap", "i.example"), ("pop3", "p.example"), ("ftp", "f.example")):
        port = {"imap": 143, "pop3": 110, "ftp": 21}[protocol]
        command = (
            needed("openssl"),
            "s_client",
            "-starttls",
            protocol,
            "-connect",
            f"{name}:{port}",
            "-quiet",
        )
        net.run(
            *command, "-CAfile", str(net.ca), "-verify_return_error", input=b"A LOGOUT secret\r\nQUIT\r\n"
        )
    net.stop()
    for name in ("i.example", "p.example", "f.example"):
        (flow,) = net.to(name, protocol="tcp")
        assert flow.opened is Opened.DECRYPTED and b"A LOGOUT secret\r\n" in net.sent(flow), name


def test_questions_over_tls_with_an_application_protocol(net: Net) -> None:
    """Several on one connection, as a stub resolver asks them, without waiting (RFC 7766 §6.2.1.1)."""
    context = ssl.create_default_context(cafile=str(net.ca))
    context.set_alpn_protocols(["dot"])
    wires = [dns.message.make_query(f"{name}.dot.example", "TXT").to_wire() for name in ("one", "two")]

    def ask() -> None:
        with context.wrap_socket(
            socket.create_connection(("9.9.9.9", 853), 60), server_hostname="dns.example"
        ) as tls:
            assert tls.selected_alpn_protocol() == "dot"
            tls.sendall(b"".join(len(wire).to_bytes(2, "big") + wire for wire in wires))
            assert len(tls.recv(2)) == 2

    net.inside(ask)
    (flow,) = net.stop()
    assert flow.application == "dns" and ("TXT", "two.dot.example") in questions([flow])
