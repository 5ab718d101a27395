"""What the sink does not answer is a flow too, from the capture; and the capture is read by the field's own tools."""

from __future__ import annotations

import os
import socket
import struct

import pytest

from overt.conduct.sink import capture, packets
from tests.conduct.sink.lab import CHAMBER4, CHAMBER6, Net
from tests.conduct.sink.test_clients import needed
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.kernel

SECRET = b"ovtsecretinsideaping0123456789"


def test_pings_are_answered_and_kept(net: Net) -> None:
    pattern = SECRET[:16].hex()
    for address in ("203.0.113.5", "2001:db8::5"):
        net.run(needed("ping"), "-c1", "-W60", "-s64", "-p", pattern, address)
    net.stop()
    for address, protocol in (("203.0.113.5", "icmp"), ("2001:db8::5", "icmpv6")):
        (flow,) = net.to(address)
        assert flow.protocol == protocol and SECRET[:16] in net.sent(flow)
        assert net.sent(flow) == net.received(flow)


def test_big_pings_come_in_fragments(net: Net) -> None:
    for address in ("203.0.113.5", "2001:db8::5"):
        net.run(needed("ping"), "-c1", "-W60", "-s9000", address)
    net.stop()
    for address in ("203.0.113.5", "2001:db8::5"):
        (flow,) = net.to(address)
        assert flow.sent_bytes == 9000


def test_datagrams_of_any_size_to_any_port(net: Net) -> None:
    large = os.urandom(60_000)

    def send() -> None:
        for family, address in ((socket.AF_INET, "203.0.113.6"), (socket.AF_INET6, "2001:db8::6")):
            with socket.socket(family, socket.SOCK_DGRAM) as udp:
                for data in (b"first", large, b"last"):
                    udp.sendto(data, (address, 5555))

    net.inside(send)
    net.stop()
    for address in ("203.0.113.6", "2001:db8::6"):
        (flow,) = net.to(address)
        assert (flow.protocol, flow.port, net.sent(flow)) == ("udp", 5555, b"first" + large + b"last")


def test_time_is_told(net: Net) -> None:
    def ask() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(PATIENCE_S)
            udp.sendto(b"\x23" + bytes(47), ("203.0.113.7", 123))
            answer = udp.recv(100)
            assert len(answer) == 48 and struct.unpack(">I", answer[40:44])[0] > 3_900_000_000

    net.inside(ask)
    net.stop()
    assert net.to("203.0.113.7")[0].application == "ntp"


def test_multicast_broadcast_and_strange_protocols(net: Net) -> None:
    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            udp.sendto(SECRET, ("239.1.2.3", 4000))
            udp.sendto(SECRET, ("192.168.77.255", 4001))
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, 253) as strange:
            strange.sendto(SECRET, ("203.0.113.8", 0))
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, 132) as strange:
            strange.sendto(SECRET, ("2001:db8::8", 0))
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as frames:
            frames.bind(("eth0", 0))
            frames.send(b"\x02\x00\x00\x00\x00\x07" + bytes(6) + b"\x88\xb5" + SECRET)

    net.inside(send)
    net.stop()
    found = {(flow.protocol, flow.address): net.sent(flow) for flow in net.flows}
    assert found == {
        ("udp", "239.1.2.3"): SECRET,
        ("udp", "192.168.77.255"): SECRET,
        ("ip-253", "203.0.113.8"): SECRET,
        ("sctp", "2001:db8::8"): SECRET,
        ("ethernet-88b5", "02:00:00:00:00:07"): SECRET,
    }


def test_a_silent_chamber_has_no_flows(net: Net) -> None:
    net.run(
        needed("ping"), "-c1", "-W1", "192.168.77.99", check=False
    )  # nobody there: only questions for neighbours
    assert net.stop() == [] and net.outcome is not None and net.outcome.blind == ()


def test_the_capture_is_whole_and_readable(net: Net) -> None:
    net.run(needed("curl"), "-sS", "-d", "x" * 100_000, "http://cap.example/")
    net.stop()
    path = net.folder.path / capture.FILE
    shown = net.run(needed("tcpdump"), "-nn", "-r", str(path)).stdout.decode()
    read = list(capture.packets(path))
    assert len(shown.splitlines()) == len(read) > 10
    assert {packets.read(one.data).protocol for one in read} >= {"tcp", "udp", "arp"}
    for packet in read:
        carried = packets.read(packet.data)
        if carried.protocol in ("tcp", "udp"):
            assert (carried.destination in (CHAMBER4, CHAMBER6)) == packet.outgoing
    assert net.outcome is not None and net.outcome.losses.packets == 0
    (flow,) = net.to("cap.example", protocol="tcp")
    kept = [packets.read(one.data) for one in read if not one.outgoing]
    assert sum(len(one.payload) for one in kept if one.source_port == flow.source_port) == flow.sent_bytes
