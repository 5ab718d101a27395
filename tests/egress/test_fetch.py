"""A real web server: nginx serves a folder to the courier."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from overt.core.errors import UsageError
from overt.egress import errors
from overt.egress.courier import Courier, Fetched, NotModified
from overt.egress.job import Job
from tests.conftest import require
from tests.egress.conftest import Authority, Records
from tests.egress.servers import body, saying, serving
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.kernel
Make = Callable[..., Job]
MAX = 10_000_000


class Nginx:
    """One nginx on the loopback, plain and with TLS."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        self.log = folder / "access.log"
        self.port, self.tls_port = _free_port(), _free_port()
        authority.server("localhost")
        pem = authority.folder / "localhost.pem"
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"""daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
            {"user root;" if os.geteuid() == 0 else ""}
            events {{ worker_connections 64; }}
            http {{
              log_format what '$connection "$request" $status $request_length $bytes_sent "$http_user_agent"';
              access_log {self.log} what;
              client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
              uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
              gzip on; gzip_types *; gzip_min_length 1;
              server {{ listen 127.0.0.1:{self.port}; listen [::1]:{self.port}; root {self.root};
                location /moved/ {{ return 301 http://127.0.0.1:9/; }} }}
              server {{ listen 127.0.0.1:{self.tls_port} ssl; root {self.root};
                ssl_certificate {pem}; ssl_certificate_key {pem}; }}
            }}"""
        )
        self.process = subprocess.Popen(
            ["nginx", "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(configuration)]
        )
        assert until(lambda: _listens(self.port)), "nginx did not start"

    def requests(self) -> list[str]:
        """Its log, when it has ended: before, its last lines may be missing."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(PATIENCE_S)
        return self.log.read_text().splitlines()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE_S).close()
    except OSError:
        return False
    return True


@pytest.fixture
def ca(authority: Callable[[], Authority]) -> Authority:
    return authority()


@pytest.fixture
def nginx(tmp_path: Path, ca: Authority) -> Iterator[Nginx]:
    require(shutil.which("nginx") is not None, "nginx")
    server = Nginx(tmp_path / "nginx", ca)
    yield server
    server.process.terminate()
    server.process.wait(PATIENCE_S)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_files_arrive_whole(nginx: Nginx, job: Make, records: Records, host: str) -> None:
    contents = {
        f"f/{size}.bin": random.Random(size).randbytes(size) for size in (0, 1, 65536, 65537, 3_000_000)
    }
    (nginx.root / "f").mkdir()
    for name, data in contents.items():
        (nginx.root / name).write_bytes(data)
    with Courier.start(job(f"http://{host}:{nginx.port}/"), records) as courier:
        for name, data in contents.items():
            fetched = courier.fetch(name, max_bytes=len(data))
            assert isinstance(fetched, Fetched)
            assert fetched.path.read_bytes() == data
            assert (fetched.bytes, fetched.sha256) == (len(data), hashlib.sha256(data).hexdigest())
            assert fetched.path.stat().st_mode & 0o777 == 0o600
    assert records.kinds == ["courier-started"] + ["fetch-request"] * len(contents)
    connections = {line.split()[0] for line in nginx.requests()}
    assert len(connections) == 1, "the connection is used again"


def test_conditional_requests(nginx: Nginx, job: Make, records: Records) -> None:
    (nginx.root / "latest").write_bytes(b"one")
    with Courier.start(job(f"http://127.0.0.1:{nginx.port}/"), records) as courier:
        first = courier.fetch("latest", max_bytes=MAX)
        assert isinstance(first, Fetched) and first.etag
        assert courier.fetch("latest", max_bytes=MAX, etag=first.etag) == NotModified(first.etag)
        (nginx.root / "latest").write_bytes(b"three")
        second = courier.fetch("latest", max_bytes=MAX, etag=first.etag)
        assert isinstance(second, Fetched) and second.path.read_bytes() == b"three"
    with Courier.start(job(f"http://127.0.0.1:{nginx.port}/"), records) as courier:
        assert isinstance(courier.fetch("latest", max_bytes=MAX, etag=second.etag), NotModified)
    unchanged = [line for line in nginx.requests() if " 304 " in line]
    sent, received = (int(number) for number in unchanged[-1].split('" ')[1].split()[1:3])
    assert sent <= 160 and received <= 260, "what a poll costs when nothing changed"


def test_what_the_server_has_not(nginx: Nginx, job: Make, records: Records) -> None:
    with Courier.start(job(f"http://127.0.0.1:{nginx.port}/"), records) as courier:
        with pytest.raises(errors.BadStatus) as caught:
            courier.fetch("42.root.json", max_bytes=MAX)
        assert caught.value.status == 404
        with pytest.raises(errors.Redirected, match=r"127\.0\.0\.1:9"):
            courier.fetch("moved/x", max_bytes=MAX)
        (nginx.root / "there").write_bytes(b"x")
        assert courier.fetch("there", max_bytes=1)
        with pytest.raises(errors.TooLong, match="2 bytes announced"):
            (nginx.root / "there").write_bytes(b"xy")
            courier.fetch("there", max_bytes=1)
        assert courier.fetch("there", max_bytes=2)


def test_over_tls(nginx: Nginx, job: Make, records: Records, ca: Authority) -> None:
    (nginx.root / "x").write_bytes(b"secret")
    with Courier.start(job(f"https://localhost:{nginx.tls_port}/", ca_file=ca.file), records) as courier:
        fetched = courier.fetch("x", max_bytes=MAX)
        assert isinstance(fetched, Fetched) and fetched.path.read_bytes() == b"secret"


def test_post(job: Make, records: Records) -> None:
    received: list[bytes] = []

    def answer(connection: socket.socket, head: bytes) -> None:
        received.append(head)
        received.append(connection.recv(100))
        saying(body(b"12\n", "Content-Type: text/x.tlog.size", status="409 Conflict"))(connection, head)

    with serving(answer) as server, Courier.start(job(server.url, purpose="cosign"), records) as courier:
        posted = courier.post("add-checkpoint", b"old 11\n\n...", max_bytes=100)
        assert (posted.status, posted.body) == (409, b"12\n")
        with pytest.raises(UsageError):
            courier.post("add-checkpoint", b"x" * 100_000, max_bytes=100)
    assert received[0].startswith(b"POST /add-checkpoint HTTP/1.1\r\n")
    assert received[1] == b"old 11\n\n..."
    kind, facts = records.entries[1]
    assert (kind, facts["bytes"], facts["purpose"]) == ("send-request", 11, "cosign")
    assert facts["sha256"] == hashlib.sha256(b"old 11\n\n...").hexdigest()


@pytest.mark.parametrize(
    "path", ["", "/x", "a//b", "../x", "a/./b", "a/..", "x?y", "x#y", "a b", "é", "a%2fb", "x\r\ny"]
)
def test_paths_that_are_none(path: str, job: Make, records: Records) -> None:
    with serving(saying(body(b"x"))) as server, Courier.start(job(server.url), records) as courier:
        with pytest.raises(UsageError):
            courier.fetch(path, max_bytes=10)
        assert server.connections == 0
    assert records.kinds == ["courier-started"]


def test_one_courier_per_spool(job: Make, records: Records, tmp_path: Path) -> None:
    with serving(saying(body(b"x"))) as server:
        with Courier.start(job(server.url), records) as courier:
            with pytest.raises(errors.SpoolError, match="another courier"):
                Courier.start(job(server.url), records)
            left = courier.fetch("x", max_bytes=1)
            assert isinstance(left, Fetched)
        assert left.path.exists()
        with Courier.start(job(server.url), records):
            assert os.listdir(tmp_path / "spool") == ["lock"], "what an earlier courier fetched is cleared"


def test_a_full_disk(job: Make, records: Records, tmp_path: Path) -> None:
    require(os.geteuid() == 0, "root (to mount a small file system)")
    spool = tmp_path / "spool"
    spool.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "none", str(spool)], check=True)
    try:
        with (
            serving(saying(body(b"x" * 500_000))) as server,
            Courier.start(job(server.url), records) as courier,
        ):
            with pytest.raises(errors.SpoolError, match="No space left"):
                courier.fetch("x", max_bytes=MAX)
            assert os.listdir(spool) == ["lock"]
    finally:
        subprocess.run(["umount", str(spool)], check=True)
