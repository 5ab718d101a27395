"""Answers to ICMP echo requests (RFC 792), from whatever IPv4 address they were sent to.

For IPv6 the kernel does it by itself once a route calls every address local; for IPv4 it refuses to.
"""

from __future__ import annotations

import asyncio
import socket
import struct

from overt.conduct.sink import sockets

_REQUEST, _REPLY_HEAD = 8, bytes(2)
_AT_ONCE = 64
_MAX_PACKET_BYTES = 65_535


def serve(listener: socket.socket) -> None:
    """Answer from now on."""
    asyncio.get_running_loop().add_reader(listener, _arrived, listener)


def reply(packet: bytes) -> tuple[bytes, str, str] | None:
    """The answer to an IPv4 packet with an echo request, the address it is from and that it goes to; None to others."""
    message = packet[4 * (packet[0] & 15) :] if packet else b""
    if len(message) < 8 or message[0] != _REQUEST:
        return None
    answer = _REPLY_HEAD + bytes(2) + message[4:]
    answer = _REPLY_HEAD + checksum(answer).to_bytes(2, "big") + message[4:]
    return answer, socket.inet_ntoa(packet[16:20]), socket.inet_ntoa(packet[12:16])


def checksum(data: bytes) -> int:
    """The internet's checksum (RFC 1071)."""
    padded = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _arrived(listener: socket.socket) -> None:
    for _ in range(_AT_ONCE):
        try:
            packet = listener.recv(_MAX_PACKET_BYTES)
        except OSError:
            return
        if (answer := reply(packet)) is None:
            continue
        sockets.echo(*answer)
