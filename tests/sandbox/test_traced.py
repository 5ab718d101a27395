"""Promise 1, seen from outside: a whole scan under strace, and a kernel that refuses to confine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from overt.sandbox.policy import EXAMINER
from tests.conftest import require
from tests.formats.test_registry import FIXTURES
from tests.scan.running import ROOT, test_pack

pytestmark = pytest.mark.kernel
LOCKED = re.compile(
    r"^(\d+) +seccomp\(SECCOMP_SET_MODE_FILTER, (?P<flags>[A-Z_0-9|]+), \{len=.* = (?P<result>\d+)$"
)
OPENED = re.compile(r"^(?P<pid>\d+) +(?:openat|open|openat2|creat)\((?P<arguments>.*)$")
THREAD = re.compile(r"^(\d+) +clone\(.*CLONE_THREAD.* = (\d+)$")
TRACED = "%file,%network,%process,openat,seccomp,io_uring_setup,ptrace"
OVERT_SCAN = (sys.executable, "-m", "overt", "scan", "--pack")
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")


def traced_scan(tmp_path: Path, root: Path) -> list[str]:
    """The lines of `strace -f` over one scan, each led by the process number."""
    require(shutil.which("strace") is not None, "strace")
    trace = tmp_path / "trace"
    subprocess.run(
        [
            "strace",
            "-f",
            "-o",
            str(trace),
            "-e",
            f"trace={TRACED}",
            *OVERT_SCAN,
            test_pack(tmp_path),
            str(root),
        ],
        capture_output=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    return joined(trace.read_text(errors="replace").splitlines())


def joined(lines: list[str]) -> list[str]:
    """The lines with calls that strace cut in two put together again, at their end."""
    begun: dict[str, str] = {}
    whole = []
    for line in lines:
        pid = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[pid] = line.removesuffix("<unfinished ...>")
        elif " resumed>" in line:
            whole.append(begun.pop(pid, "") + line.split(" resumed>", 1)[1])
        else:
            whole.append(line)
    return [*whole, *begun.values()]


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of every format that is unpacked."""
    root = tmp_path_factory.mktemp("fixtures")
    for name, build in FIXTURES.items():
        (root / name.replace("/", "_")).write_bytes(build(tmp_path_factory.mktemp("make")))
    return root


def test_every_format_in_confined_examiners(fixtures: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "overt", "scan", "--no-cache", "--pack", test_pack(tmp_path), str(fixtures)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    assert "forbidden system call" not in done.stdout
    assert f"{len(FIXTURES)} infected" in done.stdout, done.stdout


def test_a_whole_scan_under_strace(fixtures: Path, tmp_path: Path) -> None:
    examiners: set[str] = set()
    readers: set[str] = set()
    for line in traced_scan(tmp_path, fixtures):
        if locked := LOCKED.match(line):
            (examiners if "NEW_LISTENER" in locked["flags"] else readers).add(locked[1])
            continue
        if (thread := THREAD.match(line)) and thread[1] in examiners:
            examiners.add(thread[2])
        assert "AF_INET" not in line, f"an internet socket: {line}"
        assert not re.search(r" (socket|connect|bind|listen|execve|ptrace|io_uring_setup)\(", line) or (
            line.split()[0] not in examiners | readers
        ), f"after lock-down: {line}"
        if opened := OPENED.match(line):
            if opened["pid"] in examiners:
                assert any(f'"{path}"' in line for path in EXAMINER.absent_paths) and "ENOENT" in line, line
            elif opened["pid"] in readers and WRITING.search(opened["arguments"]):
                assert str(os.environ["OVERT_HOME"]) in line, f"written outside what it owns: {line}"
    assert len(examiners) >= 1
    assert len(readers) >= 2


def test_no_confinement_no_scan(tmp_path: Path) -> None:
    """A kernel that refuses the filters: nothing is opened, nothing is said to be clean."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"x")
    refusing = (
        "import os, sys, pyseccomp as s\n"
        "f = s.SyscallFilter(s.ALLOW)\n"
        "f.add_rule(s.ERRNO(38), 'seccomp')\n"
        "f.add_rule(s.ERRNO(22), 'prctl', s.Arg(0, s.EQ, 22))\n"
        "f.load()\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'overt', 'scan', *sys.argv[1:]])\n"
    )
    refused = [sys.executable, "-c", refusing, "--pack", test_pack(tmp_path), str(victim)]
    done = subprocess.run(refused, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 2
    assert "does not run without it" in done.stderr
    assert "clean" not in done.stdout
    done = subprocess.run(
        [*refused, "--unconfined"], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "UNCONFINED" in done.stdout
