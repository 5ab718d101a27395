"""`kill -9` and a full disk at every step of an update and a switch: a whole, verified release stays in use.

The update runs in a fork of this process. An audit hook there counts what changes the disk (and fsync and write, which
have no audit event, are wrapped); at the chosen step it kills the process, or makes the call fail as a full disk does.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overt.channel.client import jobs, subscribe
from overt.channel.client.jobs import Contents, Unpack, Workers
from overt.channel.client.outcome import Updated
from overt.channel.client.place import locked
from overt.channel.client.source import InFolder
from overt.core.errors import OvertError
from overt.ledger import Ledger, verify
from overt.rules import active, building, subscribed
from overt.rules.compile import Built, RuleText, Tell
from overt.rules.subscribed import Subscription
from tests.channel.client.conftest import Counting, Machine
from tests.channel.publisher.world import World

WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT
EVENTS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "shutil.rmtree"}
DONE, FAILED = 0, 7


class Inline(Workers):
    """The workers' questions answered in this process, so that every step is this process's own."""

    def __init__(self) -> None:
        pass

    def unpack(self, asked: Unpack) -> bytes:
        return jobs.answer(jobs.msgspec.msgpack.encode(asked))

    def read(self, data: bytes) -> Contents:
        return jobs._contents(data)

    def build(self, texts: list[RuleText], names: tuple[str, ...], tell: Tell) -> Built:  # type: ignore[override]
        return building.answered(building.answer(building.question(texts, names)))


class Faults:
    """Lets `steps` changes of the disk pass, then kills or refuses."""

    def __init__(self, steps: int, kill: bool) -> None:
        self.left, self.kill, self.count = steps, kill, 0

    def install(self) -> None:
        for name in ("fsync", "write"):
            setattr(os, name, self._wrapped(getattr(os, name)))
        sys.addaudithook(self._hook)

    def _wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any) -> Any:
            self._step()
            return call(*arguments)

        return wrapper

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITE):
            self._step()

    def _step(self) -> None:
        self.count += 1
        self.left -= 1
        if self.left < 0:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def in_fork(act: Callable[[], bool], steps: int, kill: bool) -> int:
    """The exit code (negative: signal) of a process in which `act` meets the fault; 100 + … when it met none."""
    pid = os.fork()
    if pid == 0:
        faults = Faults(steps, kill)
        code = 99
        try:
            faults.install()
            code = DONE if act() else FAILED
        except (OSError, OvertError):
            code = FAILED
        finally:
            os._exit(code + (100 if faults.left >= 0 else 0))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A base pack that compiles at once."""
    text = RuleText("base", "small.yar", 'rule small { strings: $a = "overt-small" condition: $a }')
    monkeypatch.setattr(active, "base_texts", lambda: [text])


@pytest.fixture
def installed(world: World, overt_home: Path, small: None) -> Machine:
    """Release 0 is in use, and release 1 is published."""
    machine = Machine(world, overt_home / "data", Inline(), Counting(InFolder(world.public)))
    machine.subscribe()
    assert isinstance(machine.update(), Updated)
    world.publish("two")
    return machine


def with_ledger(machine: Machine, folder: Path) -> Any:
    """The machine's client, with a ledger on the disk."""
    client = machine.client()
    return type(client)(client.data, Ledger.open(folder).append, client.workers, client.now)


@pytest.mark.parametrize("kill", [True, False], ids=["kill -9", "full disk"])
def test_at_every_step_of_an_update(installed: Machine, overt_home: Path, tmp_path: Path, kill: bool) -> None:
    ledger = overt_home / "ledger"
    Ledger.open(ledger)
    shutil.copytree(overt_home, tmp_path / "before", symlinks=True)

    def act() -> bool:
        return isinstance(with_ledger(installed, ledger).update("test", installed.source), Updated)

    steps = 0
    while (code := in_fork(act, steps, kill)) < 100:
        assert code == -signal.SIGKILL if kill else code in (DONE, FAILED), (steps, code)
        check(installed, ledger, steps)
        shutil.rmtree(overt_home)
        shutil.copytree(tmp_path / "before", overt_home, symlinks=True)
        steps += 1
    assert code == 100 + DONE
    assert steps > 50
    check(installed, ledger, steps)


def check(machine: Machine, ledger: Path, step: int) -> None:
    """One whole release in use. After every sixth fault: the next update does the rest, and leaves nothing over."""
    current = machine.subscription.current
    assert current is not None and current.serial in (0, 1), step
    assert machine.detects("one"), step
    assert machine.detects("two") == (current.serial == 1), step
    if step % 6:
        return
    assert isinstance(machine.update(again=True), Updated), step
    assert machine.detects("two"), step
    entries = list((machine.data / "channels/test/releases").iterdir())
    assert len(entries) <= 2 and not [entry for entry in entries if entry.name.startswith(".")], step
    assert verify(ledger).ok, step
    with locked(machine.data):
        assert not list(machine.data.rglob("*.tmp")), step


def test_at_every_step_of_a_switch(installed: Machine, overt_home: Path, tmp_path: Path) -> None:
    """No unprotected moment: the old channel's release until, in one step, the new one's."""
    other = World(tmp_path / "other")
    other.found()
    other.publish("nine")
    anchor = other.first_root()
    shutil.copytree(overt_home, tmp_path / "before", symlinks=True)

    def act() -> bool:
        one = Subscription("new", "http://127.0.0.1:9/", 1)
        subscribe.add(installed.data, lambda kind, facts: None, one, anchor)
        outcome = installed.client().update("new", InFolder(other.public), replaces="test")
        return isinstance(outcome, Updated)

    steps = 0
    while (code := in_fork(act, steps, kill=True)) < 100:
        index = subscribed.read_index(installed.data)
        in_use = [one.name for one in index.channels if one.current]
        assert in_use in (["test"], ["new"]), (steps, in_use)
        assert installed.detects("one") == (in_use == ["test"]), steps
        assert installed.detects("nine") == (in_use == ["new"]), steps
        shutil.rmtree(overt_home)
        shutil.copytree(tmp_path / "before", overt_home, symlinks=True)
        steps += 1
    assert code == 100 + DONE and steps > 50
    assert [one.name for one in subscribed.read_index(installed.data).channels] == ["new"]
