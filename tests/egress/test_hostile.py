"""Servers that do what an honest one does not: each ends in one typed error, and nothing is left in the spool."""

from __future__ import annotations

import gzip
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from overt.core.errors import EgressError, NetworkFailed, PeerAtFault
from overt.egress import errors
from overt.egress.courier import Courier, Fetched
from overt.egress.job import Job
from overt.egress.wire import ORDER_NAME
from tests.egress.conftest import PATIENT, QUICK, Records
from tests.egress.servers import Answer, Server, body, closing, saying, serving
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.kernel
Make = Callable[..., Job]
MAX = 100_000
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def forever(head: bytes, part: bytes, pause_s: float = 0.0) -> Answer:
    """`head`, then `part` again and again."""

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(part)
            time.sleep(pause_s)

    return answer


def silent(connection: socket.socket, _: bytes) -> None:
    """No answer at all."""
    connection.recv(1)


CASES: dict[str, tuple[Answer, type[EgressError]]] = {
    "slow drip": (forever(OK + b"Content-Length: 50000\r\n\r\n", b"x", 0.05), errors.TooSlow),
    "slow drip of headers": (forever(OK, b"x", 0.05), errors.TooSlow),
    "slow drip of whole headers": (forever(OK, b"X: y\r\n", 0.1), errors.TooSlow),
    "interim answers for ever": (forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01), errors.TooSlow),
    "silence": (silent, errors.TooSlow),
    "stall in the body": (saying(OK + b"Content-Length: 50000\r\n\r\n" + b"x" * 5000), errors.TooSlow),
    "endless to the close": (forever(OK + b"\r\n", b"x" * 65536), errors.Malformed),
    "endless chunks": (forever(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"), errors.TooLong),
    "one endless chunk": (forever(CHUNKED + b"7fffffffffffffff\r\n", b"x" * 65536), errors.TooLong),
    "endless trailers": (forever(CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n", 0.01), errors.TooSlow),
    "one byte too many": (saying(body(b"x" * (MAX + 1))), errors.TooLong),
    "a length beyond all": (saying(OK + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n"), errors.TooLong),
    "one byte too many, in chunks": (
        saying(CHUNKED + b"186a0\r\n" + b"x" * MAX + b"\r\n1\r\nx\r\n0\r\n\r\n"),
        errors.TooLong,
    ),
    "fewer bytes than said": (closing(OK + b"Content-Length: 50\r\n\r\nabc"), errors.Broken),
    "no body where one was said": (closing(OK + b"Content-Length: 50\r\n\r\n"), errors.Broken),
    "an end in the middle of a chunk": (closing(CHUNKED + b"50\r\nabc"), errors.Broken),
    "an end without the last chunk": (closing(CHUNKED + b"3\r\nabc\r\n"), errors.Broken),
    "closing before a word": (closing(), errors.Broken),
    "closing in the headers": (closing(OK + b"Content-Le"), errors.Malformed),
    "two lengths": (saying(OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), errors.Malformed),
    "a chunk size of letters": (saying(CHUNKED + b"wat\r\nabc\r\n0\r\n\r\n"), errors.EgressError),
    "a redirect elsewhere": (
        saying(body(b"", "Location: http://127.0.0.1:9/stolen", status="302 Found")),
        errors.Redirected,
    ),
    "a permanent redirect here": (
        saying(body(b"", "Location: /b", status="308 Permanent Redirect")),
        errors.Redirected,
    ),
    "a huge header": (saying(OK + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n"), errors.TooLong),
    "too many headers": (saying(OK + b"X: y\r\n" * 200 + b"\r\n"), errors.Malformed),
    "headers without end": (forever(OK, b"X: " + b"y" * 60_000 + b"\r\n"), errors.TooLong),
    "a hundred interim answers a moment": (
        forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        errors.TooLong,
    ),
    "not HTTP": (saying(b"220 mail.example ESMTP\r\n"), errors.Malformed),
    "HTTP/2 frames": (saying(b"\0\0\x12\x04\0\0\0\0\0\r\n\r\n"), errors.Malformed),
    "a status of letters": (saying(b"HTTP/1.1 abc OK\r\n\r\n"), errors.Malformed),
    "a status out of range": (saying(b"HTTP/1.1 99999 OK\r\nContent-Length: 0\r\n\r\n"), errors.Malformed),
    "gzip": (saying(body(gzip.compress(b"x" * 10**6), "Content-Encoding: gzip")), errors.Malformed),
    "304 without an ETag": (saying(b"HTTP/1.1 304 Not Modified\r\n\r\n"), errors.Malformed),
    "half of it": (
        saying(body(b"half", "Content-Range: bytes 0-3/8", status="206 Partial Content")),
        errors.BadStatus,
    ),
    "nothing": (saying(b"HTTP/1.1 204 No Content\r\n\r\n"), errors.BadStatus),
    "an error": (saying(body(b"oops", status="503 Service Unavailable")), errors.BadStatus),
    "an endless error": (
        forever(
            b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1000\r\n" + b"x" * 4096 + b"\r\n",
        ),
        errors.BadStatus,
    ),
    "a reason made to forge": (saying(body(b"", status="404 \x1b[2J\x85clean")), errors.BadStatus),
}


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_answer(case: str, job: Make, records: Records) -> None:
    """One typed error that names the URL, nothing left; and a courier that can be asked again, or is gone."""
    hostile, expected = CASES[case]

    def answer(connection: socket.socket, head: bytes) -> None:
        saying(body(b"fine"))(connection, head) if b"/good" in head else hostile(connection, head)

    with serving(answer) as server:
        asked = job(server.url, limits=QUICK if expected is errors.TooSlow else PATIENT)
        with Courier.start(asked, records) as courier:
            with pytest.raises(expected) as caught:
                courier.fetch("a/file", max_bytes=MAX)
            assert isinstance(caught.value, NetworkFailed | PeerAtFault)
            assert not isinstance(caught.value, errors.CourierLost | errors.CourierBroke)
            assert str(caught.value).startswith(f"{server.url}a/file: ")
            assert str(caught.value).isprintable()
            assert os.listdir(asked.spool) == ["lock"]
            assert records.kinds == ["courier-started", "fetch-request"]
            assert courier.alive or expected is errors.TooSlow or expected is errors.TooLong
            if courier.alive:
                fetched = courier.fetch("good", max_bytes=MAX)
                assert isinstance(fetched, Fetched) and fetched.path.read_bytes() == b"fine"
            else:
                with pytest.raises(errors.CourierLost):
                    courier.fetch("good", max_bytes=MAX)


def test_the_bytes_on_disk_never_exceed_the_limit(job: Make, records: Records, tmp_path: Path) -> None:
    """An endless body: at no time does the spool hold more than was allowed."""
    seen = [0]

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(CHUNKED)
        while True:
            connection.sendall(b"64\r\n" + b"x" * 100 + b"\r\n")
            time.sleep(0.002)
            seen[0] = max([seen[0], *(f.stat().st_size for f in (tmp_path / "spool").glob("*.body"))])

    with (
        serving(answer) as server,
        Courier.start(job(server.url), records) as courier,
        pytest.raises(errors.TooLong),
    ):
        courier.fetch("endless", max_bytes=5000)
    assert 0 < seen[0] <= 5000


def test_refused_connections_and_unknown_names(job: Make, records: Records) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Courier.start(job(f"http://127.0.0.1:{port}/"), records) as courier:
        with pytest.raises(errors.ConnectFailed, match="refused"):
            courier.fetch("x", max_bytes=1)
        assert courier.alive
    with (
        Courier.start(job("http://no-such-name.invalid/"), records) as courier,
        pytest.raises(errors.ResolveFailed, match=r"no-such-name\.invalid"),
    ):
        courier.fetch("x", max_bytes=1)


def test_a_courier_killed_in_the_middle(job: Make, records: Records) -> None:
    asked: list[Courier] = []

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(OK + b"Content-Length: 50000\r\n\r\n" + b"x" * 5000)
        os.kill(asked[0].pid, signal.SIGKILL)
        connection.recv(1)

    with serving(answer) as server:
        job_ = job(server.url)
        with Courier.start(job_, records) as courier:
            asked.append(courier)
            with pytest.raises(errors.CourierLost):
                courier.fetch("x", max_bytes=MAX)
            assert not courier.alive
            count = len(records.entries)
            with pytest.raises(errors.CourierLost):
                courier.fetch("y", max_bytes=MAX)
            assert len(records.entries) == count
    assert os.listdir(job_.spool) == ["lock"]


def test_a_job_left_half_written_is_cleared(job: Make, records: Records) -> None:
    """By a parent that was killed: it may hold a proxy's password."""
    asked = job("http://127.0.0.1:9/")
    asked.spool.mkdir(parents=True, exist_ok=True)
    (asked.spool / f".{ORDER_NAME}.0123456789ab.tmp").write_text("secret")
    with Courier.start(asked, records):
        pass
    assert os.listdir(asked.spool) == ["lock"]


def test_a_courier_too_slow_is_dead_not_left_behind(job: Make, records: Records) -> None:
    with serving(silent) as server, Courier.start(job(server.url, limits=QUICK), records) as courier:
        with pytest.raises(errors.TooSlow):
            courier.fetch("x", max_bytes=MAX)
        assert os.waitid(os.P_PID, courier.pid, os.WEXITED | os.WNOWAIT) is not None
    with pytest.raises(ChildProcessError):
        os.waitpid(courier.pid, os.WNOHANG)


def test_the_total_deadline(job: Make, records: Records) -> None:
    limits = replace(PATIENT, total_deadline_s=3.0)
    with (
        serving(saying(body(b"x"))) as server,
        Courier.start(job(server.url, limits=limits), records) as courier,
    ):
        courier.fetch("x", max_bytes=MAX)
        with open(os.pidfd_open(courier.pid), "rb", buffering=0) as gone:
            assert select.select([gone], [], [], PATIENCE_S)[0], "the kernel has ended it, too"
        with pytest.raises(errors.TooSlow, match="time was up"):
            courier.fetch("x", max_bytes=MAX)


def test_forged(job: Make, records: Records) -> None:
    """Nothing of a server's words reaches the message as control characters."""
    with (
        serving(saying(body(b"", "Location: http://x/\x1b[2J", status="302 Found"))) as server,
        Courier.start(job(server.url), records) as courier,
        pytest.raises(errors.Redirected) as caught,
    ):
        courier.fetch("x", max_bytes=MAX)
    assert "\x1b" not in str(caught.value)


def request_of(server: Server) -> list[bytes]:
    return server.requests[0].split(b"\r\n")


def test_what_a_request_holds(job: Make, records: Records) -> None:
    """Exactly these headers: nothing names the machine, its user, or a version."""
    with serving(saying(body(b"x"))) as server, Courier.start(job(server.url), records) as courier:
        courier.fetch("a", max_bytes=1, etag='"e"')
        host = f"Host: 127.0.0.1:{server.port}".encode()
        expected = {host, b"User-Agent: overt", b"Accept-Encoding: identity", b'If-None-Match: "e"'}
        first, *headers = request_of(server)
        assert first == b"GET /a HTTP/1.1"
        assert {line for line in headers if line} == expected
