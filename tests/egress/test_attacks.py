"""Attacks on what surrounds the courier and the verifier: from inside each, with code running in it."""

from __future__ import annotations

import errno
import os
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from overt.core.errors import ConfinementError, UsageError
from overt.egress import errors
from overt.egress.courier import Courier
from overt.egress.job import Job
from overt.sandbox.landlock import abi
from overt.sandbox.lockdown import close_others
from overt.sandbox.policy import VERIFIER
from overt.sandbox.view import confine_writing
from tests.conftest import require
from tests.egress.adversary import INSIDE, elsewhere
from tests.egress.conftest import PATIENT, Records
from tests.egress.servers import Answer, serving
from tests.egress.test_confinement import in_a_child, refuse
from tests.egress.test_taken_over import take_over
from tests.vault.conftest import as_nobody, open_to_all

pytestmark = pytest.mark.kernel
Make = Callable[..., Job]
NOBODYS = "http://127.0.0.1:9/"


@pytest.mark.parametrize("without", [(), ("landlock_create_ruleset",)], ids=["all layers", "no Landlock"])
def test_from_inside_nothing_works(
    without: tuple[str, ...], job: Make, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_over("everything", monkeypatch)

    def act() -> None:
        if without:
            refuse(*without, with_errno=errno.ENOSYS)
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening,
            Courier.start(job(NOBODYS), records) as courier,
        ):
            listening.bind(elsewhere(os.getpid()))
            listening.listen()
            said = courier.post("x", b"", max_bytes=60_000).body.decode()
        assert said == f"of {len(INSIDE)}: none"

    in_a_child(act)


def test_it_sees_its_job_and_not_the_bodies(job: Make, records: Records) -> None:
    """What was fetched before, and whatever else lies in the spool, is not the courier's to read."""
    require(os.geteuid() == 0, "root (to look into another process)")
    asked = job(NOBODYS)
    asked.spool.mkdir(mode=0o700)
    (asked.spool / "of-somebody-else").write_text("secret")
    with Courier.start(asked, records) as courier:
        assert courier.confinement.namespace
        assert os.listdir(f"/proc/{courier.pid}/root/spool") == ["job.json"]


def test_a_courier_that_answers_without_listening(
    job: Make, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parent's requests pile up in the socket: the parent must not wait until somebody reads them."""
    take_over("deaf", monkeypatch)

    def act() -> None:
        signal.alarm(120)
        with Courier.start(job(NOBODYS), records) as courier:
            with pytest.raises(errors.CourierBroke, match="does not listen"):
                for _ in range(10):
                    courier.post("x", b"x" * 60_000, max_bytes=10)
            assert not courier.alive

    in_a_child(act)


@pytest.mark.parametrize("case", ["forging words", "forging words of a defect"])
def test_its_words_do_not_reach_a_terminal_as_they_are(
    case: str, job: Make, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_over(case, monkeypatch)
    with Courier.start(job(NOBODYS), records) as courier:
        with pytest.raises(errors.EgressError) as caught:
            courier.fetch("x", max_bytes=10)
        assert str(caught.value).isprintable() and "clean" in str(caught.value)


@pytest.mark.parametrize("case", ["a status below all", "a status beyond all"])
def test_a_status_that_no_ledger_takes(
    case: str, job: Make, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_over(case, monkeypatch)
    with Courier.start(job(NOBODYS), records) as courier, pytest.raises(errors.CourierBroke):
        courier.fetch("x", max_bytes=10)


def test_it_can_not_outlive_its_time(job: Make, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ignores and blocks every signal, and its parent is busy elsewhere: the kernel ends it."""
    take_over("ignoring every signal", monkeypatch)
    asked = job(NOBODYS, limits=replace(PATIENT, total_deadline_s=4))
    with Courier.start(asked, records) as courier:
        courier.post("x", b"", max_bytes=10)
        with open(os.pidfd_open(courier.pid), "rb", buffering=0) as gone:
            assert _readable(gone.fileno(), 60), "still alive"


def _readable(fd: int, timeout_s: float) -> bool:
    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    return bool(waiting.poll(timeout_s * 1000))


def test_a_descriptor_above_a_lowered_limit_is_closed_too() -> None:
    def act() -> None:
        high = 900
        os.dup2(os.open("/etc/hostname", os.O_RDONLY), high)
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        close_others((0, 1, 2))
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(high)

    in_a_child(act)


@pytest.mark.parametrize("value", ["a/b\r\nX: y", "a", "", "a/b; c", "a/" + "b" * 100])
def test_a_content_type_is_one(value: str, job: Make, records: Records) -> None:
    with Courier.start(job(NOBODYS), records) as courier, pytest.raises(UsageError, match="content type"):
        courier.post("x", b"", max_bytes=10, content_type=value)
    assert records.kinds == ["courier-started"]


@pytest.mark.parametrize("as_user", [False, True], ids=["as root", "as nobody"])
@pytest.mark.parametrize("landlock", [True, False], ids=["with Landlock", "without Landlock"])
def test_a_verifier_writes_nowhere_else(as_user: bool, landlock: bool, tmp_path: Path) -> None:
    """By an open folder and `..`, a device file, /proc, a link, another process' limits."""
    require(os.geteuid() == 0 or not as_user, "root (to become another user)")
    require(abi() > 0 or not landlock, "Landlock")
    mine, outside = tmp_path / "mine", tmp_path / "outside"
    for folder in (mine, outside):
        folder.mkdir()
        folder.chmod(0o777)
    (outside / "old").write_text("old")
    (outside / "old").chmod(0o666)
    (mine / "link").symlink_to(outside / "old")
    open_to_all(tmp_path)
    other = os.getpid()

    def act() -> None:
        if not landlock:
            refuse("landlock_create_ruleset", with_errno=errno.ENOSYS)
        folder = os.open(mine, os.O_RDONLY | os.O_DIRECTORY)
        with pytest.raises(ConfinementError, match="folder"):
            confine_writing(VERIFIER, [mine], (0, 1, 2, folder))
        confine_writing(VERIFIER, [mine], (0, 1, 2))
        (mine / "new").write_text("x")
        attempts: list[Callable[[], object]] = [
            lambda: os.open("../outside/new", os.O_WRONLY | os.O_CREAT, dir_fd=os.open(mine, os.O_RDONLY)),
            lambda: (mine / "link").write_text("x"),
            lambda: os.open(outside / "old", os.O_WRONLY),
            lambda: os.link(mine / "new", outside / "new"),
            lambda: os.rename(outside / "old", mine / "taken"),
            lambda: os.unlink(outside / "old"),
            lambda: os.open("/dev/null", os.O_WRONLY),
            lambda: os.open("/proc/self/mem", os.O_RDWR),
            lambda: os.open("/proc/self/oom_score_adj", os.O_WRONLY),
            lambda: resource.prlimit(other, resource.RLIMIT_CPU, (1, 1)),
            lambda: os.chmod(mine / "new", 0o777),
            lambda: os.setxattr(mine / "new", "user.x", b"x"),
            lambda: os.mkfifo(mine / "pipe"),
            lambda: os.chroot("/"),
        ]
        for number, attempt in enumerate(attempts):
            with pytest.raises(OSError) as caught:
                attempt()
                print("attempt", number, "went through")
            assert caught.value.errno in (errno.EPERM, errno.EACCES, errno.EROFS, errno.EXDEV), number

    if as_user:
        as_nobody(act)
    else:
        in_a_child(act)
    assert os.listdir(outside) == ["old"] and (outside / "old").read_text() == "old"


def test_heads_are_bounded_by_the_setting(job: Make, records: Records) -> None:
    def answer(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: " + b"y" * 1500 + b"\r\n\r\nok")

    with serving(answer) as server:
        with Courier.start(job(server.url), records) as courier:
            courier.fetch("x", max_bytes=10)
        asked = job(server.url, limits=replace(PATIENT, max_head_bytes=1024))
        with Courier.start(asked, records) as courier, pytest.raises(errors.TooLong, match="1024 bytes"):
            courier.fetch("x", max_bytes=10)


def test_a_proxy_s_head_is_bounded_too(job: Make, records: Records) -> None:
    def endless(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X: y\r\n" * 1000)

    proxy: Answer = endless
    with serving(proxy) as server:
        asked = job("https://rules.example/", proxy=f"http://127.0.0.1:{server.port}")
        with Courier.start(asked, records) as courier, pytest.raises(errors.TooLong, match="head goes on"):
            courier.fetch("x", max_bytes=10)


def test_no_name_is_asked_for_before_the_entry(tmp_path: Path) -> None:
    """Under strace: until the request's entry is written no datagram and no connection leaves the courier."""
    require(_has_strace(), "strace")
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from overt.egress.courier import Courier\n"
        "from overt.egress.job import Job\n"
        "def record(kind, facts):\n"
        "    os.access(f'/entry-of-{kind}', os.F_OK)\n"
        "with Courier.start(Job('http://name.invalid/', Path(sys.argv[1]), proxy=''), record) as courier:\n"
        "    try:\n"
        "        courier.fetch('x', max_bytes=1)\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__)\n"
    )
    trace = tmp_path / "trace"
    calls = "trace=?access,?faccessat,?faccessat2,connect,sendto,sendmsg,sendmmsg"
    command = ["strace", "-f", "-qq", "-o", str(trace), "-e", calls]
    subprocess.run(
        [*command, sys.executable, "-c", script, str(tmp_path / "spool")],
        check=True,
        capture_output=True,
        timeout=60,
    )
    lines = trace.read_text(errors="replace").splitlines()
    entry = next(number for number, text in enumerate(lines) if "entry-of-fetch-request" in text)
    assert any("entry-of-courier-started" in text for text in lines[:entry])
    out = [text for text in lines[:entry] if "AF_INET" in text or "AF_INET6" in text]
    assert out == []


def _has_strace() -> bool:
    return any(os.access(Path(folder, "strace"), os.X_OK) for folder in os.get_exec_path())
