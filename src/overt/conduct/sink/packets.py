"""What one captured frame carries: pure. Never raises, whatever the bytes: what can't be read is its own protocol."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

_IP4, _IP6, _ARP, _VLANS = 0x0800, 0x86DD, 0x0806, (0x8100, 0x88A8)
_TCP, _UDP, _ICMP, _ICMP6, _IGMP, _FRAGMENT = 6, 17, 1, 58, 2, 44
_EXTENSIONS = frozenset({0, 43, 60, 135})
_NAMES = {
    1: "icmp",
    2: "igmp",
    6: "tcp",
    17: "udp",
    41: "ip6-in-ip",
    47: "gre",
    50: "esp",
    58: "icmpv6",
    132: "sctp",
}
_UPKEEP_BYTES = 96
_UPKEEP6 = frozenset({130, 131, 132, 133, 134, 135, 136, 137, 143})
"""ICMPv6 types by which a kernel finds its neighbours and says which groups it listens to (RFC 4861, RFC 3810)."""
_ERRORS = {1: frozenset({3, 11, 12}), 58: frozenset({1, 2, 3, 4})}
SYN = 2


@dataclass(frozen=True, slots=True)
class Carried:
    """What a frame carries."""

    protocol: str
    source: str
    source_port: int
    destination: str
    port: int
    payload: bytes
    sequence: int = 0
    """Of TCP: number of the payload's first byte."""
    begins: bool = False
    """Of TCP: a new connection (SYN)."""
    fragment: int | None = None
    """It is a later part of the packet with this number; its ports are those of the first."""
    upkeep: bool = False
    """The kernel's own doing: neighbours, groups, errors about what the sink sent."""


def read(frame: bytes) -> Carried:
    """Take a frame apart, from its Ethernet head on."""
    kind, at = int.from_bytes(frame[12:14], "big"), 14
    while kind in _VLANS:
        kind, at = int.from_bytes(frame[at + 2 : at + 4], "big"), at + 4
    try:
        if kind == _IP4:
            return _ip4(frame[at:])
        if kind == _IP6:
            return _ip6(frame[at:])
    except (struct.error, IndexError, ValueError, OSError):
        pass
    if kind == _ARP:
        return _plain("arp", "", "", frame[at:], upkeep=len(frame) - at <= 46)
    return _plain(f"ethernet-{kind:04x}", "", frame[:6].hex(":"), frame[at:])


def _plain(protocol: str, source: str, destination: str, payload: bytes, upkeep: bool = False) -> Carried:
    return Carried(protocol, source, 0, destination, 0, payload, upkeep=upkeep)


def _ip4(data: bytes) -> Carried:
    head, total, number, flags, protocol = 4 * (data[0] & 15), *struct.unpack_from(">HHH", data, 2), data[9]
    source, destination = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
    body = data[head : total or len(data)]  # 0: longer than the field can say
    if flags & 0x1FFF:
        return Carried(_name(protocol), source, 0, destination, 0, body, fragment=number)
    return _transport(protocol, source, destination, body, number if flags & 0x2000 else None)


def _ip6(data: bytes) -> Carried:
    size, protocol = struct.unpack_from(">H", data, 4)[0], data[6]
    source, destination = (socket.inet_ntop(socket.AF_INET6, data[at : at + 16]) for at in (8, 24))
    body, first = data[40 : 40 + size if size else len(data)], None
    while protocol in _EXTENSIONS or protocol == _FRAGMENT:
        if protocol == _FRAGMENT:
            protocol, offset, number = body[0], *struct.unpack_from(">HI", body, 2)
            body = body[8:]
            if offset & 0xFFF8:
                return Carried(_name(protocol), source, 0, destination, 0, body, fragment=number)
            first = number
            continue
        protocol, body = body[0], body[8 * (body[1] + 1) :]
    return _transport(protocol, source, destination, body, first)


def _transport(protocol: int, source: str, destination: str, body: bytes, first: int | None) -> Carried:
    match protocol:
        case 6:
            source_port, port, sequence = struct.unpack_from(">HHI", body)
            payload = body[4 * (body[12] >> 4) :]
            begins = bool(body[13] & SYN)
            start = sequence + begins & 0xFFFFFFFF
            return Carried(
                "tcp", source, source_port, destination, port, payload, sequence=start, begins=begins
            )
        case 17:
            source_port, port = struct.unpack_from(">HH", body)
            return Carried("udp", source, source_port, destination, port, body[8:], fragment=first)
        case 1 | 58:
            kind = body[0]
            upkeep = _is_error(protocol, kind, body, source, destination) or (
                protocol == _ICMP6 and kind in _UPKEEP6 and len(body) <= _UPKEEP_BYTES
            )
            return Carried(
                _NAMES[protocol], source, 0, destination, 0, body[8:], upkeep=upkeep, fragment=first
            )
    return _plain(
        _name(protocol), source, destination, body, protocol == _IGMP and len(body) <= _UPKEEP_BYTES
    )


def _is_error(protocol: int, kind: int, body: bytes, source: str, destination: str) -> bool:
    """Whether this complains about a packet that came from where it goes to: then it repeats only what we sent."""
    if kind not in _ERRORS[protocol]:
        return False
    about = body[8:]
    if protocol == _ICMP:
        return about[16:20] == socket.inet_aton(source) and about[12:16] == socket.inet_aton(destination)
    return about[24:40] == socket.inet_pton(socket.AF_INET6, source)


def _name(protocol: int) -> str:
    return _NAMES.get(protocol, f"ip-{protocol}")
