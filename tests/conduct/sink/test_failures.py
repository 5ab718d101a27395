"""When the sink itself fails, the run fails with it, loudly; what was written until then stays."""

from __future__ import annotations

import os
import resource
import signal
import socket
from pathlib import Path

import pytest

from overt.conduct.evidence.folder import FILES, ReportFolder
from overt.conduct.evidence.records import Flow, Mode
from overt.conduct.sink import capture
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.plan import Limits, SinkPlan
from overt.conduct.sink.server import WORK, Sink
from overt.core.errors import ConductError
from tests.conduct.sink.lab import Net, network
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.kernel
HOST = "203.0.113.70"


def say(data: bytes) -> None:
    with socket.create_connection((HOST, 9999), PATIENCE_S) as one:
        one.sendall(data)


def test_a_full_disk_fails_the_run(ready: None, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, before[1]))
        with network(tmp_path) as net:
            net.inside(lambda: say(bytes(8 << 20)))
            with pytest.raises(ConductError, match="can't be judged"):
                net.stop()
            assert "capture failed" in (net.folder.path / "sink.log").read_text()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_killed_sink_fails_the_run(net: Net) -> None:
    net.inside(lambda: say(b"before"))
    noted = net.folder.path / WORK / FILES[Flow]
    assert until(lambda: noted.stat().st_size), "the conversation is over, and no record of it was written"
    os.kill(net.sink._pid, signal.SIGKILL)
    with pytest.raises(ConductError, match="status -9"):
        net.stop()
    (flow,) = net.folder.read(Flow)
    assert net.sent(flow) == b"before"
    # The capture is a process of its own: it ends when it sees that nobody is left.
    assert until(lambda: list(capture.packets(net.folder.path / capture.FILE))), "the capture is empty"


def test_the_disk_is_never_filled(ready: None, tmp_path: Path) -> None:
    plan = SinkPlan(Mode.SINK, limits=Limits(max_free_share=1e-12))
    with network(tmp_path, plan) as net:
        net.inside(lambda: say(bytes(100_000)))
        net.stop()
        (flow,) = net.flows
        assert flow.sent_bytes == 100_000 and flow.sent == ""
        assert net.outcome is not None and net.outcome.losses.stream_bytes == 100_000
        assert (
            "past the limits" in net.outcome.blind[-1].what or "past the limits" in net.outcome.blind[0].what
        )
        assert "kept only in part" in net.outcome.blind[0].what


def test_an_interface_that_is_not_there(ready: None, tmp_path: Path) -> None:
    folder = ReportFolder(tmp_path).new_run("mixed-1")
    with pytest.raises(ConductError, match="none0"):
        Sink(SinkPlan(Mode.SINK), Authority.new(), folder, "none0", 0.0).start()
