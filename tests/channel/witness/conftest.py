"""A witness of its own per test: its folder, a log to cosign, and the server as a process."""

from __future__ import annotations

import http.client
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from overt.channel.witness import keys
from overt.channel.witness.office import Office
from overt.channel.witness.state import FILE, State
from overt.tlog.keys import SignatureType
from overt.tlog.merkle import TreeHead
from overt.tlog.note import Note
from overt.tlog.reader import LogReader
from overt.tlog.witness import AddCheckpoint
from tests.tlog.reference import LOG, ORIGIN, MemoryLog, signed
from tests.waiting import PATIENCE_S

PASSPHRASE = "correct horse battery"
NAME = "witness.example/1"


@dataclass
class Place:
    """A witness's folder, and the servers that were started on it."""

    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def state(self) -> State:
        return State(self.folder / FILE)

    def office(self) -> Office:
        state = self.state()
        return Office(state, keys.load(self.folder, state.own_keys(), lambda what: PASSPHRASE))

    def serve(self, *options: str) -> tuple[subprocess.Popen[bytes], int]:
        """A server process that is ready, and its port."""
        read, write = os.pipe()
        os.write(write, f"{PASSPHRASE}\n".encode())
        os.close(write)
        command = [sys.executable, "-m", "overt", "witness", "serve", str(self.folder)]
        command += ["--listen", "127.0.0.1:0", "--passphrase-fd", str(read), *options]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, pass_fds=[read])
        os.close(read)
        self.running.append(process)
        assert process.stderr
        assert select.select([process.stderr], [], [], PATIENCE_S)[0], "the server said nothing"
        line = process.stderr.readline().decode()
        assert line.startswith("listening on 127.0.0.1 port "), line + process.stderr.read().decode()
        return process, int(line.split()[-1])

    def stop(self, process: subprocess.Popen[bytes]) -> str:
        """End a server by SIGTERM; what it said."""
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=PATIENCE_S)[1].decode()
        assert process.returncode == 0, said
        return said


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes
    content_type: str


def post(port: int, body: bytes, path: str = "/add-checkpoint", method: str = "POST") -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return Response(answer.status, answer.read(), answer.getheader("Content-Type") or "")
    finally:
        connection.close()


class Logs:
    """A log and its fork after two entries, both signed by the log's key."""

    def __init__(self) -> None:
        self.honest, self.forked = MemoryLog(2), MemoryLog(2)
        for number in range(10):
            self.honest.grow([b"honest %d" % number])
            self.forked.grow([b"forked %d" % number])

    def head(self, size: int, forked: bool = False) -> TreeHead:
        tree = self.forked if forked else self.honest
        return next(head for head in tree.heads if head.size == size)

    def note(self, size: int, forked: bool = False) -> Note:
        return signed(self.head(size, forked))

    def ask(self, old: int, new: int, forked: bool = False) -> bytes:
        """The body of a request with a true proof."""
        tree = self.forked if forked else self.honest
        proof = LogReader(self.head(new, forked), tree.fetch).consistency_proof(old)
        return AddCheckpoint(old, proof, self.note(new, forked)).encode()


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A witness of the log, which has cosigned nothing."""
    folder = tmp_path / "witness"
    folder.mkdir(0o700)
    key = keys.generate(folder, NAME, SignatureType.ED25519_COSIGNATURE, PASSPHRASE)
    State.create(folder / FILE, (key,))
    made = Place(folder)
    made.state().add_log(ORIGIN, (LOG.key,), "")
    yield made
    for process in made.running:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
