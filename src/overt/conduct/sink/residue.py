"""Flows that are in the capture only: what the sink could not, or was not meant to, answer.

ICMP, other protocols, broadcast, connections that were never accepted, everything of a dead network: each becomes a
flow with the payload that its packets carried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
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
class _Sequence:
    """Of one side of TCP connections between the same ports."""

    first: int | None = None
    """The number with which the connection began."""
    expected: int | None = None
    """The next number, so that what was sent again is not taken again."""
    payload_bytes: int = 0

    def new(self, carried: Carried) -> bytes:
        """The payload, without what was there before."""
        if (
            carried.begins and carried.sequence != self.first
        ):  # else it was sent again, by a client in a hurry
            self.first, self.expected = carried.sequence, None
        expected = carried.sequence if self.expected is None else self.expected
        again = (expected - carried.sequence) % _NUMBERS
        skip = 0 if again >= _BEHIND else min(again, len(carried.payload))
        end = (carried.sequence + len(carried.payload)) % _NUMBERS
        if (end - expected) % _NUMBERS < _BEHIND:
            self.expected = end
        self.payload_bytes += len(carried.payload) - skip
        return carried.payload[skip:]


@dataclass(slots=True)
class _Conversation:
    tape: Tape
    sequence: _Sequence = field(default_factory=_Sequence)


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
    delivered: Counter[Ends] = field(default_factory=Counter)
    """How many datagrams of each conversation the sink got."""
    _answered: frozenset[Ends] = frozenset()
    _open: dict[Ends, _Conversation] = field(default_factory=dict)
    _again: frozenset[Ends] = frozenset()
    """If not empty: only these are read, a second time."""
    _there: Counter[Ends] = field(default_factory=Counter)
    _sequences: dict[Ends, _Sequence] = field(default_factory=dict)
    _fragmented: dict[tuple[str, str, int], Ends] = field(default_factory=dict)

    def go_through(self, captured: Callable[[], Iterable[Packet]]) -> None:
        """Record every conversation that no flow was made for yet, and those again that the sink got only in part."""
        self._answered = frozenset(self.recorder.seen)
        self._read(captured())
        for ends, sequence in self._sequences.items():
            self.recorder.counts.unread_bytes += max(
                0, sequence.payload_bytes - self.recorder.wire_bytes[ends]
            )
        if in_part := {
            ends: missed
            for ends, count in self._there.items()
            if (missed := count - self.delivered[ends]) > 0
        }:
            self.recorder.counts.undelivered_datagrams += sum(in_part.values())
            for ends in in_part:
                self.recorder.forget(ends)
            self._again = frozenset(in_part)
            self._read(captured())
        self.datagrams.close()
        for conversation in self._open.values():
            conversation.tape.ended_s = conversation.tape.moved_s
            conversation.tape.close()

    def _read(self, captured: Iterable[Packet]) -> None:
        at_s = 0.0
        self.recorder.clock = lambda: at_s
        for packet in captured:
            at_s = (packet.at_ns - self.zero_ns) / 1e9
            carried = packets.read(packet.data)
            ends = self._ends(carried, packet.outgoing)
            if self._again and ends not in self._again:
                continue
            if packet.outgoing:
                self._came_back(carried, ends)
            else:
                self._left(carried, ends)

    def _ends(self, carried: Carried, outgoing: bool) -> Ends:
        """Who talks to whom, as the product sees it."""
        product, other = (carried.source, carried.source_port), (carried.destination, carried.port)
        if outgoing:
            product, other = other, product
        ends = Ends(carried.protocol, *other, *product)
        return ends if carried.fragment is None else self._first_of(carried, ends)

    def _left(self, carried: Carried, ends: Ends) -> None:
        if carried.upkeep:
            self.upkeep += 1
        elif ends in self._answered and ends not in self._again:
            self._count(carried, ends)
        elif carried.protocol == "udp":
            self.datagrams.took(ends, carried.payload)
        elif conversation := self._conversation(ends):
            conversation.tape.moved()
            tcp = carried.protocol == "tcp"
            conversation.tape.sent(conversation.sequence.new(carried) if tcp else carried.payload)

    def _count(self, carried: Carried, ends: Ends) -> None:
        """What was there, to compare with what the sink got."""
        if carried.protocol == "tcp":
            self._sequences.setdefault(ends, _Sequence()).new(carried)
        elif carried.port:  # not a later part of a datagram
            self._there[ends] += 1

    def _came_back(self, carried: Carried, ends: Ends) -> None:
        if carried.protocol == "udp":
            self.datagrams.came_back(ends, carried.payload)
        elif known := self._open.get(ends):
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
