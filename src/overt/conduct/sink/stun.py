"""STUN as the server (RFC 8489): tells a client the address that it is seen from, as before a call or a tunnel."""

from __future__ import annotations

import struct
from ipaddress import ip_address

_HEAD_BYTES = 20
_COOKIE = bytes.fromhex("2112a442")
_BINDING, _BOUND, _XOR_MAPPED = 0x0001, 0x0101, 0x0020


def is_message(data: bytes) -> bool:
    """Whether a datagram is a STUN message: a request, or an indication (§5)."""
    whole = len(data) >= _HEAD_BYTES and data[0] < 0x40 and data[4:8] == _COOKIE
    return whole and int.from_bytes(data[2:4], "big") == len(data) - _HEAD_BYTES


def answer(data: bytes, address: str, port: int) -> bytes:
    """The answer to a message from there; nothing to any but a Binding request (§14.2)."""
    if int.from_bytes(data[:2], "big") != _BINDING:
        return b""
    packed, key = ip_address(address).packed, data[4:_HEAD_BYTES]
    hidden = bytes(one ^ other for one, other in zip(packed, key))
    body = (
        struct.pack(">BBH", 0, 1 if len(packed) == 4 else 2, port ^ int.from_bytes(key[:2], "big")) + hidden
    )
    attribute = struct.pack(">HH", _XOR_MAPPED, len(body)) + body
    return struct.pack(">HH", _BOUND, len(attribute)) + key + attribute
