"""The sink, as the lab starts and stops it: set up, fork, adopt what was written down.

Sink.start() ─ routes, sockets ─► fork ─► serving: asyncio over all connections and datagrams
                                           └─ fork ─► capture, which ends after it
Sink.stop() ─ closes a pipe ─► serving ends what is open, waits for the capture, and goes through it for the rest
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
from dataclasses import dataclass, field, replace

import msgspec

from overt.conduct.evidence.folder import FILES, RunFolder
from overt.conduct.evidence.records import Flow
from overt.conduct.sink import capture, routing, sockets
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.forgery import Forging
from overt.conduct.sink.kept import Kept, Outcome, outcome
from overt.conduct.sink.plan import SinkPlan
from overt.conduct.sink.responses import Folder
from overt.conduct.sink.serving import COUNTS, LOG, READY, Task, serve_and_exit
from overt.core.errors import ConductError
from overt.sandbox.lockdown import close_others

WORK, STREAMS = "sink", "streams"
"""Where the sink writes until it ends, in the run's folder; there, its payloads."""
READY_S = 30.0
STOP_S = 1800.0
"""For going through the capture: tens of thousands of packets a second."""


@dataclass(slots=True)
class Sink:
    """The sink of one run, as a child process of the one that starts it, in the same network namespace."""

    plan: SinkPlan
    authority: Authority
    folder: RunFolder
    interface: str
    """The sink's end of the chamber's only link."""
    clock_zero: float
    """When the run began, on the monotonic clock."""
    uplink: int = -1
    """Pass-through: descriptor of the network namespace from which the world is reached; -1: the one we are in."""
    forging: Forging = field(default_factory=Forging)
    """While it goes on, requests for updates are answered in their maker's place."""
    _pid: int = 0
    _stop_fd: int = -1

    def start(self) -> None:
        """Take over all traffic of `interface`. Raises `ConductError`; then nothing was started."""
        self.plan = _fitting(self.plan, shutil.disk_usage(self.folder.path).free)
        hosts = {host.lower(): Folder.read(path) for host, path in self.plan.replay.items()}
        work = self.folder.path.resolve() / WORK
        (work / STREAMS).mkdir(parents=True)
        routing.apply(self.interface, self.plan.mode)
        tap = capture.attach(self.interface)
        listeners = sockets.listen()
        ready_fd, ready = os.pipe()
        stop, self._stop_fd = os.pipe()
        task = Task(
            plan=self.plan,
            authority=self.authority,
            hosts=hosts,
            work=work,
            interface=self.interface,
            clock_zero=self.clock_zero,
            forging=self.forging,
            namespace=self.uplink,
            listeners=listeners,
            tap=tap,
            ready=ready,
            stop=stop,
        )
        self._pid = os.fork()
        if self._pid == 0:
            close_others(task.descriptors)
            serve_and_exit(task)
        listeners.close()
        tap.close()
        os.close(ready)
        os.close(stop)
        try:
            _await_ready(ready_fd)
        except ConductError:
            self._kill()
            self._adopt()
            raise
        finally:
            os.close(ready_fd)

    def stop(self) -> Outcome:
        """End every conversation, and go through the capture. Raises `ConductError` when that failed."""
        self._release()
        status = _waited(self._pid, STOP_S)
        if status is not None:
            self._pid = 0
        self._kill()
        self._adopt()
        path = self.folder.path / COUNTS
        if status != 0 or not path.exists():
            log = self.folder.path / LOG
            raise ConductError(f"the sink failed (status {status}), this run can't be judged: see {log}")
        return outcome(msgspec.json.decode(path.read_bytes(), type=Kept))

    def __enter__(self) -> Sink:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._release()
        self._kill()
        self._adopt()

    def _adopt(self) -> None:
        """Put what the sink wrote, which had no access to other evidence, where evidence is."""
        work = self.folder.path / WORK
        for name in (STREAMS, FILES[Flow], capture.FILE, COUNTS, LOG):
            if (work / name).exists():
                (work / name).rename(self.folder.path / name)
        shutil.rmtree(work, ignore_errors=True)

    def _release(self) -> None:
        """The sink ends when it is told to, or when nobody is left who could tell it."""
        if self._stop_fd >= 0:
            with contextlib.suppress(BrokenPipeError):  # it has died: that shows elsewhere
                os.write(self._stop_fd, b"!")  # others may have inherited this end: closing it is not enough
            os.close(self._stop_fd)
            self._stop_fd = -1

    def _kill(self) -> None:
        """End the process if it is still there; what it wrote stays."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0


def _fitting(plan: SinkPlan, free_bytes: int) -> SinkPlan:
    """The plan with limits that leave room on the disk for the other observers."""
    most = int(free_bytes * plan.limits.max_free_share)
    limits = replace(
        plan.limits,
        max_streams_bytes=min(plan.limits.max_streams_bytes, most),
        max_capture_bytes=min(plan.limits.max_capture_bytes, most),
    )
    return replace(plan, limits=limits)


def _await_ready(ready: int) -> None:
    """Raises `ConductError`."""
    readable, _, _ = select.select([ready], [], [], READY_S)
    if not readable or os.read(ready, 1) != READY:
        raise ConductError(f"the sink did not start: see {LOG} in the run's folder")


def _waited(pid: int, seconds: float) -> int | None:
    """A child's exit status (negative: signal), once it has ended; None if it hasn't within `seconds`."""
    descriptor = os.pidfd_open(pid)
    try:
        ended, _, _ = select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if ended else None
