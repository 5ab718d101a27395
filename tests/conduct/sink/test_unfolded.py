"""HTTP/2 and WebSocket are written unfolded: what a program meant, one stream after another."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import h2.config
import h2.connection
import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Request, TextMessage

from overt.conduct.evidence.records import Opened
from overt.conduct.sink.http2 import PREFACE
from tests.conduct.sink.lab import Net

pytestmark = pytest.mark.kernel

HOST = "203.0.113.60"
BODIES = tuple(os.urandom(50_000) for _ in range(3))


def interleave(connection: socket.socket) -> None:
    """Three uploads at once, in small pieces by turns; ends when all were answered."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    client.initiate_connection()
    streams = (1, 3, 5)
    for number in streams:
        path = f"/up{number}"
        client.send_headers(
            number,
            [(":method", "POST"), (":path", path), (":scheme", "https"), (":authority", "many.example")],
        )
    places, answered = dict.fromkeys(streams, 0), set()
    connection.sendall(client.data_to_send())
    while len(answered) < 3:
        for number, body in zip(streams, BODIES, strict=True):
            room = min(1000, client.local_flow_control_window(number), len(body) - places[number])
            if room > 0:
                end = places[number] + room
                client.send_data(number, body[places[number] : end], end_stream=end == len(body))
                places[number] = end
        connection.sendall(client.data_to_send())
        connection.settimeout(0.01 if any(places[n] < 50_000 for n in streams) else 60)
        try:
            events = client.receive_data(connection.recv(65536))
        except TimeoutError:
            continue
        answered |= {event.stream_id for event in events if type(event).__name__ == "StreamEnded"}
        connection.sendall(client.data_to_send())


@pytest.mark.parametrize("secure", [False, True])
def test_streams_of_http2_are_not_torn_apart(net: Net, secure: bool) -> None:
    context = ssl.create_default_context(cafile=str(net.ca))
    context.set_alpn_protocols(["h2"])

    def talk() -> None:
        plain = socket.create_connection((HOST, 443), 60)
        if secure:
            plain = context.wrap_socket(plain, server_hostname="many.example")
            assert plain.selected_alpn_protocol() == "h2"
        interleave(plain)
        plain.close()

    net.inside(talk)
    net.stop()
    (flow,) = net.to(HOST)
    assert flow.opened is (Opened.DECRYPTED if secure else Opened.PLAIN)
    assert flow.application == ("https" if secure else "http")
    sent = net.sent(flow)
    for number, body in zip((1, 3, 5), BODIES, strict=True):
        assert f"POST /up{number} HTTP/2\r\nhost: many.example\r\n\r\n".encode() + body in sent
    assert [one.sent_bytes for one in flow.requests if one.method == "POST"] == [50_000] * 3


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Of HTTP/2."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


HEAD = b"\x82\x86\x84\x01\x0cmany.example"
"""GET http://many.example/ (RFC 7541, appendix A)."""
BESIDE: dict[str, Callable[[bytes], bytes]] = {
    "settings": lambda hidden: frame(4, 0, 0, b"\xf0\x0f" + hidden[:4]),
    "ping": lambda hidden: frame(6, 0, 0, hidden[:8]),
    "going away": lambda hidden: frame(7, 0, 0, bytes(8) + hidden),
    "unknown": lambda hidden: frame(0x77, 0, 0, hidden),
    "head of the unknown": lambda hidden: frame(0x77, hidden[0], int.from_bytes(hidden[1:5], "big"), b""),
    "flags": lambda hidden: frame(4, hidden[0] & 0xFE | 2, 0, b""),
    "stream of a priority": lambda hidden: frame(2, 0, int.from_bytes(hidden[:4], "big"), hidden[4:9]),
    "priority of a head": lambda hidden: frame(1, 0x25, 3, hidden[:5] + HEAD),
    "priority of a padded head": lambda hidden: frame(1, 0x2D, 3, b"\2" + hidden[:5] + HEAD + b"\0\0"),
    "number of a stream": lambda hidden: frame(1, 5, int.from_bytes(hidden[:4], "big"), HEAD),
    "padding of a head": lambda hidden: frame(1, 13, 3, bytes([200]) + HEAD + hidden[:200]),
    "padding of a body": lambda hidden: (
        frame(1, 4, 3, b"\x83" + HEAD[1:]) + frame(0, 9, 3, b"\xc8fine" + hidden[:200])
    ),
    "body of a reset stream": lambda hidden: (
        frame(1, 4, 3, b"\x83" + HEAD[1:]) + frame(3, 0, 3, bytes(4)) + frame(0, 1, 3, hidden)
    ),
    "not whole": lambda hidden: frame(0, 0, 1, hidden + b"more")[:-4],
}
"""Where a connection carries what is part of no request."""
LEAST = {"settings": 4, "ping": 8, "padding of a head": 200, "padding of a body": 200} | {
    "head of the unknown": 5,
    "flags": 1,
    "stream of a priority": 9,
    "priority of a head": 5,
    "priority of a padded head": 5,
    "number of a stream": 4,
}
"""How much of it each way carries, in bytes, if not all."""


@pytest.mark.parametrize("way", BESIDE)
def test_what_http2_carries_beside_requests_is_kept(net: Net, way: str) -> None:
    hidden = b"\x12" + os.urandom(2) + b"\x35" + os.urandom(596)
    least = LEAST.get(way, 600)

    def talk() -> None:
        with socket.create_connection((HOST, 80), 60) as plain:
            plain.sendall(PREFACE + frame(4, 0, 0, b"") + frame(1, 5, 1, HEAD))
            plain.sendall(BESIDE[way](hidden))
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(4096):
                pass

    net.inside(talk)
    net.stop()
    sent = net.sent(net.to(HOST)[0])
    assert sent.startswith(b"GET / HTTP/2\r\nhost: many.example\r\n\r\n")
    assert hidden[:least] in sent


def test_the_same_priority_of_each_request_is_kept_once(net: Net) -> None:
    turn = b"\x80\0\0\0\xdb"

    def talk() -> None:
        with socket.create_connection((HOST, 80), 60) as plain:
            heads = b"".join(frame(1, 0x25, number, turn + HEAD) for number in range(1, 40, 2))
            plain.sendall(PREFACE + frame(4, 0, 0, b"") + heads)
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(4096):
                pass

    net.inside(talk)
    net.stop()
    sent = net.sent(net.to(HOST)[0])
    assert sent == b"GET / HTTP/2\r\nhost: many.example\r\n\r\n" * 20 + turn


def test_websocket_messages_are_unmasked(net: Net) -> None:
    secret = os.urandom(100_000)

    def talk() -> None:
        client = WSConnection(ConnectionType.CLIENT)
        with socket.create_connection((HOST, 80), 60) as plain:
            plain.sendall(client.send(Request(host="ws.example", target="/live")))
            client.receive_data(plain.recv(4096))
            assert isinstance(next(client.events()), AcceptConnection)
            plain.sendall(client.send(BytesMessage(data=secret)) + client.send(TextMessage(data="überall")))
            plain.sendall(client.send(Ping(payload=b"pinged")) + client.send(CloseConnection(code=1000)))
            while plain.recv(4096):
                pass

    net.inside(talk)
    net.stop()
    (flow,) = net.to(HOST)
    assert net.sent(flow).endswith(b"\r\n\r\n" + secret + "überall".encode() + b"pinged")
    assert flow.requests[0].target == "http://ws.example/live" and flow.requests[0].status == 101


def test_other_frames_than_websocket_are_kept_as_they_are(net: Net, tmp_path: Path) -> None:
    head = b"GET / HTTP/1.1\r\nHost: ws.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"

    def talk() -> None:
        with socket.create_connection((HOST, 80), 60) as plain:
            plain.sendall(head)
            assert plain.recv(4096).startswith(b"HTTP/1.1 101")
            plain.sendall(b"\xff\xff this is no frame")

    net.inside(talk)
    net.stop()
    assert net.sent(net.to(HOST)[0]) == head + b"\xff\xff this is no frame"
