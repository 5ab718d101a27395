"""What is kept of each flow: the payload in two files, the rest in one record.

A flow's bytes go to disk as they come, so that memory does not grow with them. Files are opened for each piece:
ten thousand flows need no ten thousand descriptors.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from overt.conduct.evidence.folder import FILES, RunFolder
from overt.conduct.evidence.records import Flow, Offered, Opened, Request
from overt.conduct.sink.hello import Hello
from overt.conduct.sink.names import Names
from overt.conduct.sink.plan import Limits
from overt.conduct.sink.resolver import Answered

MAX_REFUSED = 100_000
"""Conversations past `max_flows` that are told apart; more are counted as often as they show."""
NOTE_BYTES = 100
"""What a request that says nothing costs."""
WRITE_BYTES = 4096
"""Less of one stream waits for more, a few seconds at most."""
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends of a flow, as the product sees them."""

    protocol: str
    address: str
    port: int
    source: str
    source_port: int


@dataclass(slots=True)
class Asked:
    """A request while it goes on; it becomes a `Request` when its flow ends."""

    at_s: float
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    sent_bytes: int = 0
    status: int | None = None
    offered: Offered | None = None

    def record(self) -> Request:
        """As it is written down."""
        return Request(
            at_s=self.at_s,
            method=self.method,
            target=self.target,
            headers=self.headers,
            sent_bytes=self.sent_bytes,
            status=self.status,
            offered=self.offered,
        )


@dataclass(slots=True)
class Counts:
    """What was not kept, and why: each is 0 in a whole recording."""

    cut_bytes: int = 0
    """Past the limits on streams, or not written because the disk refused."""
    unrecorded_flows: int = 0
    """Past `max_flows`."""
    unnoted_requests: int = 0
    """Past `max_noted_bytes`, `max_all_noted_bytes` or `max_held_bytes`; their bytes are in their streams."""
    closed_for_room: int = 0
    """Silent connections that were closed since there were `max_connections`."""
    undelivered_datagrams: int = 0
    """They came faster than the sink read them. Their conversations are recorded from the capture instead."""
    unread_bytes: int = 0
    """On the wire of TCP connections, and never read from them: they came after the sink had closed."""
    failures: Counter[str] = field(default_factory=Counter)
    """Errors of the sink itself, by their text."""


class Tape:
    """One flow while it goes on."""

    def __init__(self, recorder: Recorder, number: int, ends: Ends) -> None:
        self.ends, self.number = ends, number
        self.application, self.server_name, self.alpn = "raw", "", tuple[str, ...]()
        self.opened, self.why = Opened.PLAIN, ""
        self.proven = False
        """Whether the server showed a valid certificate for the name that was asked for."""
        self.sent_bytes = self.received_bytes = 0
        self.wire_bytes = 0
        """Of TCP: what was read from the connection, encrypted or not."""
        self.began_s = recorder.now()
        self.moved_s = self.began_s
        self.ended_s: float | None = None
        self._recorder = recorder
        self._kept: dict[str, int] = {}
        self._waiting: dict[str, bytes] = {}
        self._requests: list[Asked] = []
        self._noted_bytes = 0

    def sent(self, data: bytes) -> None:
        """The product sent this."""
        self.sent_bytes += len(data)
        self._keep("out", data)

    def received(self, data: bytes) -> None:
        """The product was sent this."""
        self.received_bytes += len(data)
        self._keep("in", data)

    def hello(self, data: bytes, said: Hello) -> None:
        """The product said this in the clear before it encrypted; whom it named is a request to them."""
        self._keep("hello", data)
        self.server_name, self.alpn = self.server_name or said.server_name, self.alpn or said.alpn
        if said.server_name:
            self.asked("SNI", said.server_name)

    def moved(self) -> None:
        """Something happened: the connection is not idle."""
        self.moved_s = self._recorder.now()

    def asked(self, method: str, target: str, headers: tuple[tuple[str, str], ...] = ()) -> Asked:
        """Note a request; fill in the rest while it goes on."""
        asked = Asked(self._recorder.now(), method, target, headers)
        size = NOTE_BYTES + len(target) + sum(len(name) + len(value) for name, value in headers)
        if self._recorder.may_note(size, self._noted_bytes) and self.hold(size):
            self._noted_bytes += size
            self._recorder.noted_bytes += size
            self._requests.append(asked)
        else:
            self._recorder.counts.unnoted_requests += 1
        return asked

    def questions(self, answered: Answered, replied: bool = True) -> None:
        """Note what a message to a name server asked, and, if that was `replied` here, what it was answered."""
        for question in answered.questions:
            self.asked(question.kind, question.name).status = answered.status if replied else None

    def hold(self, size: int) -> bool:
        """Whether so many bytes more may be kept in memory for this flow; less than 0: so many less are."""
        if size > 0 and self._recorder.held_bytes + size > self._recorder.limits.max_held_bytes:
            return False
        self._recorder.held_bytes += size
        return True

    def opaque(self, why: str) -> None:
        """What this flow carries could not be read."""
        self.opened, self.why = Opened.OPAQUE, why

    def record(self) -> Flow:
        """The flow as it is written down."""
        self.flush()
        known = self._recorder.names.name(self.ends.address)
        return Flow(
            number=self.number,
            at_s=self.began_s,
            ended_s=self._recorder.now() if self.ended_s is None else self.ended_s,
            step=0,
            process=None,
            protocol=self.ends.protocol,
            application=self.application,
            address=self.ends.address,
            port=self.ends.port,
            source_port=self.ends.source_port,
            name=known or self.server_name,
            resolved=bool(known) or self.proven,
            server_name=self.server_name,
            alpn=self.alpn,
            opened=self.opened,
            why_opaque=self.why,
            sent_bytes=self.sent_bytes,
            received_bytes=self.received_bytes,
            sent=self._file("out"),
            received=self._file("in"),
            hello=self._file("hello"),
            requests=tuple(asked.record() for asked in self._requests),
        )

    def close(self) -> None:
        """The flow is over."""
        self._recorder.ended(self)
        self.hold(-self._noted_bytes)
        self._noted_bytes = 0

    def _file(self, ending: str) -> str:
        return f"streams/{self.number:05d}.{ending}" if self._kept.get(ending) else ""

    def flush(self) -> None:
        """Write what waits to be written."""
        for ending, waiting in self._waiting.items():
            kept = self._kept.get(ending, 0)
            self._kept[ending] = kept + self._recorder.keep(f"{self.number:05d}.{ending}", waiting, kept)
        self._waiting.clear()

    def _keep(self, ending: str, data: bytes) -> None:
        if not data:
            return
        self.moved_s = self._recorder.now()
        waiting = self._waiting[ending] = self._waiting.get(ending, b"") + data
        if len(waiting) >= WRITE_BYTES:
            self.flush()


class Recorder:
    """All flows of one run."""

    def __init__(self, folder: RunFolder, names: Names, limits: Limits, clock_zero: float) -> None:
        self.names, self.limits, self.counts = names, limits, Counts()
        self.live: dict[int, Tape] = {}
        self.seen: dict[Ends, list[int]] = {}
        """Every conversation that was recorded and its flows, for what goes through the capture afterwards."""
        self.clock: Callable[[], float] = lambda: time.monotonic() - clock_zero
        """Seconds since the run began."""
        self.held_bytes = 0
        """In memory for flows that go on, as far as they say so."""
        self.noted_bytes = 0
        """Of all requests noted so far."""
        self.wire_bytes: Counter[Ends] = Counter()
        """What was read from TCP connections."""
        self._streams = folder.path / "streams"
        self._path = folder.path / FILES[Flow]
        self._flows = open(self._path, "wb", buffering=0)
        self._lines: list[tuple[int, int, int]] = []
        self._dropped: set[int] = set()
        self._written = 0
        self._number = 0
        self._refused: set[Ends] = set()
        self._bytes = 0
        self._encoder = msgspec.json.Encoder()

    def now(self) -> float:
        """Seconds since the run began."""
        return self.clock()

    def may_note(self, size: int, already: int) -> bool:
        """Whether a flow of which `already` bytes of requests are noted may note so many more."""
        whole = self.noted_bytes + size <= self.limits.max_all_noted_bytes
        return whole and already + size <= self.limits.max_noted_bytes

    def begin(self, ends: Ends) -> Tape | None:
        """Start a flow; None when there are too many to record."""
        if self._number >= self.limits.max_flows:
            if ends not in self._refused:
                self.counts.unrecorded_flows += 1
            if len(self._refused) < MAX_REFUSED:
                self._refused.add(ends)
            return None
        self._number += 1
        tape = Tape(self, self._number, ends)
        self.live[tape.number] = tape
        self.seen.setdefault(ends, []).append(self._number)
        return tape

    def ended(self, tape: Tape) -> None:
        """Write one flow's record: at once, so that it is there whatever happens to the others."""
        if self.live.pop(tape.number, None):
            self.wire_bytes[tape.ends] += tape.wire_bytes
            self._write(tape.number, self._encoder.encode(tape.record()) + b"\n")

    def flush(self) -> None:
        """Write what waits to be written of flows that go on."""
        for tape in self.live.values():
            tape.flush()

    def forget(self, ends: Ends) -> None:
        """Drop the ended flows of one conversation: it is recorded again, from the capture."""
        for number in self.seen.pop(ends, []):
            self._dropped.add(number)
            for ending in ("out", "in", "hello"):
                path = self._streams / f"{number:05d}.{ending}"
                if path.exists():
                    self._bytes -= path.stat().st_size
                    path.unlink()

    def keep(self, name: str, data: bytes, kept: int) -> int:
        """Append to one stream's file, which holds `kept` bytes, as far as limits and disk allow: bytes written."""
        room = min(self.limits.max_stream_bytes - kept, self.limits.max_streams_bytes - self._bytes)
        written = self._append(name, data[: max(0, room)])
        self._bytes += written
        self.counts.cut_bytes += len(data) - written
        return written

    def close(self) -> None:
        """End every flow that still goes on, and put the records in the order of their numbers."""
        for tape in list(self.live.values()):
            tape.close()
        self._flows.close()
        ordered = self._path.with_suffix(".sorted")
        with open(self._path, "rb") as lines, open(ordered, "wb") as out:
            for number, offset, size in sorted(self._lines):
                if number not in self._dropped:
                    lines.seek(offset)
                    out.write(lines.read(size))
        ordered.replace(self._path)

    def _append(self, name: str, data: bytes) -> int:
        if not data:
            return 0
        try:
            descriptor = os.open(self._streams / name, _APPEND, 0o600)
            try:
                return os.write(descriptor, data)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.counts.failures[f"streams: {error.strerror}"] += 1
            return 0

    def _write(self, number: int, line: bytes) -> None:
        try:
            written = self._flows.write(line)
        except OSError as error:
            self.counts.failures[f"flows.jsonl: {error.strerror}"] += 1
            self.counts.unrecorded_flows += 1
            return
        self._lines.append((number, self._written, written or 0))
        self._written += written or 0
