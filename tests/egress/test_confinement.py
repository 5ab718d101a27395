"""What the kernel holds a courier to: by strace, in /proc, as root and as an ordinary user, and where it refuses."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyseccomp
import pytest

from overt.core.errors import ConfinementError
from overt.egress import errors
from overt.egress import line as line_module
from overt.egress.courier import Courier, Fetched
from overt.egress.job import Job
from overt.egress.process import JOB
from overt.sandbox.landlock import abi
from overt.sandbox.policy import VERIFIER
from overt.sandbox.view import confine_writing
from tests.conftest import require
from tests.egress.conftest import PATIENT, Authority, Records
from tests.egress.servers import body, saying, serving
from tests.sandbox.test_traced import joined
from tests.vault.conftest import NOBODY, as_nobody, open_to_all
from tests.waiting import until

pytestmark = pytest.mark.kernel
Make = Callable[..., Job]
HELLO = saying(body(b"hello"))
ROOT = Path(__file__).parents[2]


def fetched(courier: Courier) -> bytes:
    answer = courier.fetch("x", max_bytes=1000)
    assert isinstance(answer, Fetched)
    return answer.path.read_bytes()


def in_a_child(act: Callable[[], object]) -> None:
    """Run `act` where it may confine its process; an exception there fails the test here."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child failed: see its output"


def refuse(*calls: str, with_errno: int = errno.EPERM) -> None:
    """A kernel that answers `calls` so, from now on, for this process and its children."""
    table = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for call in calls:
        table.add_rule(pyseccomp.ERRNO(with_errno), call)
    table.load()


def test_what_holds_it(job: Make, records: Records) -> None:
    with serving(HELLO) as server, Courier.start(job(server.url), records) as courier:
        fetched(courier)
        assert courier.confinement.namespace and courier.confinement.seccomp
        assert courier.confinement.landlock == abi()
        status = Path(f"/proc/{courier.pid}/status").read_text()
        assert set(re.findall(r"^Cap(?:Inh|Prm|Eff|Amb):\t(\w+)", status, re.M)) == {"0" * 16}
        assert "NoNewPrivs:\t1" in status
        assert re.search(r"^Seccomp:\t2", status, re.M)


def test_what_it_sees_and_has_open(job: Make, records: Records) -> None:
    require(os.geteuid() == 0, "root (to look into another process)")
    with (
        open("/etc/hostname") as _,
        serving(HELLO) as server,
        Courier.start(job(server.url), records) as courier,
    ):
        root = Path(f"/proc/{courier.pid}/root")
        seen = {str(path.relative_to(root)) for path in root.rglob("*")}
        resolver = {f"etc/{name}" for name in ("resolv.conf", "hosts", "nsswitch.conf", "gai.conf")}
        assert seen - resolver == {"etc", "spool", JOB.strip("/")}
        mounts = Path(f"/proc/{courier.pid}/mountinfo").read_text().splitlines()
        assert all({"ro", "nosuid", "nodev", "noexec"} <= set(line.split()[5].split(",")) for line in mounts)
        folder = Path(f"/proc/{courier.pid}/fd")
        kinds = sorted(re.sub(r"\d+", "N", os.readlink(folder / name)) for name in os.listdir(folder))
        assert kinds == ["/dev/null"] * 3 + ["socket:[N]"]


def test_it_is_bounded_by_the_kernel(job: Make, records: Records) -> None:
    with serving(HELLO) as server, Courier.start(job(server.url), records) as courier:
        limits = Path(f"/proc/{courier.pid}/limits").read_text()
        rows = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
        assert rows["Max file size"] == ["0", "0"]
        assert rows["Max core file size"] == ["0", "0"]
        assert rows["Max cpu time"] == [str(PATIENT.max_cpu_s)] * 2
        assert rows["Max open files"] == [str(PATIENT.max_descriptors)] * 2
        assert rows["Max address space"][0] != "unlimited"


def test_nothing_of_it_is_left(job: Make, records: Records) -> None:
    with serving(HELLO) as server, Courier.start(job(server.url), records) as courier:
        fetched(courier)
    with pytest.raises(ProcessLookupError):
        os.kill(courier.pid, 0)


def test_it_goes_with_its_parent(job: Make, records: Records, tmp_path: Path) -> None:
    note = tmp_path / "pid"

    def parent() -> None:
        with Courier.start(job("http://127.0.0.1:9/"), records) as courier:
            note.write_text(str(courier.pid))
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        parent()
    os.waitpid(child, 0)
    courier = int(note.read_text())
    assert until(lambda: _gone(courier))


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("refused", [(), ("unshare",)], ids=["all layers", "no namespaces"])
def test_as_an_ordinary_user(
    refused: tuple[str, ...],
    tmp_path: Path,
    records: Records,
    authority: Callable[[], Authority],
) -> None:
    require(os.geteuid() == 0, "root (to become another user)")
    open_to_all(tmp_path)
    ca = authority()
    context = ca.server("localhost")
    spool = tmp_path / "of-nobody"
    spool.mkdir()
    os.chown(spool, NOBODY, NOBODY)

    def act() -> None:
        if refused:
            refuse(*refused)
        with serving(HELLO, context) as server:
            url = f"https://localhost:{server.port}/"
            asked = Job(url, spool / "spool", ca_file=ca.file, limits=PATIENT)
            with Courier.start(asked, records) as courier:
                assert fetched(courier) == b"hello"
                assert courier.confinement.landlock == abi()
                assert not (refused and courier.confinement.namespace)

    as_nobody(act)


def test_without_a_mount_namespace(job: Make, records: Records) -> None:
    require(abi() > 0, "Landlock")

    def act() -> None:
        refuse("unshare")
        with serving(HELLO) as server, Courier.start(job(server.url), records) as courier:
            assert fetched(courier) == b"hello"
            assert not courier.confinement.namespace
            assert "unshare" in courier.confinement.without
            assert courier.confinement.landlock

    in_a_child(act)


def test_a_mount_namespace_that_comes_to_nothing(job: Make, records: Records) -> None:
    """A user namespace is given, but mounting in it is not (as some distributions have it)."""
    require(abi() > 0, "Landlock")

    def act() -> None:
        refuse("mount")
        with serving(HELLO) as server, Courier.start(job(server.url), records) as courier:
            assert fetched(courier) == b"hello"
            assert not courier.confinement.namespace

    in_a_child(act)


def test_without_landlock(job: Make, records: Records) -> None:
    def act() -> None:
        refuse("landlock_create_ruleset", with_errno=errno.ENOSYS)
        with serving(HELLO) as server, Courier.start(job(server.url), records) as courier:
            assert fetched(courier) == b"hello"
            assert courier.confinement.namespace and not courier.confinement.landlock

    in_a_child(act)


def test_without_both_it_does_not_start(job: Make, records: Records) -> None:
    def act() -> None:
        refuse("landlock_create_ruleset", "unshare", with_errno=errno.ENOSYS)
        with serving(HELLO) as server:
            with pytest.raises(ConfinementError, match="no mount namespace"):
                Courier.start(job(server.url), records)
            assert server.connections == 0
            with Courier.start(job(server.url), records, unconfined=True) as courier:
                assert fetched(courier) == b"hello"
                assert not courier.confinement.seccomp
        starts = [facts["unconfined"] for kind, facts in records.entries if kind == "courier-started"]
        assert starts == [False, True]

    in_a_child(act)


def test_landlock_alone_leaves_no_file_but_the_spool_s(tmp_path: Path) -> None:
    """The same policy, enforced with Landlock only: a secret beside the spool cannot be opened."""
    require(abi() > 0, "Landlock")
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from overt.sandbox.policy import COURIER\n"
        "from overt.sandbox.view import Bounds, Shown, enclose\n"
        "import pyseccomp as s, errno\n"
        "f = s.SyscallFilter(s.ALLOW); f.add_rule(s.ERRNO(errno.EPERM), 'unshare'); f.load()\n"
        "spool = Path(sys.argv[1])\n"
        "held = enclose(COURIER, [Shown(spool, '/spool')], spool, (0, 1, 2), (80,), Bounds(1 << 28, 60, 64))\n"
        "assert not held.namespace\n"
        "assert open(spool / 'job').read() == 'job'\n"
        "for path in (spool.parent / 'secret', Path('/etc/hostname'), Path('/proc/self/maps'), Path('/usr')):\n"
        "    try:\n"
        "        os.open(path, os.O_RDONLY)\n"
        "    except PermissionError:\n"
        "        continue\n"
        "    os._exit(3)\n"
        "os._exit(0)\n"
    )
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "job").write_text("job")
    (tmp_path / "secret").write_text("secret")
    done = subprocess.run(
        [sys.executable, "-c", script, str(spool)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_landlock_lets_it_connect_to_its_port_only(job: Make, records: Records) -> None:
    require(abi() >= 4, "Landlock with TCP")
    with serving(HELLO) as server, serving(HELLO) as other:
        asked = job(server.url)
        with Courier.start(asked, records) as courier:
            assert fetched(courier) == b"hello"
        assert other.connections == 0
    script = (
        "import socket, sys\n"
        "from pathlib import Path\n"
        "from overt.sandbox.policy import COURIER\n"
        "from overt.sandbox.view import Bounds, enclose\n"
        "'localhost'.encode('idna')\n"
        "enclose(COURIER, [], Path(sys.argv[1]), (0, 1, 2), (int(sys.argv[2]),), Bounds(1 << 28, 60, 64))\n"
        "socket.create_connection(('127.0.0.1', int(sys.argv[2])))\n"
        "try:\n"
        "    socket.create_connection(('127.0.0.1', int(sys.argv[3])))\n"
        "except PermissionError:\n"
        "    print('denied')\n"
    )
    with serving(HELLO) as server, serving(HELLO) as other:
        command = [sys.executable, "-c", script, str(asked.spool), str(server.port), str(other.port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout, done.stderr) == ("denied\n", "")


def test_a_locked_parent_goes_on_using_its_courier(job: Make, records: Records, tmp_path: Path) -> None:
    """The verifier: no network of its own, writing only below its folders, and its courier still serves it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "installed").mkdir()

    def act() -> None:
        with serving(saying(body(b"x" * 10_000))) as server:
            in_a_child(lambda: verify(server.url))

    def verify(url: str) -> None:
        asked = job(url)
        with Courier.start(asked, records) as courier:
            keep = (0, 1, 2, *courier.descriptors)
            confine_writing(VERIFIER, [asked.spool, tmp_path / "installed"], keep)
            answer = courier.fetch("x", max_bytes=10_000)
            assert isinstance(answer, Fetched)
            os.replace(answer.path, tmp_path / "installed" / "x")
            for forbidden in (
                lambda: (outside / "new").write_text("x"),
                lambda: os.rename(tmp_path / "installed" / "x", outside / "x"),
                lambda: __import__("socket").socket(),
                lambda: os.fork(),
            ):
                with pytest.raises(OSError) as caught:
                    forbidden()
                assert caught.value.errno in (errno.EPERM, errno.EACCES, errno.EXDEV, errno.EROFS)
            with pytest.raises(errors.TooLong):
                courier.fetch("x", max_bytes=10)
            courier._line.kill()
            os.waitid(os.P_PID, courier.pid, os.WEXITED | os.WNOWAIT)
            with pytest.raises(errors.CourierLost):
                courier.fetch("x", max_bytes=10)

    act()
    assert (tmp_path / "installed" / "x").stat().st_size == 10_000
    assert os.listdir(outside) == []


def test_a_verifier_without_landlock_sees_all_else_read_only(tmp_path: Path) -> None:
    mine, outside = tmp_path / "mine", tmp_path / "outside"
    mine.mkdir()
    outside.mkdir()

    def act() -> None:
        refuse("landlock_create_ruleset", with_errno=errno.ENOSYS)
        confine_writing(VERIFIER, [mine], (0, 1, 2))
        (mine / "new").write_text("x")
        with pytest.raises(OSError, match="Read-only"):
            (outside / "new").write_text("x")

    in_a_child(act)
    assert os.listdir(mine) == ["new"]


def test_a_verifier_without_either_is_refused(tmp_path: Path) -> None:
    def act() -> None:
        refuse("landlock_create_ruleset", "unshare", with_errno=errno.ENOSYS)
        with pytest.raises(ConfinementError):
            confine_writing(VERIFIER, [tmp_path], (0, 1, 2))

    in_a_child(act)


TRACED = """
import sys
from pathlib import Path
from overt.egress.courier import Courier
from overt.egress.job import Job
job = Job(sys.argv[1], Path(sys.argv[2]), ca_file=Path(sys.argv[3]), proxy="")
with Courier.start(job, lambda kind, facts: None) as courier:
    for path in ("a", "b", "missing"):
        try:
            print(courier.fetch(path, max_bytes=1000))
        except Exception as error:
            print(error)
"""


def test_a_whole_job_under_strace(tmp_path: Path, authority: Callable[[], object]) -> None:
    """After its lock-down a courier opens only what its view holds, and connects nowhere but to its server."""
    require(shutil.which("strace") is not None, "strace")
    ca = authority()
    trace = tmp_path / "trace"

    def answer(connection: object, head: bytes) -> None:
        wanted = body(b"no", status="404 Not Found") if b"missing" in head else body(b"yes")
        saying(wanted)(connection, head)  # type: ignore[arg-type]

    with serving(answer, ca.server("localhost")) as server:  # type: ignore[attr-defined]
        url = f"https://localhost:{server.port}/"
        arguments = [url, str(tmp_path / "spool"), str(ca.file)]  # type: ignore[attr-defined]
        options = [
            "-f",
            "-o",
            str(trace),
            "-e",
            "trace=%file,%network,%process,seccomp,io_uring_setup,ptrace",
        ]
        command = ["strace", *options, sys.executable, "-c", TRACED, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert done.stdout.count("Fetched(") == 2 and "404" in done.stdout, done.stdout + done.stderr
    lines = joined(trace.read_text(errors="replace").splitlines())
    at, courier = next(
        (number, line.split()[0])
        for number, line in enumerate(lines)
        if "seccomp(SECCOMP_SET_MODE_FILTER" in line
    )
    after = [line for line in lines[at + 1 :] if line.split()[0] == courier]
    assert after
    opened = {
        match[1]: match[2] for line in after if (match := re.search(r'open(?:at)?\(.*?"(.*?)".*= (.*)', line))
    }
    given = {path for path, result in opened.items() if not result.startswith("-1")}
    resolver = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf"}
    assert given <= resolver | {"/spool/job.json", "/etc/ssl/cert.pem"}
    assert {"/spool/job.json", "/etc/ssl/cert.pem"} <= given
    tried = {path for path, result in opened.items() if result.startswith("-1")}
    assert not any(path.endswith((".py", ".pyc", ".so")) for path in tried if "nss" not in path), tried
    connected = {
        match[1] for line in after if (match := re.search(r"connect\(.*sin6?_port=htons\((\d+)\)", line))
    }
    assert connected == {str(server.port)}
    for line in after:
        assert not re.search(r" (bind|listen|accept4?|execve|clone3?|fork|ptrace|io_uring_setup)\(", line), (
            line
        )


def test_it_knows_nothing_of_its_parent_s(
    job: Make, records: Records, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A key in the parent's memory, its environment and its arguments are not in the courier's."""
    require(os.geteuid() == 0, "root (to read another process' memory)")
    monkeypatch.setenv("API_TOKEN", "environment-1234567890")
    secret = bytearray(b"ledger-key-" + os.urandom(8).hex().encode())
    with serving(HELLO) as server, Courier.start(job(server.url), records) as courier:
        fetched(courier)
        process = Path(f"/proc/{courier.pid}")
        assert b"API_TOKEN" not in (process / "environ").read_bytes()
        held = memory(process)
        assert b"LC_ALL=C.UTF-8" in held, "the memory was read"
        assert secret not in held and b"environment-1234567890" not in held


def memory(process: Path) -> bytes:
    """All readable memory of a process."""
    parts = []
    with open(process / "mem", "rb") as stream:
        for line in (process / "maps").read_text().splitlines():
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            if line.split()[1].startswith("r") and "[v" not in line:
                stream.seek(start)
                try:
                    parts.append(stream.read(end - start))
                except OSError:
                    continue
    return b"".join(parts)


def test_the_parent_loads_no_network_client() -> None:
    script = (
        "import sys, overt.egress.courier; print([m for m in ('urllib3', 'http.client') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "boot", ["raise SystemExit(3)", "import overt.no_such_module", "import time; time.sleep(60)"]
)
def test_a_program_that_does_not_come_up(
    boot: str, job: Make, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = replace(PATIENT, start_deadline_s=1)
    with monkeypatch.context() as patch, pytest.raises(errors.CourierLost):
        patch.setattr(line_module, "BOOT", boot)
        Courier.start(job("http://127.0.0.1:9/", limits=quick), records)
    with monkeypatch.context() as patch, pytest.raises(errors.CourierLost, match="cannot be started"):
        patch.setattr(sys, "executable", "/no/such/python")
        Courier.start(job("http://127.0.0.1:9/"), records)
    with serving(HELLO) as server, Courier.start(job(server.url), records) as courier:
        assert fetched(courier) == b"hello", "the spool is free again"
