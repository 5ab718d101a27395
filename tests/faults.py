"""One writing system call of a child made to fail, or to kill it: the common part of the tests of promise 6.

A first run under strace lists the calls after a mark in the trace; then a call is chosen by its name and count.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "/overt-fault-test-begins"
REFUSED = 3
"""A child's exit code when it was refused."""
WRITING = (
    "openat pwrite64 write fsync fdatasync sync rename renameat renameat2 link linkat unlink unlinkat mkdir mkdirat "
    "rmdir chmod fchmod fchmodat chown fchown fchownat lchown utimensat setxattr fsetxattr fremovexattr ftruncate "
    "fallocate flock symlink symlinkat truncate creat open"
).split()
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)$")


@dataclass(frozen=True)
class Step:
    """The `number`th use of a system call since the process started."""

    call: str
    number: int

    def failing(self, fault: str) -> str:
        """For strace's --inject."""
        return f"{self.call}:{fault}:when={self.number}"


def calls_of(lines: list[str]) -> list[tuple[str, str]]:
    """Names and arguments of the calls in a trace."""
    return [(found[1], found[2]) for found in map(_LINE.match, lines) if found]


def writing_steps(lines: list[str]) -> list[Step]:
    """The writing calls after the mark; not those by which the child speaks."""
    seen: Counter[str] = Counter()
    steps: list[Step] = []
    begun = False
    for call, rest in calls_of(lines):
        begun = begun or MARK in rest
        seen[call] += 1
        creates = call not in {"open", "openat"} or "O_CREAT" in rest
        speaks = call == "write" and rest.startswith(("1,", "2,"))
        if begun and call in WRITING and creates and not speaks:
            steps.append(Step(call, seen[call]))
    return steps


class Children:
    """Runs of one module, whose calls have the same counts each time.

    Modules are loaded from bytecode of these runs alone: when another test compiled one meanwhile, it would be opened
    once less. The first run makes it.
    """

    def __init__(self, module: str, arguments: Sequence[str], bytecode: Path) -> None:
        self._command = [sys.executable, "-m", module]
        self._env = {
            "PATH": os.environ["PATH"],
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONPYCACHEPREFIX": str(bytecode),
        }
        assert self._run([*self._command, *arguments]).returncode == 0

    def run(
        self, arguments: Sequence[str], trace: Path, inject: str = ""
    ) -> tuple[subprocess.CompletedProcess[bytes], list[str]]:
        """The child (its return code is negative after a signal), and the lines of its trace."""
        faults = [f"--inject={inject}"] if inject else []
        known = ",".join(f"?{call}" for call in (*WRITING, "readlink", "readlinkat"))
        strace = ["strace", "-f", "-qq", "-o", str(trace), f"--trace={known}", "-e", "signal=none", *faults]
        done = self._run([*strace, *self._command, *arguments])
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        lines = trace.read_text(errors="replace").splitlines()
        assert any(MARK in line for line in lines), (done, lines[-5:])
        assert not inject or any("(INJECTED)" in line or "= ?" in line for line in lines), (
            inject,
            lines[-3:],
        )
        return done, lines

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command, cwd=Path(__file__).parents[1], env=self._env, capture_output=True, check=False
        )
