"""Endless and slow answers, through the real courier, from a real server on the loopback."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.channel.client.outcome import Stale, Updated
from overt.channel.client.source import OverCourier, Recorder
from overt.egress.courier import Courier
from overt.egress.job import Job
from overt.egress.limits import CourierLimits
from overt.ledger import Ledger
from tests.channel.adversary.forge import Tree
from tests.channel.adversary.machine import Machine
from tests.channel.adversary.scene import RULES, Scene
from tests.egress.servers import Answer, body, serving
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.kernel
QUICK = CourierLimits(
    start_deadline_s=PATIENCE_S,
    connect_timeout_s=5,
    answer_deadline_s=5,
    request_deadline_s=20,
    rate_window_s=1,
    min_rate_bytes_per_s=1000,
)
"""Little for those who hold a client, and still enough for honest answers on a busy machine. A client ends far within
`PATIENCE_S`, and the servers would go on for longer."""


def endless(connection: socket.socket) -> None:
    """A body without end, as fast as it goes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def slow(connection: socket.socket) -> None:
    """A byte now and then."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.2)


def silent(connection: socket.socket) -> None:
    """Takes the request, and says nothing."""
    time.sleep(2 * PATIENCE_S)


Trick = Callable[[socket.socket], None]


def serves(tree: Tree, tricked: str, trick: Trick) -> Answer:
    """The tree; where the path begins with `tricked`, the trick."""

    def answer(connection: socket.socket, head: bytes) -> None:
        path = head.split(b" ")[1].decode().lstrip("/")
        if path.startswith(tricked):
            trick(connection)
        elif path in tree:
            connection.sendall(body(tree[path]))
        else:
            connection.sendall(body(b"", status="404 Not Found"))

    return answer


@pytest.fixture(autouse=True)
def no_proxy_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests names no proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("tricked", ["latest.tlog-proof", "log/tile/", "metadata/", "bundles/"])
@pytest.mark.parametrize(
    ("trick", "family", "words"),
    [
        (endless, "refused", r"the body goes on after [0-9]+ bytes"),
        (slow, "failed", r"[0-9]+ bytes in 1 s, less than 1000 bytes per second"),
        (silent, "failed", r"no answer after 5 s"),
    ],
    ids=["endless", "slow", "silent"],
)
def test_the_network_cannot_hold_a_client(
    tricked: str, trick: Trick, family: str, words: str, scene: Scene, machine: Machine, tmp_path: Path
) -> None:
    tree = {path: data for path, data in scene.later().tree.items() if not path.startswith("patches/")}
    began = time.monotonic()
    with serving(serves(tree, tricked, trick)) as server:
        outcome = _update(machine, server.url, tmp_path / "spool")
    assert isinstance(outcome, Stale), outcome
    assert time.monotonic() - began < PATIENCE_S
    assert outcome.family == family, outcome
    assert re.search(words, outcome.why), outcome.why
    assert machine.rules() == set(RULES[1])
    assert machine.standing()[0] == 3
    largest = max((path.stat().st_size for path in machine.home.rglob("*") if path.is_file()), default=0)
    assert largest < 16 << 20


def test_the_same_tree_without_tricks(scene: Scene, machine: Machine, tmp_path: Path) -> None:
    """The harness does update when nobody cheats."""
    with serving(serves(scene.later().tree, "-", silent)) as server:
        outcome = _update(machine, server.url, tmp_path / "spool")
    assert isinstance(outcome, Updated), outcome
    assert machine.rules() == set(RULES[2])


def _update(machine: Machine, url: str, spool: Path) -> object:
    spool.mkdir(mode=0o700)
    recorder = Recorder(Ledger.open(machine.home / "ledger"))
    job = Job(url, spool, proxy="", channel="bank", limits=QUICK)
    with Courier.start(job, recorder) as courier:
        return machine.update(OverCourier(courier, recorder))
