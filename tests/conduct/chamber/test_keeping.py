"""What steps print is in their files when they end, also on a machine that is too busy to copy it at once."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from overt.conduct.chamber.control import LAST_OUTPUT_S, Control
from overt.conduct.chamber.keeping import Keeper
from tests.waiting import PATIENCE_S, until

SAID = b"line of output\n" * 10_000
PIPE_BYTES = 1 << 16
"""That a pipe holds: what its other end has not read."""
NOBODY = 1 << 24
"""No process has this number."""


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[Path, bytearray]]:
    """A file that takes its time before it takes anything: a named pipe, and what came out of it."""
    path, taken, done = tmp_path / "slow", bytearray(), threading.Event()
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def take() -> None:
        done.wait(4 * LAST_OUTPUT_S)
        while not done.is_set():
            if select.select([reading], [], [], 0.05)[0]:
                taken.extend(os.read(reading, 1 << 16))

    taking = threading.Thread(target=take)
    taking.start()
    yield path, taken
    done.set()
    taking.join()
    os.close(reading)


@pytest.mark.parametrize("left", [False, True], ids=["alone", "with something left behind"])
def test_a_step_has_ended_when_its_output_is_kept(slow: tuple[Path, bytearray], left: bool) -> None:
    """`left`: a process that goes on holds the pipe."""
    path, taken = slow
    control, init = Control.pair()
    held: list[int] = []

    def play_init() -> None:
        _, fds, _, _ = socket.recv_fds(init, 1 << 17, 1)
        with open(fds[0], "wb", closefd=not left) as output:
            output.write(SAID)
        held.extend(fds)
        for answer in ({"pid": NOBODY}, {"status": 0}):
            init.send(json.dumps({"step": 1, **answer}).encode())

    playing = threading.Thread(target=play_init)
    playing.start()
    ended = control.run({}, path, 1 << 20, PATIENCE_S, background=False)
    assert ended.exit_status == 0 and len(taken) >= len(SAID) - 2 * PIPE_BYTES, "all of it was written"
    assert until(lambda: len(taken) == len(SAID)) and bytes(taken) == SAID
    playing.join()
    if left:
        os.close(held[0])
    control.close()
    init.close()


def test_who_goes_on_printing_is_not_waited_for(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    keeper, over = Keeper(reading, tmp_path / "out", 1 << 30), threading.Event()

    def print_on() -> None:
        with open(writing, "wb", buffering=0) as output:
            while not over.is_set():
                output.write(b"more ")

    printing = threading.Thread(target=print_on)
    printing.start()
    assert until(lambda: (tmp_path / "out").exists() and (tmp_path / "out").stat().st_size)
    keeper.caught_up(PATIENCE_S)
    assert printing.is_alive()
    over.set()
    printing.join()
    keeper.caught_up(PATIENCE_S)
    assert b"".join((tmp_path / "out").read_bytes().split(b"more ")) == b""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_file_that_takes_no_more_ends_the_waiting(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    keeper = Keeper(reading, tmp_path / "no such folder/out", 1)
    keeper.join(PATIENCE_S)
    keeper.caught_up(PATIENCE_S)
    os.close(writing)
