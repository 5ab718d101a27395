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
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from overt.conduct.evidence.records import Access, Blind, Losses, Record
from overt.conduct.observe import fanotify
from overt.conduct.observe.clock import Reading, reading
from overt.conduct.observe.fanotify import Mask, Range
from overt.conduct.observe.naming import Names
from overt.conduct.observe.opened import Contents
from overt.conduct.observe.raw import RawProcess
from overt.conduct.observe.residents import LAB, Residents
from overt.conduct.observe.tally import MAX_ENTRIES, Tally, printable

CUT, STOP, DONE = b"c", b"s", b"."
MAX_DESCRIPTORS = 1 << 17
"""One for each live process, and 20 for events: more than there can be processes by default (32,768)."""
SPARE_DESCRIPTORS = 500
"""For events and the observer's own files, beside one for each live process."""
MAX_COMPLAINTS = 200
MAX_WRITTEN_BYTES = 8 << 30
"""Of records on the lab's disk; what does not fit is counted as lost."""
MAX_ROUNDS = 20_000
"""Of reading what waits, 20 events at most each."""
CLOCK_S = 10.0
"""Between two readings of both clocks."""
DESCRIPTORS = "/proc/self/fd"
"""Where it stands while it watches: from here, what a descriptor is called is the shortest question."""
URGENT = -10
"""Scheduling priority: the product waits for the answer."""

EXEC, OPEN, PRE = int(Mask.OPEN_EXEC_PERM), int(Mask.OPEN_PERM), int(Mask.PRE_ACCESS)
MODIFY, OVERFLOW, ACCESS = int(Mask.MODIFY), int(Mask.OVERFLOW), int(Mask.ACCESS)


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
    """The loop. `groups` are fanotify groups; `control` is the session's end of a socket pair."""

    groups: tuple[int, ...]
    control: int
    zero_s: float
    residents_stream: BinaryIO
    accesses_stream: BinaryIO
    own_depth: int
    everyone: bool
    prefixes: tuple[tuple[str, str], ...]
    """(mount as the lab sees it, as the product sees it), for those that see the lab's mounts."""
    contents: Contents
    names: Names | None = None
    """Where the product may mount: what it calls a file is not believed."""
    _tally: Tally = field(default_factory=Tally)
    _poll: select.epoll = field(default_factory=select.epoll)
    _ends: dict[int, int] = field(default_factory=dict)
    _tentative: dict[tuple[int, int, int], tuple[str, float, int, int]] = field(default_factory=dict)
    _complaints: dict[tuple[str, int | None], Blind] = field(default_factory=dict)
    _encoder: msgspec.json.Encoder = field(default_factory=msgspec.json.Encoder)
    _residents: Residents = field(init=False)
    _overflows: int = 0
    _unnamed: int = 0
    _other: int = 0
    _events: int = 0
    _stopping: bool = False
    _most_ends: int = 0
    _gone: list[int] = field(default_factory=list)
    """Killed before their end could be waited for."""
    _clock: list[Reading] = field(default_factory=list)

    @property
    def poll_descriptor(self) -> int:
        """What it waits on: to be kept open where others are closed."""
        return self._poll.fileno()

    def run(self) -> Trailer:
        """Answer until told to stop."""
        self._residents = Residents(
            self.own_depth, self.everyone, self._met, self._write_process, self._executed
        )
        self._most_ends = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_DESCRIPTORS
        for descriptor in (*self.groups, self.control):
            self._poll.register(descriptor, select.EPOLLIN)
        os.chdir(DESCRIPTORS)
        self._keep_reading_clocks()
        while not self._stopping:
            over, asked = [], False
            for descriptor, _ in self._poll.poll():
                if descriptor in self.groups:
                    self._drain(descriptor)
                elif descriptor == self.control:
                    asked = True
                else:
                    over.append(descriptor)
            if over:
                self._finish(over)
            if asked:
                self._obey()
        return self._trailer()

    def _finish(self, over: list[int]) -> None:
        """Processes ended: first what they did before."""
        self._drain_all()
        for pidfd in over:
            self._end(pidfd)

    def _drain_all(self) -> None:
        """Whatever waits now; `MAX_ROUNDS`, since somebody may go on asking for ever."""
        for _ in range(MAX_ROUNDS):
            ready = select.select(self.groups, [], [], 0)[0]
            if not ready:
                return
            for group in ready:
                self._drain(group)

    def _drain(self, group: int) -> None:
        try:
            read = os.read(group, fanotify.BUFFER_BYTES)
        except OSError as error:  # the kernel could not hand a file over, and refused it to the product
            self._other += 1
            return self._complain(
                f"the kernel refused the product a file that it could not show: {error.strerror}"
            )
        for mask, descriptor, pid, found in fanotify.events(read):
            self._events += 1
            if descriptor < 0:
                self._overflows += 1 if mask & OVERFLOW else 0
                continue
            try:
                self._event(group, mask, descriptor, pid, found)
            except Exception as error:  # whatever it was: the product's process must not wait for ever
                self._other += 1
                self._complain(f"an event of process {pid} could not be recorded: {error!r}")
                if mask & fanotify.PERMISSION:
                    _allow(group, descriptor)
            finally:
                os.close(descriptor)
            while self._gone:
                self._residents.ended(self._gone.pop(), time.monotonic() - self.zero_s)
        if self._tally.full:
            self._write_accesses()

    def _event(self, group: int, mask: int, descriptor: int, pid: int, found: Range | None) -> None:
        path = self._path(descriptor, pid)
        at_s = time.monotonic() - self.zero_s
        if mask & EXEC:
            self._announced(pid, path, descriptor, at_s)
            return fanotify.allow(group, descriptor)
        part_of_exec = mask & OPEN and self._residents.opens_announced(pid, path)
        number = LAB if part_of_exec else self._residents.number(pid, at_s)
        if mask & fanotify.PERMISSION:
            fanotify.allow(group, descriptor)
        if number is None:
            self._stranger(pid, mask, path)
        elif number != LAB:
            self._happened(number, mask, path, descriptor, found, at_s)

    def _happened(
        self, number: int, mask: int, path: str, descriptor: int, found: Range | None, at_s: float
    ) -> None:
        if mask & OPEN:
            status = os.fstat(descriptor)
            name = self._name(number, path, descriptor, status)
            if not self._tally.count(number, "open", name):
                access = Access.LIST if stat.S_ISDIR(status.st_mode) else Access.OPEN
                self._tally.add(number, "open", name, access, at_s)
        elif mask & PRE and found is not None:
            self._ranges(number, path, descriptor, found, at_s)
        elif mask & MODIFY:
            status = os.fstat(descriptor)
            self._tentative.pop(
                (number, status.st_dev, status.st_ino), None
            )  # what was announced was a write

    def _name(self, number: int, path: str, descriptor: int, status: os.stat_result) -> str:
        """The name that a file had before the product came, whatever the product calls it."""
        name = self.contents.name(descriptor, status, path)
        if name is None or name == self._inside(path):
            return path
        if not name:
            self._complain(
                f"used a file of the system as {printable(path)}: its first name is not known", by=number
            )
            return path
        if self.contents.is_hidden(name, path):
            self._complain(f"used {name} under another name, {printable(path)}", by=number, attempt=True)
        return name

    def _ranges(self, number: int, path: str, descriptor: int, found: Range, at_s: float) -> None:
        """Read or write: that is known by whether a change follows. Ranges are whole pages: the last is cut."""
        status = os.fstat(descriptor)
        key = number, status.st_dev, status.st_ino
        self._settle(key)
        offset, length = found
        if length:
            name = self._name(number, path, descriptor, status)
            self._tentative[key] = name, at_s, offset, max(0, min(length, status.st_size - offset))
            if len(self._tentative) > MAX_ENTRIES:
                self._settle_all()

    def _settle(self, key: tuple[int, int, int]) -> None:
        before = self._tentative.pop(key, None)
        if before is not None:
            path, at_s, offset, length = before
            self._tally.read(key[0], path, at_s, offset, length)

    def _settle_all(self) -> None:
        for key in list(self._tentative):
            self._settle(key)

    def _path(self, descriptor: int, pid: int) -> str:
        try:
            path = os.readlink(str(descriptor))
        except OSError as error:  # ENAMETOOLONG: deeper than the kernel can name
            status = os.fstat(descriptor)
            path = f"(a file without a name: device {status.st_dev}, inode {status.st_ino})"
            self._complain(f"process {pid} used {path}: {error.strerror}", attempt=True)
            return path
        return path if self.names is None else self._true(self.names, path, descriptor, pid)

    def _true(self, names: Names, path: str, descriptor: int, pid: int) -> str:
        try:
            found = names.true(path, descriptor, pid)
        except OSError:
            return path  # killed while it waited
        if found is None:
            self._complain(
                f"a file that process {pid} calls {printable(path)} was used through a mount without a name"
            )
        return path if found is None else found

    def _inside(self, path: str) -> str:
        """As the product names it: who is in the lab's own mount namespace sees the lab's mounts."""
        if self.everyone:
            for outside, inside in self.prefixes:
                if path == outside or path.startswith(outside + "/"):
                    return inside.rstrip("/") + path[len(outside) :] or "/"
        return path

    def _announced(self, pid: int, path: str, descriptor: int, at_s: float) -> None:
        try:
            self._residents.announced(pid, path, self.contents.digest(descriptor), at_s)
        except (FileNotFoundError, ProcessLookupError):
            pass  # killed while it waited: it executes nothing any more

    def _stranger(self, pid: int, mask: int, path: str) -> None:
        """It is gone. While the kernel held it, only a kill can have ended it: then it did not do what it asked for."""
        if pid == 0 or not mask & (fanotify.PERMISSION | MODIFY):
            self._unnamed += 1
            whose = "a process outside of the lab" if pid == 0 else f"process {pid}, which was gone"
            self._complain(f"{whose} used {printable(path)}")

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
            return self._complain(
                f"process {pid}: more processes at once than could be followed: its end is not known"
            )
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._gone.append(pid)
            return
        self._ends[pidfd] = pid
        self._poll.register(pidfd, select.EPOLLIN)

    def _end(self, pidfd: int) -> None:
        self._poll.unregister(pidfd)
        os.close(pidfd)
        self._residents.ended(self._ends.pop(pidfd), time.monotonic() - self.zero_s)

    def _executed(self, number: int, path: str, at_s: float) -> None:
        if not self._tally.count(number, "execute", path):
            self._tally.add(number, "execute", path, Access.EXECUTE, at_s)

    def _obey(self) -> None:
        """Everything that was under way is drained: each product process that asked has its answer or waits now."""
        word = os.read(self.control, 1)
        self._drain_all()
        if word != CUT:
            self._finish([pidfd for pidfd, _ in self._poll.poll(0) if pidfd in self._ends])
            self._residents.close()
            self._stopping = True
        self._write_accesses()
        if word == CUT:
            os.write(self.control, DONE)

    def _write_process(self, process: RawProcess) -> None:
        process = msgspec.structs.replace(process, program=self._inside(process.program))
        self.residents_stream.write(self._encoder.encode(process) + b"\n")

    def _write_accesses(self) -> None:
        self._settle_all()
        records = self._tally.take(self._inside)
        for record in records:
            if self.accesses_stream.tell() < MAX_WRITTEN_BYTES:
                self.accesses_stream.write(self._encoder.encode(record) + b"\n")
            else:
                self._other += 1
                self._complain(f"more was done with files than {MAX_WRITTEN_BYTES:,} bytes of records hold")
        self.accesses_stream.flush()
        self.residents_stream.flush()

    def _complain(self, what: str, by: int | None = None, attempt: bool = False) -> None:
        """Once for each `what` and process."""
        if len(self._complaints) < MAX_COMPLAINTS and (what, by) not in self._complaints:
            at_s = round(time.monotonic() - self.zero_s, 6)
            self._complaints[what, by] = Blind(at_s=at_s, what=what, by=by, attempt=attempt, defeated=attempt)

    def _trailer(self) -> Trailer:
        losses = Losses(file_events=self._overflows, unnamed_processes=self._unnamed, other=self._other)
        times = os.times()
        return Trailer(
            losses=losses,
            blind=tuple(self._complaints.values()),
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
