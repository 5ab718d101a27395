"""The server as a process: racing clients, forks, kills, slow and oversized requests, its lock-down."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from overt.channel.witness import office as offices
from overt.channel.witness import server
from overt.channel.witness.server import Server, ServerLimits
from overt.tlog.note import parse
from overt.tlog.signing import verify
from overt.tlog.witness import MAX_REQUEST_BYTES, collect
from tests.channel.witness.conftest import Logs, Place, post
from tests.tlog.reference import LOG, ORIGIN
from tests.waiting import PATIENCE_S, until

REQUEST = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n"


def raw(port: int, data: bytes, wait_s: float = PATIENCE_S) -> bytes:
    """What the server answers to these bytes, to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_session(place: Place, logs: Logs) -> None:
    """Cosigned, read by a monitor, in conflict, forked, restarted; one line said for each, and no address."""
    process, port = place.serve()
    keys = place.state().own_keys()
    first = post(port, logs.ask(0, 5))
    assert first.status == 200 and collect(logs.note(5), first.body, keys)
    monitor = post(port, b"", f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint", "GET")
    assert len(verify(parse(monitor.body), [LOG.key, *keys])) == 2
    conflict = post(port, logs.ask(0, 7))
    assert (conflict.status, conflict.body, conflict.content_type) == (409, b"5\n", "text/x.tlog.size")
    assert post(port, logs.ask(5, 7, forked=True)).status == 422
    said = place.stop(process).splitlines()
    assert [line.split(" ", 1)[1].rpartition(": ")[0].split(":")[0] for line in said[:1]]
    assert len(said) == 5 and said[-1] == "stopped" and not any("127.0.0.1" in line for line in said)
    process, port = place.serve()
    assert post(port, logs.ask(5, 7, forked=True)).status == 422
    assert post(port, logs.ask(5, 7)).status == 200
    place.stop(process)


def test_racing_clients_of_two_processes(place: Place, logs: Logs) -> None:
    """Sixteen clients push a log and its fork at two servers on one database: one history gets cosignatures."""
    ports = [place.serve()[1] for _ in range(2)]
    cosigned: list[tuple[int, bool]] = []
    statuses: set[int] = set()
    begin = threading.Barrier(16)

    def client(number: int) -> None:
        forked, known = bool(number % 2), 0
        begin.wait(timeout=30)
        for new in (4, 7, 12):
            for _ in range(6):
                if known > new:
                    break
                answer = post(ports[number // 2 % 2], logs.ask(known, new, forked))
                statuses.add(answer.status)
                if answer.status == 200:
                    collect(logs.note(new, forked), answer.body, keys)
                    cosigned.append((new, forked))
                    known = new
                if answer.status != 409:
                    break
                known = int(answer.body)

    keys = place.state().own_keys()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len({forked for _, forked in cosigned}) == 1
    assert (12, cosigned[0][1]) in cosigned
    assert statuses <= {200, 409, 422, 503}


def test_killed_while_answering(place: Place, logs: Logs) -> None:
    """Whatever was cosigned before a kill holds after it; three rounds, killed at different moments."""
    cosigned: list[tuple[int, bool]] = []
    for round_number in range(3):
        process, port = place.serve()
        stop = threading.Event()

        def client(forked: bool, port: int = port, stop: threading.Event = stop) -> None:
            known = 0
            for new in range(3, 13):
                try:
                    for _ in range(3):
                        if known > new or stop.is_set():
                            break
                        answer = post(port, logs.ask(known, new, forked))
                        if answer.status == 200:
                            cosigned.append((new, forked))
                            known = new
                        if answer.status != 409:
                            break
                        known = int(answer.body)
                except OSError:
                    return

        threads = [threading.Thread(target=client, args=(forked,)) for forked in (False, True)]
        for thread in threads:
            thread.start()
        time.sleep(0.02 * (round_number + 1))
        process.kill()
        stop.set()
        for thread in threads:
            thread.join(timeout=60)
        assert process.wait(timeout=PATIENCE_S) == -signal.SIGKILL
    assert len({forked for _, forked in cosigned}) <= 1
    row = place.state().log(ORIGIN)
    largest = max((size for size, _ in cosigned), default=0)
    assert row and (row.head.size if row.head else 0) >= largest


BAD = {
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "no host": (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 400),
    "two lengths": (REQUEST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    "negative length": (REQUEST + b"Content-Length: -1\r\n\r\nx", 400),
    "long header": (REQUEST + b"X: " + b"x" * 30_000 + b"\r\n\r\n", 431),
    "endless header line": (b"POST /" + b"x" * 40_000, 431),
    "other path": (b"POST /sign-subtree HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 404),
    "other method": (b"PUT /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405),
    "announced too long": (REQUEST + b"Content-Length: 99999999999\r\n\r\n", 413),
    "chunked too long": (
        REQUEST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 17,
        413,
    ),
    "unknown coding": (REQUEST + b"Transfer-Encoding: gzip\r\n\r\nx", 501),
    "cut off": (REQUEST + b"Content-Length: 10\r\n\r\nold 0", 400),
    "body is no request": (REQUEST + b"Content-Length: 5\r\n\r\nold 0", 400),
    "path with a byte too many": (b"GET /" + b"a" * 65 + b"/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n", 404),
}


def test_bad_requests_are_answered_and_change_nothing(place: Place, logs: Logs) -> None:
    process, port = place.serve()
    found = {what: status(raw(port, data)) for what, (data, _) in BAD.items()}
    assert found == {what: expected for what, (_, expected) in BAD.items()}
    assert post(port, b"x" * (MAX_REQUEST_BYTES + 1)).status == 413
    expecting = REQUEST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(expecting)
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"old 0")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert post(port, logs.ask(0, 5)).status == 200
    chunks = logs.ask(5, 6)
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(chunks), chunks)
    assert status(raw(port, REQUEST + b"Transfer-Encoding: chunked\r\n\r\n" + body)) == 200
    place.stop(process)


def in_process(place: Place, limits: ServerLimits) -> None:
    """A child that serves with these limits on the port that it writes to `port`."""
    listening = server.listen("127.0.0.1", 0)
    (place.folder / "port").write_text(str(listening.getsockname()[1]))
    Server(place.office(), lambda line: None, limits).run(listening, lambda: None)


@pytest.fixture
def quick(place: Place) -> Iterator[int]:
    """A server with four connections and a deadline that honest clients of a busy machine keep."""
    limits = ServerLimits(max_connections=4, request_deadline_s=4, linger_s=0.2, shutdown_s=1)
    child = os.fork()
    if child == 0:
        try:
            in_process(place, limits)
        finally:
            os._exit(0)
    path = place.folder / "port"
    assert until(lambda: path.exists() and path.read_text()), "it does not listen"
    yield int(path.read_text())
    os.kill(child, signal.SIGTERM)
    assert os.waitpid(child, 0)[1] == 0


def test_slow_clients_are_cut_off(quick: int, logs: Logs) -> None:
    """One byte at a time does not extend the deadline; who says nothing gets nothing; others are served meanwhile."""
    begin = time.monotonic()
    slow = socket.create_connection(("127.0.0.1", quick), timeout=PATIENCE_S)
    silent = socket.create_connection(("127.0.0.1", quick), timeout=PATIENCE_S)
    answer = b""
    slow.settimeout(0.1)
    while time.monotonic() - begin < PATIENCE_S and not answer:
        try:
            slow.send(b"P")
            answer = slow.recv(1000)
        except TimeoutError:
            continue
        except OSError:
            break
    assert time.monotonic() - begin < PATIENCE_S / 2
    assert answer == b"" or b" 408 " in answer
    assert silent.recv(100) == b""
    assert post(quick, logs.ask(0, 5)).status == 200


def test_too_many_connections_are_told(quick: int) -> None:
    held = [socket.create_connection(("127.0.0.1", quick), timeout=PATIENCE_S) for _ in range(4)]
    assert status(raw(quick, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")) == 503
    for one in held:
        one.close()
    assert until(lambda: status(raw(quick, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")) == 404), (
        "there is room again"
    )


@pytest.mark.kernel
def test_locked_down_before_it_serves(place: Place) -> None:
    process, _ = place.serve()
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    found = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert (found["Seccomp"], found["NoNewPrivs"], found["CapEff"]) == ("2", "1", "0" * 16)
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        assert "Seccomp:\t2" in (task / "status").read_text()


@pytest.mark.kernel
def test_what_a_witness_in_other_hands_can_do(place: Place) -> None:
    """In the server's own thread, after the lock-down: no file opened, no connection, no program."""

    class Taken:
        """Stands where the office is."""

        def add_checkpoint(self, body: bytes) -> offices.Answer:
            if not body.startswith(b"attack"):
                return offices.Answer(400, b"", "rehearsed")
            done = []
            for act in (
                lambda: os.open("/etc/hostname", os.O_RDONLY),
                lambda: os.open(place.folder / "new", os.O_CREAT | os.O_WRONLY),
                lambda: socket.socket(),
                lambda: os.fork(),
                lambda: os.execv("/bin/true", ["true"]),
                lambda: os.unlink(place.folder / "witness.pem"),
                lambda: os.kill(os.getppid(), 0),
            ):
                try:
                    act()
                    done.append("done")
                except OSError as error:
                    done.append(str(error.errno))
            return offices.Answer(200, " ".join(done).encode(), "attacked")

    listening = server.listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    child = os.fork()
    if child == 0:
        try:
            Server(Taken(), lambda line: None).run(listening, lambda: None)  # type: ignore[arg-type]
        finally:
            os._exit(0)
    listening.close()
    try:
        assert post(port, b"attack").body == b"1 1 1 1 1 1 1"
    finally:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
    assert (place.folder / "witness.pem").exists()


def test_an_address_in_use(place: Place) -> None:
    _, port = place.serve()
    command = ["overt", "witness", "serve", str(place.folder), "--listen", f"127.0.0.1:{port}"]
    done = subprocess.run(
        [Path(sys.executable).with_name("overt"), *command[1:], "--passphrase-fd", "0"],
        input=b"correct horse battery\n",
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 2 and b"can't listen on 127.0.0.1" in done.stderr
