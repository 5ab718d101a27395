"""QUIC: name and ALPN from the first packets, in both versions; the client is turned away to TCP."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from aioquic.asyncio.client import connect
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from overt.conduct.evidence.records import Opened
from overt.conduct.sink import quic
from tests.conduct.sink.lab import Net
from tests.waiting import PATIENCE_S

V1, V2 = 0x00000001, 0x6B3343CF


def first_flight(
    version: int = V1, name: str = "quic.example", alpn: tuple[str, ...] = ("h3",)
) -> list[bytes]:
    """What a real client sends first."""
    configuration = QuicConfiguration(is_client=True, alpn_protocols=list(alpn), server_name=name)
    configuration.original_version = version
    configuration.supported_versions = [version]
    client = QuicConnection(configuration=configuration)
    client.connect(("192.0.2.1", 443), now=0.0)
    return [data for data, _ in client.datagrams_to_send(now=0.0)]


@pytest.mark.parametrize("version", [V1, V2])
def test_the_first_packet_says_where_to(version: int) -> None:
    handshake = quic.Handshake()
    for datagram in first_flight(version):
        handshake.take(datagram)
    hello = handshake.hello()
    assert hello is not None and (hello.server_name, hello.alpn) == ("quic.example", ("h3",))


def test_a_hello_over_several_packets_in_any_order() -> None:
    datagrams = first_flight(alpn=tuple(f"protocol-number-{number:04d}" for number in range(120)))
    assert len(datagrams) > 1
    handshake = quic.Handshake()
    for datagram in reversed(datagrams):
        assert handshake.hello() is None
        handshake.take(datagram)
    assert (hello := handshake.hello()) is not None and len(hello.alpn) == 120


def test_damaged_packets_are_passed_over() -> None:
    chance = random.Random(4)
    (datagram,) = first_flight()
    for _ in range(3000):
        damaged = bytearray(datagram)
        for _ in range(chance.randrange(1, 6)):
            damaged[chance.randrange(0, 60 if chance.random() < 0.7 else len(damaged))] = chance.randrange(
                256
            )
        handshake = quic.Handshake()
        handshake.take(bytes(damaged[: chance.randrange(len(damaged))]))
        handshake.take(bytes(damaged))
        handshake.hello()


def test_a_real_client_is_turned_away(net: Net) -> None:
    configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"], server_name="turned.example")

    async def ask() -> None:
        try:
            async with asyncio.timeout(PATIENCE_S), connect("198.51.100.9", 443, configuration=configuration):
                raise AssertionError("somebody answered")
        except ConnectionError:
            return

    net.inside(lambda: asyncio.run(ask()))
    net.stop()
    (flow,) = net.to("198.51.100.9")
    assert (flow.protocol, flow.application, flow.opened) == ("udp", "quic", Opened.OPAQUE)
    assert (flow.server_name, flow.alpn) == ("turned.example", ("h3",))
    assert flow.sent_bytes >= 1200 and (net.folder.path / flow.hello).read_bytes()[:1] == b"\x01"
    assert [(one.method, one.target) for one in flow.requests] == [("SNI", "turned.example")]


def test_negotiation_offers_what_nobody_speaks() -> None:
    (datagram,) = first_flight()
    head = quic.head(datagram)
    assert head is not None
    answer = quic.negotiation(replace(head, version=0x0A0A0A0A))
    assert answer[1:5] == bytes(4) and answer[-4:] == bytes.fromhex("1a2a3a4a")
