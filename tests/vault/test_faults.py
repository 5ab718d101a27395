"""Promise 6: `kill -9`, a full disk and a failing disk at every system call that writes.

A first run under strace lists the writing calls of an operation; then the operation is repeated once per call, and
that call is where it is killed, or fails. Afterwards the content must be whole in a place where it is allowed, and
after `recover` in exactly one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from overt.vault import Vault
from overt.vault.container import load
from tests.conftest import require
from tests.faults import REFUSED, Children, Step, writing_steps
from tests.vault.fault_child import FINDINGS

CONTENT = hashlib.shake_256(b"overt fault test").digest(2 * 1024 * 1024 + 12_345)
MODE, MTIME_NS = 0o640, 1_500_000_000_123_456_789
ATTRIBUTE = ("user.overt-test", b"kept")


class World:
    """A file in a folder of its own, and a vault beside it."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.outside = folder / "world"
        self.outside.mkdir(parents=True)
        self.file = self.outside / "file"
        self.vault = Vault(folder / "vault")

    def create(self) -> None:
        self.file.write_bytes(CONTENT)
        self.file.chmod(MODE)
        os.setxattr(self.file, *ATTRIBUTE)
        os.utime(self.file, ns=(MTIME_NS, MTIME_NS))

    def prepare(self, operation: str) -> str:
        """The state before `operation`; returns its argument."""
        self.create()
        if operation == "seal":
            return str(self.file)
        if operation.startswith("recover"):
            return operation
        id = self.vault.seal(str(self.file), FINDINGS).id
        if operation == "overwrite":
            self.file.write_bytes(b"something else")
        return id

    def is_outside(self) -> bool:
        """Whether the file is in its place with all that belongs to it; a part of it is an error."""
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            return False
        if content == b"something else":
            return False
        assert content == CONTENT
        status = self.file.stat()
        assert (status.st_mode & 0o7777, status.st_mtime_ns) == (MODE, MTIME_NS)
        assert os.getxattr(self.file, ATTRIBUTE[0]) == ATTRIBUTE[1]
        return True

    def is_inside(self, states: tuple[str, ...] = (".overtq", ".pending")) -> bool:
        """Whether the vault has the whole file."""
        for sealed in self.vault.folder.glob("*") if self.vault.folder.exists() else ():
            if sealed.suffix in states:
                with sealed.open("rb") as stream:
                    container = load(stream.fileno())
                    container.verify()
                    assert container.exhibit.sha256 == hashlib.sha256(CONTENT).hexdigest()
                    return True
        return False

    def leftovers(self) -> list[str]:
        vault = list(self.vault.folder.iterdir()) if self.vault.folder.exists() else []
        known = {self.file.name, "copy.overtq"}
        return [p.name for p in vault if p.suffix != ".overtq"] + [
            p.name for p in self.outside.iterdir() if p.name not in known
        ]


def run(
    children: Children, world: World, operation: str, argument: str, inject: str = ""
) -> tuple[int, list[str]]:
    """The child's exit code (negative: signal) and its trace."""
    what = [operation.partition("-")[0], str(world.vault.folder), argument]
    done, lines = children.run(what, world.outside.parent / "trace", inject)
    return done.returncode, lines


@pytest.fixture(scope="module")
def children(tmp_path_factory: pytest.TempPathFactory) -> Children:
    require(shutil.which("strace") is not None, "strace")
    warm = ["recover", str(tmp_path_factory.mktemp("none") / "vault"), "-"]
    return Children("tests.vault.fault_child", warm, tmp_path_factory.mktemp("bytecode"))


@pytest.fixture(autouse=True)
def attributes(tmp_path: Path) -> None:
    probe = tmp_path / "probe"
    probe.touch()
    try:
        os.setxattr(probe, *ATTRIBUTE)
    except OSError:
        require(False, "a file system with user attributes under the temporary folder")


OPERATIONS = {
    "seal": (12, {"pwrite64", "fsync", "rename", "unlink"}),
    "restore": (18, {"pwrite64", "fsync", "link", "unlink", "fchmod", "utimensat", "fsetxattr", "ftruncate"}),
    "overwrite": (
        18,
        {"pwrite64", "fsync", "rename", "unlink", "fchmod", "utimensat", "fsetxattr", "ftruncate"},
    ),
    "delete": (2, {"unlink", "fsync"}),
    "export": (8, {"pwrite64", "fsync", "link", "unlink"}),
}
"""Fewest writing steps, and the calls that must be among them."""


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", ["signal=KILL", "error=ENOSPC", "error=EIO"])
def test_fault_at_every_writing_call(children: Children, operation: str, fault: str, tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    world = World(folder)
    code, lines = run(children, world, operation, world.prepare(operation))
    steps = writing_steps(lines)
    fewest, calls = OPERATIONS[operation]
    assert code == 0
    assert len(steps) >= fewest
    assert calls <= {
        step.call.removesuffix("at") if step.call != "utimensat" else step.call for step in steps
    }
    if fault == "error=EIO":  # elsewhere its way is that of a full disk
        steps = [step for step in steps if step.call == "fsync"]
    for step in steps:
        world = World(folder)
        argument = world.prepare(operation)
        code, _ = run(children, world, operation, argument, step.failing(fault))
        assert code == -9 if "KILL" in fault else code in (0, REFUSED), (step, code)
        check(world, operation, step)


def check(world: World, operation: str, step: Step) -> None:
    """Never neither; after `recover` exactly one, and nothing left over. A deleted file may be gone."""
    if operation != "delete":
        assert world.is_outside() or world.is_inside(), f"lost at {step}"
    world.vault.recover()
    assert world.leftovers() == [], step
    inside, outside = world.is_inside((".overtq",)), world.is_outside()
    if operation == "delete":
        assert not outside
    else:
        assert inside != outside, step
    if operation == "export":
        assert inside
    if operation == "overwrite" and not outside:
        assert world.file.read_bytes() == b"something else"


def test_each_step_is_durable_before_the_next(children: Children, tmp_path: Path) -> None:
    """A loss of power, unlike a signal, shows only in the order of the calls."""
    world = World(tmp_path / "trial")
    _, lines = run(children, world, "seal", world.prepare("seal"))
    assert in_order(lines, "pwrite64 fsync rename fsync unlink fsync rename fsync")
    id = world.vault.entries()[0].id
    _, lines = run(children, world, "restore", id)
    assert in_order(lines, "fsync rename fsync pwrite64 fsync link unlink fsync unlink fsync unlink fsync")


def in_order(lines: list[str], calls: str) -> bool:
    """Whether the writing calls, repetitions and those between left out, are exactly `calls`."""
    seen: list[str] = []
    for step in writing_steps(lines):
        call = step.call.removesuffix("at")
        if call in calls.split() and (not seen or seen[-1] != call):
            seen.append(call)
    return " ".join(seen).endswith(calls)


UNFINISHED = {
    "recover-undo": ("seal", "unlink", 1),
    "recover-complete": ("seal", "rename", 2),
    "recover-writing": ("restore", "link", 1),
    "recover-written": ("restore", "unlink", 2),
}
"""What is interrupted, and at which of its calls (the count since the mark)."""


@pytest.mark.parametrize("case", UNFINISHED)
def test_recovery_may_be_killed_too(children: Children, case: str, tmp_path: Path) -> None:
    operation, call, count = UNFINISHED[case]
    folder = tmp_path / "trial"
    world = World(folder)
    _, lines = run(children, world, operation, world.prepare(operation))
    step = [s for s in writing_steps(lines) if s.call in (call, call + "at")][count - 1]
    kill = step.failing("signal=KILL")

    def unfinished() -> World:
        world = World(folder)
        assert run(children, world, operation, world.prepare(operation), kill)[0] == -9
        assert world.leftovers()
        return world

    world = unfinished()
    code, lines = run(children, world, case, "-")
    assert code == 0
    steps = writing_steps(lines)
    assert steps
    for step in steps:
        world = unfinished()
        assert run(children, world, case, "-", step.failing("signal=KILL"))[0] == -9
        check(world, operation, step)
