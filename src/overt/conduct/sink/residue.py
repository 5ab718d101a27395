"""Flows that are in the capture only: what the sink could not, or was not meant to, answer.

ICMP, other protocols, broadcast, connections that were never accepted, everything of a dead network: each becomes a
flow with the payload that its packets carried.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from overt.conduct.sink import packets
from overt.conduct.sink.capture import Packet
from overt.conduct.sink.datagrams import Datagrams
from overt.conduct.sink.packets import Carried
from overt.conduct.sink.tape import Ends, Recorder, Tape

MAX_FRAGMENTED = 4096
"""Packets whose later parts are awaited."""
_BEHIND = 1 << 31
_NUMBERS = 1 << 32


@dataclass(slots=True)
class _Conversation:
    tape: Tape
    expected: int | None = None
    """The next number in TCP's sequence, so that what was sent again is not kept again."""


@dataclass(slots=True)
class Residue:
    """Goes through a capture after the sink has stopped."""

    recorder: Recorder
    datagrams: Datagrams
    """Reads what datagrams say, and answers nothing any more."""
    zero_ns: int
    """When the run began, as the capture's clock says."""
    upkeep: int = 0
    """Packets of the kernel's own."""
    _answered: frozenset[Ends] = frozenset()
    _open: dict[Ends, _Conversation] = field(default_factory=dict)
    _fragmented: dict[tuple[str, str, int], Ends] = field(default_factory=dict)

    def go_through(self, captured: Iterable[Packet]) -> None:
        """Record every conversation that no flow was made for yet."""
        self._answered = frozenset(self.recorder.seen)
        at_s = 0.0
        self.recorder.clock = lambda: at_s
        for packet in captured:
            at_s = (packet.at_ns - self.zero_ns) / 1e9
            carried = packets.read(packet.data)
            if packet.outgoing:
                self._came_back(carried)
            else:
                self._left(carried)
        self.datagrams.close()
        for conversation in self._open.values():
            conversation.tape.ended_s = conversation.tape.moved_s
            conversation.tape.close()

    def _left(self, carried: Carried) -> None:
        ends = Ends(carried.protocol, carried.destination, carried.port, carried.source, carried.source_port)
        if carried.fragment is not None:
            ends = self._first_of(carried, ends)
        if carried.upkeep:
            self.upkeep += 1
        elif ends in self._answered:
            return
        elif carried.protocol == "udp":
            self.datagrams.took(ends, carried.payload)
        elif conversation := self._conversation(ends):
            conversation.tape.moved()
            conversation.tape.sent(_new(conversation, carried))

    def _came_back(self, carried: Carried) -> None:
        ends = Ends(carried.protocol, carried.source, carried.source_port, carried.destination, carried.port)
        if known := self._open.get(ends):
            known.tape.moved()
            known.tape.received(carried.payload)

    def _first_of(self, carried: Carried, ends: Ends) -> Ends:
        """Later parts of a packet belong to the conversation of its first."""
        key = carried.source, carried.destination, carried.fragment or 0
        if carried.port or carried.source_port:
            if len(self._fragmented) >= MAX_FRAGMENTED:
                self._fragmented.pop(next(iter(self._fragmented)))
            self._fragmented[key] = ends
        return self._fragmented.get(key, ends)

    def _conversation(self, ends: Ends) -> _Conversation | None:
        if (known := self._open.get(ends)) is None and (tape := self.recorder.begin(ends)):
            known = self._open[ends] = _Conversation(tape)
        return known


def _new(conversation: _Conversation, carried: Carried) -> bytes:
    """The payload, without what was there before."""
    if carried.protocol != "tcp" or not carried.payload:
        return carried.payload
    expected = carried.sequence if conversation.expected is None else conversation.expected
    again = (expected - carried.sequence) % _NUMBERS
    skip = 0 if again >= _BEHIND else min(again, len(carried.payload))
    end = (carried.sequence + len(carried.payload)) % _NUMBERS
    if (end - expected) % _NUMBERS < _BEHIND:
        conversation.expected = end
    return carried.payload[skip:]
