"""Answers to DNS questions: every name exists, and has an address of its own. Bytes in, bytes out.

The parser and the writer of messages are dnspython's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset

from overt.conduct.sink.names import Names
from overt.conduct.sink.zone import Zone

MAX_ALIASES = 8
"""That one answer follows."""
TTL_S = 60
_NOBODY = frozenset({"use-application-dns.net"})
"""Asked for by browsers that would otherwise bring a resolver of their own: it does not exist here."""
_SERVICES = {
    "caldav": 80, "caldavs": 443, "carddav": 80, "carddavs": 443, "http": 80, "https": 443, "imap": 143, "imaps": 993,
    "kerberos": 88, "kpasswd": 464, "ldap": 389, "ldaps": 636, "matrix": 8448, "mqtt": 1883, "ntp": 123, "pop3": 110,
    "pop3s": 995, "sip": 5060, "sips": 5061, "stun": 3478, "submission": 587, "turn": 3478, "xmpp-client": 5222,
    "xmpp-server": 5269,
}  # fmt: skip
"""Where services that are looked for by SRV questions usually are."""
_REVERSED = re.compile(r"\.(in-addr|ip6)\.arpa$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked."""

    kind: str
    """`A`, `TXT`, …; for messages that are no questions their opcode: `UPDATE`."""
    name: str
    """In the writing of the asker, without the last dot; bytes that are no text as `\\DDD`, decimal (RFC 1035 §5.1)."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A message that was understood."""

    questions: tuple[Question, ...]
    reply: bytes
    status: int
    """The reply's RCODE."""


@dataclass(slots=True)
class Resolver:
    """The chamber's only name server, whatever its address."""

    names: Names
    zone: Zone = field(default_factory=Zone)

    def answer(self, wire: bytes) -> Answered | None:
        """The answer to one message; None if this is no DNS message that wants one."""
        try:
            query = dns.message.from_wire(wire, ignore_trailing=True)
            if query.flags & dns.flags.QR:
                return None
            reply = dns.message.make_response(query, recursion_available=True)
            questions = tuple(_question(query, item) for item in query.question)
            if query.opcode() == dns.opcode.QUERY:
                for item in query.question:
                    self._fill(reply, item)
            else:
                reply.set_rcode(dns.rcode.REFUSED)
            return Answered(questions, reply.to_wire(), int(reply.rcode()))
        except (dns.exception.DNSException, ValueError, IndexError):
            return None

    def _fill(self, reply: dns.message.Message, item: dns.rrset.RRset) -> None:
        name = item.name.to_text(omit_final_dot=True)
        if name.lower() in _NOBODY or item.rdclass != dns.rdataclass.IN:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            return
        owner = self._follow(reply, item)
        for kind in _kinds(dns.rdatatype.to_text(item.rdtype)):
            if found := self._found(owner, kind, name):
                reply.answer.append(found)
        if not reply.answer and _REVERSED.search(name):
            reply.set_rcode(dns.rcode.NXDOMAIN)

    def _follow(self, reply: dns.message.Message, item: dns.rrset.RRset) -> dns.name.Name:
        """The name at the end of recorded aliases, which become part of the answer (RFC 1034 §3.6.2)."""
        owner = item.name
        if item.rdtype == dns.rdatatype.CNAME:
            return owner
        for _ in range(MAX_ALIASES):
            if not (alias := self.zone.find(owner, "CNAME")):
                break
            reply.answer.append(alias)
            owner = alias[0].target
        return owner

    def _found(self, owner: dns.name.Name, kind: str, asked: str) -> dns.rrset.RRset | None:
        """The recorded or made-up answer. An address is known by the name that was asked for, not by its alias."""
        found = self.zone.find(owner, kind)
        if found is None:
            texts = self._texts(asked, kind)
            return dns.rrset.from_text(owner, TTL_S, "IN", kind, *texts) if texts else None
        if kind in ("A", "AAAA"):
            for item in found:
                self.names.learn(item.address, asked)
        return found

    def _texts(self, name: str, kind: str) -> tuple[str, ...]:
        match kind:
            case "A":
                return (self.names.addresses(name)[0],)
            case "AAAA":
                return (self.names.addresses(name)[1],)
            case "TXT":
                return ('"v=spf1 -all"',)
            case "NULL":
                return (r"\# 1 00",)
            case "MX":
                return (f"10 {_below('mail', name)}",)
            case "NS":
                return (_below("ns1", name), _below("ns2", name))
            case "SOA":
                return (f"{_below('ns1', name)} {_below('hostmaster', name)} 1 7200 3600 1209600 {TTL_S}",)
            case "SRV":
                return (_service(name),)
            case "PTR":
                return self._reverse(name)
            case _:
                return ()

    def _reverse(self, name: str) -> tuple[str, ...]:
        try:
            address = dns.reversename.to_address(dns.name.from_text(name))
        except (dns.exception.DNSException, ValueError):
            return ()
        known = self.names.name(address)
        return (f"{known}.",) if known else ()


def _question(query: dns.message.Message, item: dns.rrset.RRset) -> Question:
    kind = dns.rdatatype.to_text(item.rdtype)
    if query.opcode() != dns.opcode.QUERY:
        kind = dns.opcode.to_text(query.opcode())
    return Question(kind, item.name.to_text(omit_final_dot=True))


def _kinds(kind: str) -> tuple[str, ...]:
    return ("A", "AAAA") if kind == "ANY" else (kind,)


def _below(label: str, name: str) -> str:
    """`label.name.`, or as much of the end of `name` as there is room for."""
    whole = dns.name.from_text(name)
    for skip in range(len(whole.labels)):
        try:
            return dns.name.Name((label.encode(), *whole.labels[skip:])).to_text()
        except dns.name.NameTooLong:
            continue
    return f"{label}."


def _service(name: str) -> str:
    """`_ldaps._tcp.example.org` is at example.org, on that service's port."""
    match = re.match(r"_([^.]+)\._(tcp|udp)\.(.+)", name, re.IGNORECASE)
    if not match:
        return f"0 0 443 {name}."
    port = _SERVICES.get(match[1].lower(), 443)
    return f"0 0 {port} {match[3]}."
