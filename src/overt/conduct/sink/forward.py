"""Pass-through of UDP: datagrams go on to where they were meant to go, and answers come back as if from there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

import dns.exception
import dns.message
import dns.rdatatype

from overt.conduct.sink import sockets
from overt.conduct.sink.names import Names
from overt.conduct.sink.tape import Ends, Tape
from overt.conduct.sink.uplink import DNS_PORT, Uplink

MAX_WAITING = 64
"""Datagrams of one conversation that wait until the way is open."""


class _Way(asyncio.DatagramProtocol):
    """Answers come in here."""

    def __init__(self, answered: Callable[[bytes], None]) -> None:
        self._answered = answered

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._answered(data)


@dataclass(slots=True)
class Forward:
    """All of UDP that is passed on."""

    names: Names
    uplink: Uplink
    _ways: dict[Ends, asyncio.DatagramTransport] = field(default_factory=dict)
    _waiting: dict[Ends, list[bytes]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def send(self, tape: Tape, data: bytes) -> None:
        """Pass one datagram on."""
        ends = tape.ends
        if way := self._ways.get(ends):
            way.sendto(data)
        elif ends in self._waiting:
            if len(self._waiting[ends]) < MAX_WAITING:
                self._waiting[ends].append(data)
        else:
            self._waiting[ends] = [data]
            task = asyncio.ensure_future(self._open(tape))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def close(self, ends: Ends) -> None:
        """A conversation is over."""
        if way := self._ways.pop(ends, None):
            way.close()

    async def _open(self, tape: Tape) -> None:
        ends = tape.ends

        def answered(data: bytes) -> None:
            tape.received(data)
            if ends.port == DNS_PORT:
                self._learn(data)
            sockets.reply(ends, data)

        with contextlib.suppress(OSError):  # no way there: as if nobody answered
            made = self.uplink.reach(ends)
            way, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Way(answered), sock=made
            )
            self._ways[ends] = way
        for data in self._waiting.pop(ends, []):
            if ends in self._ways:
                self._ways[ends].sendto(data)

    def _learn(self, wire: bytes) -> None:
        """Which address a name has, from a true answer: the name that was asked for, not what it is an alias of."""
        try:
            message = dns.message.from_wire(wire, ignore_trailing=True)
            asked = message.question[0].name.to_text(omit_final_dot=True)
            for found in message.answer:
                if found.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
                    for item in found:
                        self.names.learn(item.address, asked)
        except (dns.exception.DNSException, ValueError, IndexError):
            return
