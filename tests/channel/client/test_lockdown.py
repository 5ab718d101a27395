"""What the verifier can still write to, with Landlock and with a mount namespace instead."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.channel.client.session import session
from overt.sandbox import landlock
from tests.conftest import require

HELD, WRITTEN, FAILED = 10, 11, 12


def in_fork(act: Callable[[], int]) -> int:
    """The exit code of a process that does `act`."""
    pid = os.fork()
    if pid == 0:
        code = FAILED
        try:
            code = act()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture(params=[True, False], ids=["landlock", "mounts"])
def with_landlock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param:
        require(landlock.abi() > 0, "Landlock")
    else:
        monkeypatch.setattr(landlock, "abi", lambda: 0)
    return bool(request.param)


def writing(path: str | Path) -> int:
    try:
        os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), b"spoiled!")
    except OSError:
        return HELD
    return WRITTEN


@pytest.mark.kernel
def test_a_file_on_standard_input_stays_as_it_is(
    overt_home: Path, tmp_path: Path, with_landlock: bool
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")

    def act() -> int:
        os.dup2(os.open(precious, os.O_RDONLY), 0)
        with session({}):
            assert os.read(0, 1) == b""
            writing("/proc/self/fd/0")
            return writing(precious)

    assert in_fork(act) == HELD
    assert precious.read_text() == "precious"


@pytest.mark.kernel
def test_a_named_pipe_is_governed_by_landlock_only(
    overt_home: Path, tmp_path: Path, with_landlock: bool
) -> None:
    """As the threat model says: a mount namespace does not hold it back."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def act() -> int:
        with session({}):
            return writing(pipe)

    assert in_fork(act) == (HELD if with_landlock else WRITTEN)
    os.close(reader)
