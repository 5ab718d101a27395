"""Which process opened a connection: by the socket that the kernel's tables show, else by the call that names the same
destination last before the first packet."""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from overt.conduct.evidence.records import Flow
from overt.conduct.observe.trace import Called

CONTACTS = frozenset(("connect", "sendto", "sendmsg", "sendmmsg"))
PATIENCE_S = 120.0
"""Between a call and the first packet that it can have caused: a connection may be tried for that long."""
PROMPT_S = 5.0
"""A call this old whose flow is not known yet is likelier meant than a later one whose flow is."""
EARLY_S = 0.002
"""By which two clocks that are read one after the other may differ."""

_V4 = re.compile(r'sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)')
_V6 = re.compile(r'sin6_port=htons\((\d+)\),.*?inet_pton\(AF_INET6, "([^"]+)"')
SOCKET = re.compile(r"\d+<(\w+):\[(?:(\d+)\])?")
"""What strace says of a socket: its protocol, and its number in the kernel's table unless it found its addresses."""
KINDS = {"TCP": "tcp", "TCPv6": "tcp", "UDP": "udp", "UDPv6": "udp"}


@dataclass(frozen=True, slots=True)
class Contact:
    """A call that names a destination."""

    at_s: float
    process: int
    protocol: str
    """`tcp`, `udp`, or empty where strace does not show it."""
    address: str
    port: int
    inode: int


@dataclass(frozen=True, slots=True)
class Held:
    """A socket in the kernel's tables, and whose it is."""

    at_s: float
    protocol: str
    local_port: int
    address: str
    """Of the other side; empty for one that is not connected."""
    port: int
    inode: int
    process: int | None


def contacts(call: Called, at_s: float, process: int) -> Iterable[Contact]:
    """The destinations that a call names; a sendmmsg may name many."""
    if call.name not in CONTACTS:
        return
    protocol, inode = socket_of(call)
    for address, port in addresses(call.arguments):
        yield Contact(at_s, process, protocol, address, port, inode)


def socket_of(call: Called) -> tuple[str, int]:
    """(`tcp`, `udp`, or empty; number in the kernel's table or 0) of a call's first argument."""
    found = SOCKET.match(call.arguments)
    return (KINDS.get(found[1], ""), int(found[2] or 0)) if found else ("", 0)


def addresses(arguments: str) -> list[tuple[str, int]]:
    """The (address, port) that a call's arguments name, each once."""
    found = {(plain(address), int(port)) for form in (_V4, _V6) for port, address in form.findall(arguments)}
    return sorted(found)


def plain(address: str) -> str:
    """An address in its one form; IPv4 where it is only written as IPv6."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = getattr(known, "ipv4_mapped", None)
    return str(mapped or known)


@dataclass(slots=True)
class Peers:
    """Answers for each flow who it was."""

    calls: Iterable[Contact]
    sockets: Iterable[Held]
    _by_place: dict[tuple[str, int], list[Contact]] = field(default_factory=lambda: defaultdict(list))
    _by_inode: dict[int, list[Contact]] = field(default_factory=lambda: defaultdict(list))
    _by_port: dict[tuple[str, int], list[Held]] = field(default_factory=lambda: defaultdict(list))
    _used: set[Contact] = field(default_factory=set)

    def __post_init__(self) -> None:
        for contact in sorted(self.calls, key=lambda contact: contact.at_s):
            self._by_place[contact.address, contact.port].append(contact)
            if contact.inode:
                self._by_inode[contact.inode].append(contact)
        for held in sorted(self.sockets, key=lambda held: held.at_s):
            self._by_port[held.protocol, held.local_port].append(held)

    def process(self, flow: Flow) -> int | None:
        """Who opened it; None where neither table nor call tells."""
        held = self._held(flow)
        if held is not None:
            known = self._nearest([c for c in self._by_inode.get(held.inode, ()) if _fits(c, flow)], flow)
            if known is not None:
                return known.process
            if held.process is not None:
                return held.process
        contact = self._nearest(self._by_place.get((plain(flow.address), flow.port), []), flow)
        return contact.process if contact is not None else None

    def _held(self, flow: Flow) -> Held | None:
        """The socket with the flow's own port, looked at while the flow was there."""
        if not flow.source_port:
            return None
        fitting = [
            held
            for held in self._by_port.get((flow.protocol, flow.source_port), ())
            if flow.at_s - EARLY_S <= held.at_s <= flow.ended_s + PATIENCE_S
            and (not held.address or (held.address, held.port) == (plain(flow.address), flow.port))
        ]
        return min(fitting, key=lambda held: held.at_s, default=None)

    def _nearest(self, among: list[Contact], flow: Flow) -> Contact | None:
        """The last call before the flow began, of those whose own flow is not known yet; else the last one of all."""
        end = bisect_right(among, flow.at_s + EARLY_S, key=lambda contact: contact.at_s)
        fitting = [
            contact
            for contact in among[:end]
            if flow.at_s - contact.at_s <= PATIENCE_S and contact.protocol in ("", flow.protocol)
        ]
        if not fitting:
            return None
        prompt = (
            contact
            for contact in reversed(fitting)
            if contact not in self._used and flow.at_s - contact.at_s <= PROMPT_S
        )
        best = next(prompt, fitting[-1])
        self._used.add(best)
        return best


def _fits(contact: Contact, flow: Flow) -> bool:
    return (contact.address, contact.port) == (plain(flow.address), flow.port)
