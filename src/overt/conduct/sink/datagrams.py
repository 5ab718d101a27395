"""Conversations of UDP datagrams: DNS and NTP are answered, QUIC is turned away to TCP, the rest is kept."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import Counter
from dataclasses import dataclass, field

from overt.conduct.sink import quic, sockets, stun
from overt.conduct.sink.forward import Forward
from overt.conduct.sink.resolver import Resolver
from overt.conduct.sink.tape import Ends, Recorder, Tape
from overt.conduct.sink.uplink import DNS_PORT

MAX_CONVERSATIONS = 20_000
"""Open at once; one more ends the oldest."""
_AT_ONCE = 64
_DNS_PORTS = frozenset({53, 5353, 5355})
_NTP_PORT, _NTP_BYTES, _NTP_CLIENT, _NTP_EPOCH_S = 123, 48, 3, 2_208_988_800
_QUIC = "QUIC: turned away, so that the client turns to TCP; only what its first packets say can be read"
_DTLS = "DTLS: encrypted with keys that the lab does not have"


@dataclass(slots=True)
class Conversation:
    """Datagrams between the same two ports."""

    tape: Tape
    handshake: quic.Handshake | None = None


@dataclass(slots=True)
class Datagrams:
    """All of UDP."""

    recorder: Recorder
    resolver: Resolver
    answers: bool = True
    """Whether datagrams are answered, or only read."""
    forward: Forward | None = None
    """Pass-through: what is answered by those that were asked."""
    delivered: Counter[Ends] = field(default_factory=Counter)
    """How many datagrams of each conversation were read."""
    _open: dict[Ends, Conversation] = field(default_factory=dict)

    def listen(self, listener: socket.socket) -> None:
        """Take in what arrives on one socket from now on."""
        asyncio.get_running_loop().add_reader(listener, self.arrived, listener)

    def arrived(self, listener: socket.socket) -> None:
        """Read some of what is waiting, so that others have their turn."""
        for _ in range(_AT_ONCE):
            datagram = sockets.receive(listener)
            if datagram is None:
                return
            self.took(datagram.ends, datagram.data)

    def took(self, ends: Ends, data: bytes) -> None:
        """Record one datagram, and answer it."""
        if conversation := self._conversation(ends):
            self.delivered[ends] += 1
            conversation.tape.moved()
            conversation.tape.sent(data)
            self._answer(conversation, data)

    def came_back(self, ends: Ends, data: bytes) -> None:
        """Record what was answered, where that is not done here."""
        if known := self._open.get(ends):
            known.tape.moved()
            known.tape.received(data)

    def close(self) -> None:
        """End every conversation, each when it last moved."""
        for conversation in self._open.values():
            self._end(conversation)
        self._open.clear()

    def drain(self, listeners: tuple[socket.socket, ...]) -> None:
        """Take in all that still waits."""
        for listener in listeners:
            before = -1
            while before != (before := sum(talk.tape.sent_bytes for talk in self._open.values())):
                self.arrived(listener)

    def sweep(self, idle_s: float) -> None:
        """End what was silent for so long."""
        oldest = self.recorder.now() - idle_s
        for ends in [ends for ends, talk in self._open.items() if talk.tape.moved_s < oldest]:
            self._end(self._open.pop(ends))

    def _end(self, conversation: Conversation) -> None:
        """It ended when it last moved."""
        conversation.tape.ended_s = conversation.tape.moved_s
        conversation.tape.close()
        if self.forward:
            self.forward.close(conversation.tape.ends)

    def _conversation(self, ends: Ends) -> Conversation | None:
        if known := self._open.get(ends):
            return known
        tape = self.recorder.begin(ends)
        if tape is None:
            return None
        if len(self._open) >= MAX_CONVERSATIONS:
            self._end(self._open.pop(next(iter(self._open))))
        self._open[ends] = Conversation(tape)
        return self._open[ends]

    def _answer(self, talk: Conversation, data: bytes) -> None:
        port = talk.tape.ends.port
        understood = port in _DNS_PORTS and self._dns(talk, data)
        if understood:
            pass
        elif port == _NTP_PORT and len(data) >= _NTP_BYTES and data[0] & 7 == _NTP_CLIENT:
            talk.tape.application = "ntp"
            self._reply(talk, _time(data))
        elif stun.is_message(data):
            talk.tape.application = "stun"
            if bound := stun.answer(data, talk.tape.ends.source, talk.tape.ends.source_port):
                self._reply(talk, bound)
        elif data[:1] == b"\x16" and data[1:2] == b"\xfe":
            talk.tape.application = "dtls"
            talk.tape.opaque(_DTLS)
        elif talk.tape.application in ("raw", "quic"):
            self._quic(talk, data)
        passed = understood or port != DNS_PORT  # else it is not for the name server of this machine
        if self.forward and passed and talk.tape.application != "quic":
            self.forward.send(talk.tape, data)

    def _dns(self, talk: Conversation, data: bytes) -> bool:
        answered = self.resolver.answer(data)
        if answered is None:
            return False
        talk.tape.application = "dns"
        talk.tape.questions(answered, self.answers and not self.forward)
        self._reply(talk, answered.reply)
        return True

    def _quic(self, talk: Conversation, data: bytes) -> None:
        head = quic.head(data)
        if head is None or (head.version not in quic.VERSIONS and talk.tape.ends.port != 443):
            return
        tape = talk.tape
        if talk.handshake is None:
            talk.handshake = quic.Handshake()
            tape.application = "quic"
            tape.opaque(_QUIC)
        talk.handshake.take(data)
        if not tape.server_name and not tape.alpn and (hello := talk.handshake.hello()):
            tape.hello(talk.handshake.message(), hello)
        self._reply(talk, quic.negotiation(head))

    def _reply(self, talk: Conversation, data: bytes) -> None:
        answers = self.answers and (self.forward is None or talk.tape.application == "quic")
        if answers and sockets.reply(talk.tape.ends, data):
            talk.tape.received(data)


def _time(asked: bytes) -> bytes:
    """The time of this machine (RFC 5905 §7.3), to a client that sent `asked`."""
    now = time.time() + _NTP_EPOCH_S
    stamp = struct.pack(">II", int(now) & 0xFFFFFFFF, int(now % 1 * (1 << 32)))
    head = struct.pack(">BBbb", 0x24, 2, asked[2] if asked[2] < 128 else 6, -20)
    return head + bytes(8) + b"LOCL" + stamp + asked[40:48] + stamp + stamp
