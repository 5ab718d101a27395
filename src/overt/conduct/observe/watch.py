"""The observer's own process: answers the kernel, names who asked, and writes what happened.

It never opens a file by name after it has begun, but below /proc: a file on a marked file system would make it wait
for itself. Executables are read through the descriptor that the event brings, before their process may go on.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from overt.conduct.evidence.records import Blind, Losses, Record
from overt.conduct.observe import fanotify
from overt.conduct.observe.account import Account
from overt.conduct.observe.bell import RUNG, Bell
from overt.conduct.observe.clock import Reading, reading
from overt.conduct.observe.fanotify import Mask, Range
from overt.conduct.observe.raw import RawProcess
from overt.conduct.observe.residents import LAB, Residents
from overt.conduct.observe.signs import Signs
from overt.conduct.observe.tally import printable

CUT, STOP, DONE = b"c", b"s", b"."
MAX_DESCRIPTORS = 1 << 17
"""One for each live process, and 20 for events: more than there can be processes by default (32,768)."""
SPARE_DESCRIPTORS = 500
"""For events and the observer's own files, beside one for each live process."""
MAX_WRITTEN_BYTES = 8 << 30
"""Of records on the lab's disk; what does not fit is counted as lost."""
MAX_ROUNDS = 20_000
"""Of reading what waits, 20 events at most each."""
CLOCK_S = 10.0
"""Between two readings of both clocks."""
AT_ONCE = 1_000
"""Records that are written together."""
URGENT = -10
"""Scheduling priority: the product waits for the answer."""

EXEC, OPEN, PRE = int(Mask.OPEN_EXEC_PERM), int(Mask.OPEN_PERM), int(Mask.PRE_ACCESS)
MODIFY, OVERFLOW = int(Mask.MODIFY), int(Mask.OVERFLOW)


class Trailer(Record, frozen=True, kw_only=True):
    """What the observer says at its end: without it, it did not end well."""

    losses: Losses
    blind: tuple[Blind, ...]
    events: int
    """How many the kernel told."""
    busy_s: float
    """Processor time that answering took."""
    clock: tuple[Reading, ...]
    """Both clocks, read together every now and then."""


@dataclass(slots=True)
class Watch:
    """The loop. `queue` is the fanotify group that it waits in, `folders` another or none; `control` is the session's
    end of a socket pair."""

    queue: int
    folders: int | None
    bell: Bell
    control: int
    zero_s: float
    residents_stream: BinaryIO
    accesses_stream: BinaryIO
    own_depth: int
    everyone: bool
    account: Account
    signs: Signs
    _ends: dict[int, int] = field(default_factory=dict)
    _encoder: msgspec.json.Encoder = field(default_factory=msgspec.json.Encoder)
    _residents: Residents = field(init=False)
    _overflows: int = 0
    _unnamed: int = 0
    _other: int = 0
    _events: int = 0
    _rung: bool = False
    _stopping: bool = False
    _most_ends: int = 0
    _written_bytes: int = 0
    _queues: select.poll = field(default_factory=select.poll)
    _gone: list[int] = field(default_factory=list)
    """Killed before their end could be waited for."""
    _clock: list[Reading] = field(default_factory=list)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """To be kept open where others are closed."""
        streams = self.residents_stream.fileno(), self.accesses_stream.fileno()
        return *self._groups, self.control, *streams, *self.bell.descriptors

    @property
    def _groups(self) -> tuple[int, ...]:
        return (self.queue,) if self.folders is None else (self.queue, self.folders)

    def run(self) -> Trailer:
        """Answer until told to stop."""
        self._residents = Residents(
            self.own_depth, self.everyone, self._met, self._write_process, self.account.executed
        )
        self._most_ends = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_DESCRIPTORS
        for group in self._groups:
            self._queues.register(group, select.POLLIN)
        for descriptor in (*self._groups[1:], self.control):
            self.bell.watch(descriptor)
        self._keep_reading_clocks()
        self.bell.begin()
        while not self._stopping:
            self._drain(self.queue)
            if self._rung:
                self._attend()
        return self._trailer()

    def _attend(self) -> None:
        """Whatever is no event of the queue."""
        self._rung = False
        ready = self.bell.ready()
        if self.folders is not None and self.folders in ready:
            self._drain(self.folders)
        over = [descriptor for descriptor in ready if descriptor in self._ends]
        if over:
            self._finish(over)
        if self.control in ready:
            self._obey()
        self.bell.heard()

    def _finish(self, over: list[int]) -> None:
        """Processes ended: first what they did before."""
        self._drain_all()
        for pidfd in over:
            self._end(pidfd)

    def _drain_all(self) -> None:
        """Whatever waits now; `MAX_ROUNDS`, since somebody may go on asking for ever."""
        for _ in range(MAX_ROUNDS):
            ready = self._queues.poll(0)
            if not ready:
                return
            for group, _ in ready:
                self._drain(group)

    def _drain(self, group: int) -> None:
        try:
            read = os.read(group, fanotify.BUFFER_BYTES)
        except OSError as error:  # the kernel could not hand a file over, and refused it to the product
            self._other += 1
            return self.signs.tell(
                f"the kernel refused the product a file that it could not show: {error.strerror}"
            )
        for mask, descriptor, pid, found in fanotify.events(read):
            self._events += 1
            if descriptor < 0:
                self._overflows += 1 if mask & OVERFLOW else 0
                self._rung = True  # it may have been the bell that could not be told
                continue
            try:
                if mask & RUNG:
                    self._rung = True
                else:
                    self._event(group, mask, descriptor, pid, found)
            except Exception as error:  # whatever it was: the product's process must not wait for ever
                self._other += 1
                self.signs.tell(f"an event of process {pid} could not be recorded: {error!r}")
                if mask & fanotify.PERMISSION:
                    _allow(group, descriptor)
            finally:
                os.close(descriptor)
        while self._gone:
            self._residents.ended(self._gone.pop(), time.monotonic() - self.zero_s)
        if self.account.tally.full:
            self._write_accesses()

    def _event(self, group: int, mask: int, descriptor: int, pid: int, found: Range | None) -> None:
        path = self.account.path(descriptor, pid)
        at_s = time.monotonic() - self.zero_s
        if mask & EXEC:
            self._announced(pid, path, descriptor, at_s)
            return fanotify.allow(group, descriptor)
        opening = mask & OPEN
        number = self._residents.number(pid, at_s, path if opening else "")
        if number is None:
            self._stranger(pid, mask, path)
        if mask & fanotify.PERMISSION:
            fanotify.allow(group, descriptor)
        if number is None or number == LAB:
            pass
        elif opening:
            self.account.opened(number, path, descriptor, at_s)
        elif mask & PRE and found is not None:
            self.account.ranged(number, path, descriptor, found, at_s)
        elif mask & MODIFY:
            self.account.changed(number, descriptor)

    def _announced(self, pid: int, path: str, descriptor: int, at_s: float) -> None:
        try:
            self._residents.announced(pid, path, self.account.contents.digest(descriptor), at_s)
        except (FileNotFoundError, ProcessLookupError):
            pass  # killed while it waited: it executes nothing any more

    def _stranger(self, pid: int, mask: int, path: str) -> None:
        """It is gone. While the kernel held it, only a kill can have ended it: then it did not do what it asked for."""
        held = mask & (fanotify.PERMISSION | MODIFY)
        if pid and held and not os.path.exists(f"/proc/{pid}"):
            return
        self._unnamed += 1
        whose = (
            "a process outside of the lab" if pid == 0 else f"process {pid}, which could not be identified,"
        )
        self.signs.tell(f"{whose} used {printable(path)}")

    def _keep_reading_clocks(self) -> None:
        """By a signal: a wait with an end would set a timer for each event."""

        def read(*_: object) -> None:
            self._clock.append(reading(self.zero_s))

        read()
        signal.signal(signal.SIGALRM, read)
        signal.setitimer(signal.ITIMER_REAL, CLOCK_S, CLOCK_S)

    def _met(self, pid: int) -> None:
        if len(self._ends) >= self._most_ends:
            self._other += 1
            return self.signs.tell(
                f"process {pid}: more processes at once than could be followed: its end is not known"
            )
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._gone.append(pid)
            return
        self._ends[pidfd] = pid
        self.bell.watch(pidfd)

    def _end(self, pidfd: int) -> None:
        self.bell.forget(pidfd)
        os.close(pidfd)
        self._residents.ended(self._ends.pop(pidfd), time.monotonic() - self.zero_s)

    def _obey(self) -> None:
        """Everything that was under way is drained: each product process that asked has its answer or waits now."""
        word = os.read(self.control, 1)
        self._drain_all()
        if word != CUT:
            self._finish([pidfd for pidfd in self.bell.ready() if pidfd in self._ends])
            self._residents.close()
            self._stopping = True
        self._write_accesses()
        if word == CUT:
            os.write(self.control, DONE)

    def _write_process(self, process: RawProcess) -> None:
        process = msgspec.structs.replace(process, program=self.account.inside(process.program))
        self.residents_stream.write(self._encoder.encode(process) + b"\n")

    def _write_accesses(self) -> None:
        records = self.account.take()
        while some := list(islice(records, AT_ONCE)):
            lines = self._encoder.encode_lines(some)
            self._written_bytes += len(lines)
            if self._written_bytes <= MAX_WRITTEN_BYTES:
                self.accesses_stream.write(lines)
            else:
                self._other += len(some)
                self.signs.tell(f"more was done with files than {MAX_WRITTEN_BYTES:,} bytes of records hold")
        self.accesses_stream.flush()
        self.residents_stream.flush()

    def _trailer(self) -> Trailer:
        losses = Losses(file_events=self._overflows, unnamed_processes=self._unnamed, other=self._other)
        times = os.times()
        return Trailer(
            losses=losses,
            blind=self.signs.all(),
            events=self._events,
            busy_s=round(times.user + times.system, 3),
            clock=tuple(self._clock),
        )


def settle_in() -> None:
    """Make the calling process fit to answer: no signal from a terminal, many descriptors, no pauses, first in line."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if most == resource.RLIM_INFINITY else min(MAX_DESCRIPTORS, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    os.setpriority(os.PRIO_PROCESS, 0, URGENT)
    with contextlib.suppress(PermissionError):  # root without CAP_SYS_RESOURCE
        Path("/proc/self/oom_score_adj").write_text("-1000")
    gc.collect()
    gc.disable()  # nothing here makes cycles, and a collection would hold the product


def _allow(group: int, descriptor: int) -> None:
    try:
        fanotify.allow(group, descriptor)
    except OSError:
        pass  # it was answered before the error
