"""Slow, broken, flooding and endless clients: all is bounded, counted, and nothing hangs."""

from __future__ import annotations

import os
import resource
import selectors
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Flow, Mode
from overt.conduct.sink.names import Names
from overt.conduct.sink.plan import NAMES4, NAMES6, Limits, SinkPlan
from overt.conduct.sink.tape import Ends, Recorder
from tests.conduct.sink.lab import Net, network
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.kernel

HOST = "203.0.113.50"


def connected(port: int = 9999) -> socket.socket:
    return socket.create_connection((HOST, port), PATIENCE_S)


@pytest.fixture
def patient(ready: None, tmp_path: Path) -> Iterator[Net]:
    """A sink that waits for the rest of what began like a protocol, however late it comes."""
    with network(tmp_path, SinkPlan(Mode.SINK, limits=Limits(undecided_s=PATIENCE_S))) as wired:
        yield wired


def test_resets_half_open_and_slow_clients(patient: Net) -> None:
    net = patient

    def misbehave() -> None:
        broken = connected(1001)
        broken.sendall(b"then reset")
        time.sleep(0.1)
        broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        broken.close()
        half = connected(1002)
        half.sendall(b"GET / HTTP/1.1\r\nHost: half.example\r\n\r\n")
        half.shutdown(socket.SHUT_WR)
        assert half.recv(100).startswith(b"HTTP/1.1 200")
        slow = connected(1003)
        for byte in b"POST /slow HTTP/1.1\r\nHost: slow.example\r\nContent-Length: 4\r\n\r\nabcd":
            slow.sendall(bytes([byte]))
            time.sleep(0.005)
        assert slow.recv(100).startswith(b"HTTP/1.1 200")
        connected(1004).close()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as early:
            early.connect((HOST, 1005))
            early.sendall(b"at once")
            early.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wrong = connected(1006)
        wrong.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\nbody that follows")
        assert wrong.recv(100).startswith(b"HTTP/1.1 400")

    net.inside(misbehave)
    net.stop()
    sent = {flow.port: net.sent(flow) for flow in net.flows}
    assert sent[1001] == b"then reset" and sent[1004] == b"" and sent[1005] == b"at once"
    assert sent[1003].endswith(b"\r\n\r\nabcd") and sent[1006].endswith(b"body that follows")
    assert net.outcome is not None and net.outcome.losses.stream_bytes == 0 == net.outcome.losses.other


def test_syns_without_a_connection_are_flows(net: Net) -> None:
    def half() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
            head = struct.pack(">HHIIBBHHH", 4321, 77, 1, 0, 5 << 4, 2, 1000, 0, 0)
            raw.sendto(head, (HOST, 0))

    net.inside(half)
    net.stop()
    (flow,) = net.to(HOST)
    assert (flow.protocol, flow.port, flow.source_port, flow.sent_bytes) == ("tcp", 77, 4321, 0)


@pytest.mark.slow
def test_ten_thousand_connections(net: Net) -> None:
    count = 10_000

    def flood() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100, resource.getrlimit(7)[1])))
        opened = []
        for number in range(count):
            one = connected(2000 + number % 7)
            one.sendall(b"GET /%d HTTP/1.1\r\nHost: flood.example\r\n\r\n" % number)
            opened.append(one)
        poll = selectors.DefaultSelector()
        for one in opened:
            poll.register(one, selectors.EVENT_READ)
        answered, end = set(), time.monotonic() + 600
        while len(answered) < count and time.monotonic() < end:
            for key, _ in poll.select(1):
                assert key.fileobj.recv(1000).startswith(b"HTTP/1.1 200")  # type: ignore[union-attr]
                poll.unregister(key.fileobj)
                answered.add(key.fd)
        assert len(answered) == count

    net.inside(flood)
    peak_kb = peak_memory(net)
    net.stop()
    assert net.outcome is not None and len(net.flows) == count
    lost = net.outcome.losses
    told = any("bytes came on connections that were closed" in blind.what for blind in net.outcome.blind)
    # On a machine that is busy enough, packets of the capture may be lost, and bytes that came twice count as unread.
    assert lost.other == 0 and lost.stream_bytes < count and told is bool(lost.stream_bytes), net.outcome
    assert {flow.requests[0].target for flow in net.flows} == {
        f"http://flood.example/{number}" for number in range(count)
    }
    assert peak_kb < 500_000


def test_more_connections_than_there_is_room_for(ready: None, tmp_path: Path) -> None:
    def flood() -> None:
        opened = [connected(3000 + number) for number in range(60)]
        for one in opened[-20:]:
            one.sendall(b"late")
        assert opened[0].recv(1) == b"", "the one that was silent longest"

    with network(tmp_path, SinkPlan(Mode.SINK, limits=Limits(max_connections=20, max_flows=50))) as net:
        net.inside(flood)
        net.stop()
        assert len(net.flows) == 50 and net.outcome is not None
        said = " ".join(one.what for one in net.outcome.blind)
        assert "silent connections were closed" in said and "no record of their own" in said
        assert net.outcome.losses.other >= 10


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_an_endless_upload(ready: None, tmp_path: Path, kind: str) -> None:
    size = 200 << 20 if kind == "tcp" else 5 << 20

    def pour() -> None:
        block = os.urandom(1 << 20)
        if kind == "tcp":
            with connected() as one:
                for _ in range(size >> 20):
                    one.sendall(block)
        else:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                for _ in range(size >> 10):
                    udp.sendto(block[:1024], (HOST, 9999))

    limits = Limits(max_stream_bytes=1 << 20, max_capture_bytes=16 << 20)
    with network(tmp_path, SinkPlan(Mode.SINK, limits=limits)) as net:
        net.inside(pour)
        peak_kb = peak_memory(net)
        net.stop()
        (flow,) = net.to(HOST)
        assert net.outcome is not None
        assert flow.sent_bytes == size and len(net.sent(flow)) == 1 << 20
        assert net.outcome.losses.stream_bytes == flow.sent_bytes - (1 << 20)
        assert peak_kb < 150_000


def test_datagrams_faster_than_the_sink_are_recorded_all_the_same(net: Net) -> None:
    count = 120_000

    def flood() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect((HOST, 5555))
            for number in range(count):
                udp.send(b"%06d" % number)

    net.inside(flood)
    net.stop()
    (flow,) = net.to(HOST)
    assert net.outcome is not None and net.outcome.losses.packets == 0 == net.outcome.losses.other
    assert net.sent(flow) == b"".join(b"%06d" % number for number in range(count))


def test_what_was_sent_before_a_reset_is_kept(net: Net) -> None:
    letter = b"NOOP\r\n" * 1000

    def talk() -> None:
        for _ in range(5):
            one = connected(25)
            time.sleep(0.5)  # the greeting is never read: closing resets
            for _ in range(20):
                one.sendall(letter)
            one.close()

    net.inside(talk)
    net.stop()
    assert len(net.flows) == 5 and net.outcome is not None and net.outcome.losses.stream_bytes == 0
    assert all(letter in net.sent(flow) for flow in net.flows)


def test_what_comes_after_the_sink_has_closed_is_counted(ready: None, tmp_path: Path) -> None:
    def talk() -> None:
        one = connected()
        one.sendall(b"in time")
        assert one.recv(1) == b""
        one.sendall(b"too late")

    with network(tmp_path, SinkPlan(Mode.SINK, limits=Limits(idle_s=3))) as net:
        net.inside(talk)
        net.stop()
        assert net.outcome is not None and net.outcome.losses.stream_bytes == len(b"too late")
        assert "the capture has them" in net.outcome.blind[0].what


def test_endless_requests_are_noted_as_far_as_a_record_goes(ready: None, tmp_path: Path) -> None:
    count, filler = 2000, "\\" * 900

    def talk() -> None:
        one = connected(80)
        for number in range(count):
            one.sendall(f"GET /{number} HTTP/1.1\r\nHost: many.example\r\nX-Fill: {filler}\r\n\r\n".encode())
            assert one.recv(4096).startswith(b"HTTP/1.1 200")

    with network(tmp_path, SinkPlan(Mode.SINK, limits=Limits(max_noted_bytes=1 << 20))) as net:
        net.inside(talk)
        net.stop()
        (flow,) = net.to(HOST)
        assert net.outcome is not None and net.outcome.losses.other == count - len(flow.requests) > 500
        assert flow.sent_bytes == len(net.sent(flow)) > count * 900
        assert (net.folder.path / "flows.jsonl").stat().st_size < 3 << 20


def test_requests_of_many_flows_are_noted_as_far_as_memory_goes(tmp_path: Path) -> None:
    """Whoever reads a run reads all of its requests: 100,000 flows with 2 MB each would be 200 GB."""
    run = ReportFolder(tmp_path).new_run("mixed-1")
    recorder = Recorder(run, Names(NAMES4, NAMES6), Limits(max_all_noted_bytes=50_000), 0.0)
    for port in range(1, 101):
        tape = recorder.begin(Ends("tcp", "198.18.0.1", 80, "10.0.0.2", port))
        assert tape is not None
        tape.asked("GET", "/" + "x" * 1_000)
        tape.close()
    recorder.close()
    noted = sum(len(flow.requests) for flow in run.read(Flow))
    assert 40 < noted < 50 and recorder.counts.unnoted_requests == 100 - noted


def test_the_sink_keeps_only_what_it_needs_of_root(net: Net) -> None:
    status = Path(f"/proc/{net.sink._pid}/status").read_text()
    assert int(status.split("CapEff:")[1].split()[0], 16) == 1 << 10 | 1 << 12 | 1 << 13


def test_idle_connections_are_closed(ready: None, tmp_path: Path) -> None:
    def wait() -> None:
        one = connected()
        one.sendall(b"and then nothing")
        assert one.recv(10) == b""

    with network(tmp_path, SinkPlan(Mode.SINK, limits=Limits(idle_s=3))) as net:
        net.inside(wait)
        net.stop()
        assert net.sent(net.to(HOST)[0]) == b"and then nothing"


def test_what_is_open_at_the_end_is_kept(net: Net) -> None:
    waiting, ready_now = os.pipe()
    pid = os.fork()
    if pid == 0:
        net.enter()
        one = connected()
        one.sendall(b"still talking")
        os.write(ready_now, b"x")
        time.sleep(3600)
        os._exit(0)
    os.read(waiting, 1)
    try:
        net.stop()
        assert net.sent(net.to(HOST)[0]) == b"still talking"
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def peak_memory(net: Net) -> int:
    """Of the sink's process, in kB, beyond what it has of the tests' own, whose fork it is."""
    return _status(net.sink._pid, "VmHWM:") - _status(os.getpid(), "VmRSS:")


def _status(pid: int, field: str) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().split(field)[1].split()[0])
