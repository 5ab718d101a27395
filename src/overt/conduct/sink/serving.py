"""What the sink's process does: lock itself down, serve until told to stop, write down what was not kept.

It reads what strangers wrote, so that the kernel holds it before the first byte of theirs: all that has a name for it
is the folder of its own evidence and, for reading, the recorded files; it starts no program, connects to nothing, and
keeps of root's rights those to answer from any address (`overt.sandbox.policy.SINK`). The capture, a process of its
own, may only write to its file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import ssl
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import dns.rdata
import msgspec

from overt.conduct.evidence.folder import RunFolder
from overt.conduct.evidence.records import Mode
from overt.conduct.sink import capture, conversation, echoes, relay, sockets, uplink
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.capture import Captured
from overt.conduct.sink.connections import Connections
from overt.conduct.sink.conversation import Sinkhole
from overt.conduct.sink.datagrams import Datagrams
from overt.conduct.sink.forgery import Forging
from overt.conduct.sink.forward import Forward
from overt.conduct.sink.kept import Kept
from overt.conduct.sink.names import Names
from overt.conduct.sink.plan import SinkPlan
from overt.conduct.sink.relay import Relay
from overt.conduct.sink.residue import Residue
from overt.conduct.sink.resolver import Resolver
from overt.conduct.sink.responses import Folder, Responder
from overt.conduct.sink.stream import Stream
from overt.conduct.sink.tape import Recorder
from overt.conduct.sink.zone import Zone
from overt.core.errors import ConductError
from overt.sandbox.lockdown import lock
from overt.sandbox.policy import CAPTURE, SINK
from overt.sandbox.view import Shown, confine_to

COUNTS, LOG = "sink.json", "sink.log"
SWEEP_S = 2.0
SPARE_DESCRIPTORS = 500
"""Besides those of connections."""
READY = b"+"
NO_CHECK_TIME = 0x20_0000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL (x509_vfy.h), for which Python has no name."""
_HERE, _REPLAY = "/evidence", "/replay"
_STANDARD = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Task:
    """Everything that the sink's process works with."""

    plan: SinkPlan
    authority: Authority
    hosts: Mapping[str, Folder]
    work: Path
    """Where its evidence goes."""
    interface: str
    clock_zero: float
    forging: Forging
    namespace: int
    """Pass-through: descriptor of the host's network; below 0: the one that it is in."""
    listeners: sockets.Listeners
    tap: socket.socket
    ready: int
    stop: int

    @property
    def descriptors(self) -> set[int]:
        """All that it needs of what its parent has open."""
        listening = {listener.fileno() for listener in self.listeners.all}
        return {*_STANDARD, *listening, self.tap.fileno(), self.ready, self.stop, max(0, self.namespace)}


def serve_and_exit(task: Task) -> NoReturn:
    """What the sink's process does. Its evidence goes to its current folder, before and after it locks itself down."""
    status = 1
    try:
        # Ctrl-C goes to all of us: the evidence is completed first.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.chdir(task.work)
        resource.setrlimit(resource.RLIMIT_DATA, 2 * (task.plan.limits.max_memory_bytes,))
        _more_descriptors(task.plan.limits.max_connections + SPARE_DESCRIPTORS)
        serve(task)
        status = 0
    except BaseException:
        Path(LOG).write_text(traceback.format_exc())
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


def serve(task: Task) -> None:
    """Answer everything until `task.stop` can be read, then complete the evidence. Raises `OSError`, `ConductError`,
    `ConfinementError`."""
    passing = task.plan.mode is Mode.PASS_THROUGH
    way = uplink.begin(task.namespace, task.plan.resolver) if passing else None
    trusted = relay.trusted() if passing else ""
    capture_end, counted, recording = _fork_capture(task)
    _warm_up(task.authority)
    keep = task.descriptors - {task.tap.fileno(), task.namespace} | {capture_end, counted}
    _confine(task, keep | ({way.maker.fileno()} if way else set()))
    names = Names(task.plan.names_network, task.plan.names_network6)
    recorder = Recorder(RunFolder(Path()), names, task.plan.limits, task.clock_zero)
    resolver = Resolver(names, Zone.of(task.plan.records))
    hole = Sinkhole(task.authority, Responder(resolver, _inside(task.hosts), task.forging), task.plan.limits)
    converse: Callable[[Stream], Awaitable[None]] = partial(conversation.converse, hole=hole)
    if way is not None:
        converse = Relay(hole, way, trusted).converse
    datagrams = Datagrams(recorder, resolver, forward=Forward(names, way) if way else None)
    asyncio.run(_answer(task, Connections(recorder, task.plan.limits, converse), datagrams))
    os.close(capture_end)
    captured = _counted(recording, counted)
    zero_ns = time.time_ns() - int((time.monotonic() - task.clock_zero) * 1e9)
    silent = Datagrams(recorder, resolver, answers=False)
    residue = Residue(recorder, silent, zero_ns, delivered=datagrams.delivered)
    residue.go_through(lambda: capture.packets(Path(capture.FILE)))
    recorder.close()
    kept = _kept(recorder, captured, residue)
    Path(COUNTS).write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")


def _kept(recorder: Recorder, captured: Captured, residue: Residue) -> Kept:
    counts = recorder.counts
    return Kept(
        zero_ns=residue.zero_ns,
        packets=captured.packets,
        dropped_packets=captured.dropped,
        cut_packets=captured.cut,
        upkeep_packets=residue.upkeep,
        cut_bytes=counts.cut_bytes,
        unread_bytes=counts.unread_bytes,
        unrecorded_flows=counts.unrecorded_flows,
        unnoted_requests=counts.unnoted_requests,
        closed_for_room=counts.closed_for_room,
        undelivered_datagrams=counts.undelivered_datagrams,
        names_without_address=recorder.names.shared,
        failures=dict(counts.failures),
    )


def _confine(task: Task, keep: set[int]) -> None:
    """Raises `ConfinementError`: then it does not serve."""
    recorded = (Shown(folder.path, place) for place, folder in zip(_places(task.hosts), task.hosts.values()))
    confine_to(SINK, (Shown(task.work, _HERE, writable=True), *recorded), task.work, keep)


def _inside(hosts: Mapping[str, Folder]) -> dict[str, Folder]:
    """Recorded hosts, with their folders where they are now."""
    return {
        host: replace(folder, path=Path(place))
        for place, (host, folder) in zip(_places(hosts), hosts.items())
    }


def _places(hosts: Mapping[str, Folder]) -> list[str]:
    return [f"{_REPLAY}/{number}" for number in range(len(hosts))]


def _warm_up(authority: Authority) -> None:
    """Have everything loaded that libraries load at its first use: afterwards there is no file to load."""
    load_all: Callable[[], object] = dns.rdata.load_all_types
    load_all()
    "a".encode("idna")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=authority.pem.decode())
    client.verify_flags |= NO_CHECK_TIME  # a machine's clock may be ahead, and its certificates with it
    ends = [(ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in range(2)]
    server = authority.context(("localhost",), ("http/1.1",)).wrap_bio(*ends[0], server_side=True)
    for side, there, back in (
        (client.wrap_bio(*ends[1], server_hostname="localhost"), ends[1][1], ends[0][0]),
        (server, ends[0][1], ends[1][0]),
    ) * 2:
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
        back.write(there.read())


async def _answer(task: Task, connections: Connections, datagrams: Datagrams) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    limits, listeners = task.plan.limits, task.listeners
    loop.add_reader(task.stop, stopped.set)
    for listener in listeners.datagrams:
        datagrams.listen(listener)
    if task.plan.mode is not Mode.PASS_THROUGH:
        echoes.serve(listeners.echoes)
    accepting = [asyncio.ensure_future(connections.listen(listener)) for listener in listeners.connections]
    os.write(task.ready, READY)
    os.close(task.ready)
    while not stopped.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), SWEEP_S)
        connections.sweep(limits.idle_s)
        datagrams.sweep(limits.datagram_idle_s)
        datagrams.recorder.flush()
    loop.remove_reader(task.stop)
    for waiting in accepting:
        waiting.cancel()
    await asyncio.gather(*accepting, return_exceptions=True)
    await connections.stop(listeners.connections, limits.stop_s)
    for listener in (*listeners.datagrams, listeners.echoes):
        loop.remove_reader(listener)
    datagrams.drain(listeners.datagrams)
    datagrams.close()
    listeners.close()


def _fork_capture(task: Task) -> tuple[int, int, int]:
    """Capture in a process of its own: a busy sink must not cost packets. It outlives the sink, to have its last.
    Descriptors that end it when they are closed, and that say what it counted; and its process."""
    stop, end = os.pipe()
    counted, count = os.pipe()
    pid = os.fork()
    if pid == 0:
        _capture_and_exit(task, stop, count)
    task.tap.close()
    os.close(stop)
    os.close(count)
    return end, counted, pid


def _capture_and_exit(task: Task, stop: int, count: int) -> NoReturn:
    """What the capture's process does."""
    status = 1
    try:
        file = os.open(capture.FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        lock(CAPTURE, {*_STANDARD, task.tap.fileno(), stop, count, file})
        captured = capture.record(task.tap, task.interface, file, task.plan.limits, stop)
        os.write(count, msgspec.json.encode(captured))
        status = 0
    except BaseException as error:
        os.write(count, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(status)


def _counted(pid: int, counted: int) -> Captured:
    """What the capture says at its end. Raises `ConductError`."""
    with open(counted, "rb") as stream:
        said = stream.read()
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise ConductError(f"the capture failed: {said.decode(errors='replace')}: is the disk full?")
    return msgspec.json.decode(said, type=Captured)
