"""The sink's process: set up, serve until told to stop, write down what was not kept.

Sink.start() ─ routes, sockets ─► fork ─► serve: asyncio over all connections and datagrams
                                           └─ fork ─► capture, which ends after it
Sink.stop() ─ closes a pipe ─► serve ends what is open, waits for the capture, and goes through it for the rest
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import select
import shutil
import signal
import socket
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn

import msgspec

from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Blind, Losses, Mode
from overt.conduct.sink import capture, conversation, echoes, routing, sockets, uplink
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.capture import Captured
from overt.conduct.sink.connections import Connections
from overt.conduct.sink.conversation import Sinkhole
from overt.conduct.sink.datagrams import Datagrams
from overt.conduct.sink.forward import Forward
from overt.conduct.sink.names import Names
from overt.conduct.sink.plan import SinkPlan
from overt.conduct.sink.relay import Relay
from overt.conduct.sink.residue import Residue
from overt.conduct.sink.resolver import Resolver
from overt.conduct.sink.responses import Folder, Responder
from overt.conduct.sink.stream import Stream
from overt.conduct.sink.tape import Recorder
from overt.conduct.sink.uplink import Uplink
from overt.conduct.sink.zone import Zone
from overt.core.errors import ConductError
from overt.sandbox.lockdown import close_others, drop_capabilities

COUNTS, LOG = "sink.json", "sink.log"
READY_S = 30.0
STOP_S = 1800.0
"""For going through the capture: tens of thousands of packets a second."""
SWEEP_S = 2.0
SPARE_DESCRIPTORS = 500
"""Besides those of connections."""
_READY = b"+"
_NETWORK = 1 << 10 | 1 << 12 | 1 << 13
"""CAP_NET_BIND_SERVICE, CAP_NET_ADMIN and CAP_NET_RAW: to answer from any port of any address."""


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of the traffic: `sink.json`."""

    zero_ns: int
    """When the run began: nanoseconds since 1970."""
    packets: int
    dropped_packets: int
    cut_packets: int
    upkeep_packets: int
    """Of the chamber's kernel: neighbour discovery and the like. No flow is made of them."""
    cut_bytes: int
    unread_bytes: int
    unrecorded_flows: int
    unnoted_requests: int
    closed_for_room: int
    undelivered_datagrams: int
    names_without_address: int
    failures: dict[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the sink knows that it did not keep."""

    losses: Losses
    blind: tuple[Blind, ...]


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
    _pid: int = 0
    _stop_fd: int = -1

    def start(self) -> None:
        """Take over all traffic of `interface`. Raises `ConductError`; then nothing was started."""
        self.plan = _fitting(self.plan, shutil.disk_usage(self.folder.path).free)
        hosts = {host.lower(): Folder.read(path) for host, path in self.plan.replay.items()}
        routing.apply(self.interface, self.plan.mode)
        tap = capture.attach(self.interface)
        listeners = sockets.listen()
        ready_fd, ready = os.pipe()
        stop, self._stop_fd = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            close_others({0, 1, 2, ready, stop, tap.fileno(), *_numbers(listeners), max(0, self.uplink)})
            _serve_and_exit(self, hosts, listeners, tap, ready, stop)
        listeners.close()
        tap.close()
        os.close(ready)
        os.close(stop)
        try:
            _await_ready(ready_fd)
        except ConductError:
            self._kill()
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


def outcome(kept: Kept) -> Outcome:
    """What was lost, as every observer says it, and in words."""
    losses = Losses(
        packets=kept.dropped_packets,
        stream_bytes=kept.cut_bytes + kept.unread_bytes,
        other=kept.unrecorded_flows + kept.unnoted_requests + sum(kept.failures.values()),
    )
    said = [
        (kept.cut_packets, "packets were kept only in part, since the capture had reached its limit"),
        (kept.unrecorded_flows, "conversations have no record of their own, since there were too many"),
        (
            kept.unnoted_requests,
            "requests were not noted one by one, since there were too many in one conversation",
        ),
        (kept.cut_bytes, "bytes of payload were past the limits on what is kept"),
        (kept.unread_bytes, "bytes came on connections that were closed already; the capture has them"),
        (kept.closed_for_room, "silent connections were closed, since too many were open"),
        (kept.undelivered_datagrams, "datagrams came too fast to be answered; they were recorded"),
        (kept.names_without_address, "names shared one address, since there were too many"),
    ]
    said += [(count, f"times the sink itself failed: {text}") for text, count in kept.failures.items()]
    blind = (
        Blind(at_s=None, what=f"{count:,} {what}.", by=None, attempt=False, defeated=False)
        for count, what in said
        if count
    )
    return Outcome(losses, tuple(blind))


def _serve_and_exit(
    sink: Sink,
    hosts: Mapping[str, Folder],
    listeners: sockets.Listeners,
    tap: socket.socket,
    ready: int,
    stop: int,
) -> NoReturn:
    """What the child does."""
    status = 1
    try:
        signal.signal(
            signal.SIGINT, signal.SIG_IGN
        )  # Ctrl-C goes to all of us: the evidence is completed first
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_DATA, 2 * (sink.plan.limits.max_memory_bytes,))
        _more_descriptors(sink.plan.limits.max_connections + SPARE_DESCRIPTORS)
        passing = sink.plan.mode is Mode.PASS_THROUGH
        way = uplink.begin(sink.uplink, sink.plan.resolver, sink.plan.private) if passing else None
        if sink.uplink >= 0:
            os.close(sink.uplink)
        drop_capabilities(_NETWORK)  # it reads what strangers wrote
        serve(sink, hosts, listeners, tap, way, ready, stop)
        status = 0
    except BaseException:
        (sink.folder.path / LOG).write_text(traceback.format_exc())
    finally:
        os._exit(status)


def _more_descriptors(wanted: int) -> None:
    """Raises `ConductError` when the system's limit does not allow for so many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, most)))
    except (ValueError, OSError) as error:
        raise ConductError(
            f"the sink may open {most} files, and needs {wanted}: raise 'ulimit -Hn', or lower max_connections"
        ) from error


def serve(
    sink: Sink,
    hosts: Mapping[str, Folder],
    listeners: sockets.Listeners,
    tap: socket.socket,
    way: Uplink | None,
    ready: int,
    stop: int,
) -> None:
    """Answer everything until `stop` can be read, then complete the evidence. Raises `OSError`, `ConductError`."""
    end, capture_end = os.pipe()
    counted, count = os.pipe()
    recording = _fork_capture(sink, tap, end, count, (capture_end, counted, stop, *_numbers(listeners)))
    tap.close()
    os.close(end)
    os.close(count)
    names = Names(sink.plan.names_network, sink.plan.names_network6)
    recorder = Recorder(sink.folder, names, sink.plan.limits, sink.clock_zero)
    resolver = Resolver(names, Zone.of(sink.plan.records))
    hole = Sinkhole(sink.authority, Responder(resolver, hosts), sink.plan.limits)
    converse: Callable[[Stream], Awaitable[None]] = partial(conversation.converse, hole=hole)
    if way is not None:
        converse = Relay(hole, way).converse
    datagrams = Datagrams(recorder, resolver, forward=Forward(names, way) if way else None)
    connections = Connections(recorder, sink.plan.limits, converse)
    asyncio.run(_answer(sink, listeners, connections, datagrams, ready, stop))
    os.close(capture_end)
    captured = _counted(recording, counted)
    zero_ns = time.time_ns() - int((time.monotonic() - sink.clock_zero) * 1e9)
    silent = Datagrams(recorder, resolver, answers=False)
    residue = Residue(recorder, silent, zero_ns, delivered=datagrams.delivered)
    residue.go_through(lambda: capture.packets(sink.folder.path / capture.FILE))
    recorder.close()
    kept = Kept(
        zero_ns=zero_ns,
        packets=captured.packets,
        dropped_packets=captured.dropped,
        cut_packets=captured.cut,
        upkeep_packets=residue.upkeep,
        cut_bytes=recorder.counts.cut_bytes,
        unread_bytes=recorder.counts.unread_bytes,
        unrecorded_flows=recorder.counts.unrecorded_flows,
        unnoted_requests=recorder.counts.unnoted_requests,
        closed_for_room=recorder.counts.closed_for_room,
        undelivered_datagrams=recorder.counts.undelivered_datagrams,
        names_without_address=names.shared,
        failures=dict(recorder.counts.failures),
    )
    (sink.folder.path / COUNTS).write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")


async def _answer(
    sink: Sink,
    listeners: sockets.Listeners,
    connections: Connections,
    datagrams: Datagrams,
    ready: int,
    stop: int,
) -> None:
    loop, stopped, limits = asyncio.get_running_loop(), asyncio.Event(), sink.plan.limits
    loop.add_reader(stop, stopped.set)
    for listener in listeners.datagrams:
        datagrams.listen(listener)
    if sink.plan.mode is not Mode.PASS_THROUGH:
        echoes.serve(listeners.echoes)
    accepting = [asyncio.ensure_future(connections.listen(listener)) for listener in listeners.connections]
    os.write(ready, _READY)
    os.close(ready)
    while not stopped.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), SWEEP_S)
        connections.sweep(limits.idle_s)
        datagrams.sweep(limits.datagram_idle_s)
        datagrams.recorder.flush()
    loop.remove_reader(stop)
    for task in accepting:
        task.cancel()
    await asyncio.gather(*accepting, return_exceptions=True)
    await connections.stop(listeners.connections, limits.stop_s)
    for listener in (*listeners.datagrams, listeners.echoes):
        loop.remove_reader(listener)
    datagrams.drain(listeners.datagrams)
    datagrams.close()
    listeners.close()


def _fork_capture(sink: Sink, tap: socket.socket, stop: int, count: int, others: tuple[int, ...]) -> int:
    """Capture in a process of its own: a busy sink must not cost packets. It outlives the sink, to have its last."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        for descriptor in others:  # or it would hold what tells it, and others, to stop
            os.close(descriptor)
        path = sink.folder.path / capture.FILE
        captured = capture.record(tap, sink.interface, path, sink.plan.limits, stop)
        os.write(count, msgspec.json.encode(captured))
        status = 0
    except BaseException:
        (sink.folder.path / LOG).write_text(traceback.format_exc())
    finally:
        os._exit(status)


def _counted(pid: int, counted: int) -> Captured:
    """What the capture says at its end. Raises `ConductError`."""
    with open(counted, "rb") as stream:
        said = stream.read()
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise ConductError("the capture failed: is the disk full?")
    return msgspec.json.decode(said, type=Captured)


def _numbers(listeners: sockets.Listeners) -> tuple[int, ...]:
    return tuple(listener.fileno() for listener in listeners.all)


def _await_ready(ready: int) -> None:
    """Raises `ConductError`."""
    readable, _, _ = select.select([ready], [], [], READY_S)
    if not readable or os.read(ready, 1) != _READY:
        raise ConductError(f"the sink did not start: see {LOG} in the run's folder")


def _waited(pid: int, seconds: float) -> int | None:
    """A child's exit status (negative: signal), once it has ended; None if it hasn't within `seconds`."""
    descriptor = os.pidfd_open(pid)
    try:
        ended, _, _ = select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if ended else None
