"""`kill -9`, a full disk and a failing disk at every call that writes, in everything that changes a channel's folder.

A first child counts the writing calls of an operation; then it is repeated in one forked child per call, which is
killed before that call (half-way through for `write`), or in which that call fails. After each, the tree must be one
that clients accept; after the next start, the release must be out, the log gapless, and no file that never changes
may have been seen with two contents.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overt.channel import layout
from overt.channel.publisher import change, publish, state
from overt.channel.publisher.change import Rotation
from overt.core.errors import ChannelError
from tests.channel.publisher.world import World

WRITING = ("open", "write", "fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "chmod")
KILL, FULL, BROKEN = "kill", "full", "broken"
SAID_SO = 3


class Fault:
    """Counts the writing calls below the channel's folder, and does its harm at the `at`th."""

    def __init__(self, at: int, how: str) -> None:
        self.at, self.how, self.count = at, how, 0
        self.real: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in WRITING}

    def install(self) -> None:
        for name in WRITING:
            setattr(os, name, self._wrapped(name))

    def _wrapped(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if name == "open" and not (len(args) > 1 and args[1] & os.O_CREAT):
                return self.real[name](*args, **options)
            self.count += 1
            if self.count == self.at:
                self._strike(name, args)
            return self.real[name](*args, **options)

        return call

    def _strike(self, name: str, args: tuple[Any, ...]) -> None:
        if self.how == KILL:
            if name == "write":
                self.real["write"](args[0], bytes(args[1][: len(args[1]) // 2]))
            os.kill(os.getpid(), signal.SIGKILL)
        number = errno.ENOSPC if self.how == FULL else errno.EIO
        raise OSError(number, os.strerror(number))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that it wrote: waiting for the disk would only cost time here."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)


def in_child(fault: Fault, operation: Callable[[], object], counter: Path) -> int:
    """The child's wait status: 0 done, SAID_SO a clear error, negative a signal."""
    child = os.fork()
    if not child:
        try:
            fault.install()
            operation()
            code = 0
        except (ChannelError, OSError):
            code = SAID_SO
        except BaseException:
            import traceback

            traceback.print_exc()
            code = 70
        for name, real in fault.real.items():
            setattr(os, name, real)
        counter.write_text(str(fault.count))
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def first(world: World) -> Callable[[], object]:
    data = world.bundle("one")
    return lambda: publish.publish(world.desk, data)


def second(world: World) -> Callable[[], object]:
    world.publish("one")
    data = world.bundle("two")
    return lambda: publish.publish(world.desk, data)


def renewal(world: World) -> Callable[[], object]:
    world.publish("one")
    return lambda: publish.renew(world.desk)


def rotation(world: World) -> Callable[[], object]:
    world.publish("one")
    change.propose_rotation(world.desk, Rotation(new_keys=("snapshot",)), None)
    return lambda: publish.publish(world.desk)


def proposing(world: World) -> Callable[[], object]:
    world.publish("one")
    return lambda: change.propose_rotation(world.desk, Rotation(), None)


def removal(world: World) -> Callable[[], object]:
    world.publish("one", "two")
    return lambda: change.propose_removal(world.desk, "two", "a reason")


OPERATIONS = {
    "first": (first, 60),
    "second": (second, 60),
    "renewal": (renewal, 20),
    "rotation": (rotation, 60),
    "proposing": (proposing, 8),
    "removal": (removal, 8),
}
"""What is interrupted, and the fewest writing calls it must have."""


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("how", [KILL, FULL, BROKEN])
def test_fault_at_every_writing_call(operation: str, how: str, tmp_path: Path) -> None:
    prepare, fewest = OPERATIONS[operation]
    origin = World(tmp_path / "origin")
    origin.found()
    act = prepare(origin)
    shutil.copytree(origin.folder, tmp_path / "template", symlinks=True)
    counter = tmp_path / "count"
    assert in_child(Fault(0, how), act, counter) == 0
    steps = int(counter.read_text())
    assert steps >= fewest
    step = 3 if how == BROKEN else 1
    for at in range(1, steps + 1, step):
        shutil.rmtree(origin.folder)
        shutil.copytree(tmp_path / "template", origin.folder, symlinks=True)
        code = in_child(Fault(at, how), act, counter)
        assert code == -signal.SIGKILL if how == KILL else code in (0, SAID_SO), (at, code)
        check(origin, tmp_path / "clients" / f"{at}", f"{operation}, {how} at call {at}")
        if at % 5 == 1:
            further(origin)
            assert origin.accepted()[0] == origin.log()[-1]


def check(world: World, client: Path, when: str) -> None:
    """The tree is good as it was left, and good again with everything done after the next start."""
    client.mkdir(parents=True)
    left = world.never_changing()
    if (world.public / layout.PROOF).exists():
        readable(world, client / "left")
    settle(world)
    found = state.read(world.desk)
    if found is not None:
        assert found.waiting is None, when
        readable(world, client / "settled")
        assert [release.serial for release in world.log()] == list(range(found.head.size)), when
    changed = {path for path, data in left.items() if path in world.files() and world.files()[path] != data}
    assert not changed, f"{when}: {changed}"
    assert not list(world.desk.folder.rglob("*.tmp")), when


def readable(world: World, client: Path) -> None:
    """What clients get is verified from the proof to the metadata."""
    release, _ = world.accepted()
    world.refresh(client)
    assert world.log()[: release.serial + 1][-1] == release
    for sha256 in release.bundles.values():
        assert (world.public / layout.bundle(sha256)).exists()


def settle(world: World) -> None:
    """The next start, with nothing new to do."""
    try:
        publish.publish(world.desk)
    except ChannelError as error:
        assert "nothing to publish" in str(error) or "no rules yet" in str(error), error


def further(world: World) -> None:
    """The next release comes after it."""
    before = len(world.log()) if (world.public / layout.CHECKPOINT).exists() else 0
    assert world.publish("further").serial == before
