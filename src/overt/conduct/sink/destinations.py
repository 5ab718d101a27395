"""Where pass-through may lead: addresses of the public internet that lie beyond this machine's own networks."""

from __future__ import annotations

import itertools
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

_UNICAST6 = IPv6Network("2000::/3")
_NOT_PUBLIC = tuple(map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
"""Special purposes (RFC 6890, with the metadata of one cloud), relays to IPv6 (RFC 7526), and the host agent of another
cloud: nothing that a product's maker runs."""
_GETROUTE, _ROUTE, _REQUEST, _FIB_MATCH = 26, 24, 1, 0x2000
_TO, _GATEWAYS = 1, frozenset({5, 9, 18, 30})
"""RTA_DST; RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA, RTA_NH_ID."""
_ORDINARY = 1
"""RTN_UNICAST: neither this machine, nor many, nor nobody."""
_LEAST_PREFIX = 8
"""A route to more than that is the way out, also where it has no gateway, as on a dial-up line or in a tunnel."""
_MAX_REPLY_BYTES = 65_536


def is_public(address: str) -> bool:
    """Whether this is one machine's address in the public internet, and does not stand for another address (6to4,
    Teredo, NAT64, IPv4 in IPv6), which may be anything. Raises `ValueError`."""
    there = ip_address(address)
    if isinstance(there, IPv6Address):
        return there in _UNICAST6 and there.is_global and not (there.sixtofour or there.teredo)
    return there.is_global and not there.is_multicast and not any(there in net for net in _NOT_PUBLIC)


class Routes:
    """The kernel's routes in the network namespace in which this was made (rtnetlink(7))."""

    def __init__(self) -> None:
        self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._number = itertools.count(1)

    def fileno(self) -> int:
        """What must stay open."""
        return self._kernel.fileno()

    def lead_out(self, address: str) -> bool:
        """Whether the way to `address` leads over a gateway: it is neither this machine nor beside it. Raises
        `OSError`, `ValueError`."""
        packed = ip_address(address).packed
        family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        body = struct.pack("=4B4BI", family, 8 * len(packed), 0, 0, 0, 0, 0, 0, _FIB_MATCH)
        body += struct.pack("=HH", 4 + len(packed), _TO) + packed
        self._kernel.send(
            struct.pack("=IHHII", 16 + len(body), _GETROUTE, _REQUEST, next(self._number), 0) + body
        )
        reply = self._kernel.recv(_MAX_REPLY_BYTES)
        if struct.unpack_from("=H", reply, 4)[0] != _ROUTE:  # an error: there is no way
            return False
        prefix, kind = reply[17], reply[23]
        by_gateway = bool(_GATEWAYS & set(_attributes(reply[28:])))
        return kind == _ORDINARY and (by_gateway or prefix < _LEAST_PREFIX)


def _attributes(data: bytes) -> Iterator[int]:
    """The kinds of a message's attributes."""
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        yield kind & 0x3FFF
        data = data[max(4, size + 3 & ~3) :]
