"""Sockets that speak for any address: IP_TRANSPARENT (Linux), for TCP and UDP, IPv4 and IPv6."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass

from overt.conduct.sink.plan import PORT
from overt.conduct.sink.tape import Ends
from overt.core.errors import ConductError

IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75
IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR = 20, 74
BACKLOG = 65_535
DATAGRAM_BUFFER_BYTES = 32 << 20
MAX_DATAGRAM_BYTES = 65_535
_ANCILLARY_BYTES = 256
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where all traffic arrives."""

    connections: tuple[socket.socket, ...]
    datagrams: tuple[socket.socket, ...]
    echoes: socket.socket

    @property
    def all(self) -> tuple[socket.socket, ...]:
        """Every one of them."""
        return *self.connections, *self.datagrams, self.echoes

    def close(self) -> None:
        """Stop listening."""
        for listener in self.all:
            listener.close()


@dataclass(frozen=True, slots=True)
class Datagram:
    """One that arrived."""

    data: bytes
    ends: Ends


def listen() -> Listeners:
    """Listen on `PORT` for everything. Raises `ConductError`."""
    try:
        return Listeners(
            tuple(_connections(family) for family in _FAMILIES),
            tuple(_datagrams(family) for family in _FAMILIES),
            _transparent(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        )
    except OSError as error:
        raise ConductError(f"the sink can't listen in its network: {error}: it needs root there") from error


def ends_of(connection: socket.socket) -> Ends:
    """Who talks to whom on an accepted connection. Raises `OSError` if it is gone."""
    address, port = connection.getsockname()[:2]
    source, source_port = connection.getpeername()[:2]
    return Ends("tcp", _bare(address), port, _bare(source), source_port)


def receive(listener: socket.socket) -> Datagram | None:
    """The next datagram; None when none is waiting."""
    try:
        data, ancillary, _, sender = listener.recvmsg(MAX_DATAGRAM_BYTES, _ANCILLARY_BYTES)
    except OSError:
        return None
    address, port = "", 0
    for level, kind, value in ancillary:
        match level, kind:
            case socket.SOL_IP, 20:
                port, address = (
                    struct.unpack(">H", value[2:4])[0],
                    socket.inet_ntop(socket.AF_INET, value[4:8]),
                )
            case socket.IPPROTO_IPV6, 74:
                port, address = (
                    struct.unpack(">H", value[2:4])[0],
                    socket.inet_ntop(socket.AF_INET6, value[8:24]),
                )
    return Datagram(data, Ends("udp", address, port, _bare(sender[0]), sender[1]))


def reply(ends: Ends, data: bytes) -> bool:
    """Answer a datagram from the address that it was sent to. Whether the kernel took it."""
    family = socket.AF_INET6 if ":" in ends.address else socket.AF_INET
    with _transparent(family, socket.SOCK_DGRAM) as speaker:
        try:
            speaker.bind((ends.address, ends.port))
            speaker.sendto(data, (ends.source, ends.source_port))
        except OSError:
            return False
    return True


def echo(message: bytes, source: str, destination: str) -> None:
    """Send an ICMP message from any address. What can't be sent is not."""
    with _transparent(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as speaker, suppress(OSError):
        speaker.bind((source, 0))
        speaker.sendto(message, (destination, 0))


def _connections(family: socket.AddressFamily) -> socket.socket:
    listener = _transparent(family, socket.SOCK_STREAM)
    listener.bind(("", PORT))
    listener.listen(BACKLOG)
    return listener


def _datagrams(family: socket.AddressFamily) -> socket.socket:
    listener = _transparent(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, 1)
    else:
        listener.setsockopt(socket.SOL_IP, IP_RECVORIGDSTADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), DATAGRAM_BUFFER_BYTES)
    listener.bind(("", PORT))
    return listener


def _transparent(family: socket.AddressFamily, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
    made = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
    else:
        made.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    return made


def _bare(address: str) -> str:
    """Without the interface that Python appends to link-local addresses."""
    return address.partition("%")[0]
