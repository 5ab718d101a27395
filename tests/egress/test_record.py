"""Promise 5: what is not in the ledger is not sent."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from overt.egress.courier import Courier, Fetched
from overt.egress.job import Job, plan
from overt.egress.line import Line
from overt.egress.recorded import Fact, RecordedAsk, RecordedStart
from overt.egress.wire import Ask
from overt.ledger import Ledger
from tests.egress.conftest import Records
from tests.egress.servers import body, saying, serving

pytestmark = pytest.mark.kernel
Make = Callable[..., Job]
HELLO = saying(body(b"hello"))


class FullDisk:
    """A ledger that has room for a few entries only."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, kind: str, facts: Mapping[str, Fact]) -> None:
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= 1


def _children() -> set[str]:
    """The process ids of this process's children; other tests may have left some."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {pid for task in tasks for pid in task.read_text().split()}


def test_no_courier_without_an_entry(job: Make) -> None:
    before, children = os.listdir("/proc/self/fd"), _children()
    with serving(HELLO) as server:
        asked = job(server.url)
        with pytest.raises(OSError, match="No space left"):
            Courier.start(asked, FullDisk(0))
        assert server.connections == 0
    assert os.listdir(asked.spool) == ["lock"]
    assert _children() <= children
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_no_request_without_an_entry(job: Make) -> None:
    """Not one byte, not even a connection; and the courier can be asked again."""
    ledger = FullDisk(1)
    with serving(HELLO) as server, Courier.start(job(server.url), ledger) as courier:
        for _ in range(3):
            with pytest.raises(OSError, match="No space left"):
                courier.fetch("x", max_bytes=10)
            with pytest.raises(OSError, match="No space left"):
                courier.post("x", b"secret", max_bytes=10)
        assert (server.connections, server.requests) == (0, [])
        ledger.room = 1
        assert isinstance(courier.fetch("x", max_bytes=10), Fetched)
        with pytest.raises(OSError, match="No space left"):
            courier.fetch("y", max_bytes=10)
        assert len(server.requests) == 1


def test_the_entry_comes_first(job: Make) -> None:
    """When the request arrives its entry is there, and so is the start's before any connection."""
    entries: list[str] = []
    seen: list[int] = []

    def answer(connection: object, head: bytes) -> None:
        seen.append(len(entries))
        HELLO(connection, head)  # type: ignore[arg-type]

    with (
        serving(answer) as server,
        Courier.start(job(server.url), lambda kind, facts: entries.append(kind)) as courier,
    ):
        assert entries == ["courier-started"]
        for _ in range(3):
            courier.fetch("x", max_bytes=10)
    assert seen == [2, 3, 4]
    assert len(entries) == 4


def test_a_recorded_request_is_sent_once(job: Make, records: Records) -> None:
    asked = RecordedAsk(records, plan(job("http://127.0.0.1:9/"), {}), Ask("GET", "x", 1))
    assert asked.spend()
    with pytest.raises(RuntimeError):
        asked.spend()


def test_what_sends_takes_nothing_else(job: Make, records: Records) -> None:
    """The types say it (mypy), and it is asserted: a line neither starts nor sends by anything unrecorded."""
    hints = (Line.__init__.__annotations__["start"], Line.pass_on.__annotations__["ask"])
    assert hints == (RecordedStart.__name__, RecordedAsk.__name__)
    with serving(HELLO) as server, Courier.start(job(server.url), records) as courier:
        with pytest.raises(AssertionError):
            courier._line.pass_on(Ask("GET", "x", 1))  # type: ignore[arg-type]
        assert server.connections == 0


def test_in_a_real_ledger(job: Make, tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger")
    with serving(HELLO) as server:
        with Courier.start(job(server.url, channel="base", proxy=""), ledger.append) as courier:
            courier.fetch("x", max_bytes=10, etag='"e"')
            courier.post("y", b"z", max_bytes=10)
        url = server.url
    kinds = [str(entry.kind) for entry in ledger.entries()]
    assert kinds[-3:] == ["courier-started", "fetch-request", "send-request"]
    facts = [dict(entry.facts) for entry in ledger.entries()][-3:]
    assert facts[0]["origin"] == url
    assert (facts[1]["url"], facts[1]["etag"], facts[1]["channel"]) == (f"{url}x", '"e"', "base")
    assert facts[2]["bytes"] == 1
