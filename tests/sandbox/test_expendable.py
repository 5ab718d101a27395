"""Questions to processes that can be lost: several at once share what one may cost."""

from __future__ import annotations

import mmap
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count

import pytest

from overt.core.errors import ConfinementError, PackError
from overt.sandbox import nursery
from overt.sandbox.expendable import Bounds, Expendables, WorkerDied

BOUNDS = Bounds(max_memory_bytes=1 << 30, max_answer_bytes=1 << 20, deadline_s=60)
MET = mmap.mmap(-1, 2)
"""Shared with all workers: who has come to a meeting of two."""


def _answer(question: bytes) -> bytes:
    """Sleep, take memory, or answer bytes, as asked."""
    what, number = question.decode().split()
    match what:
        case "sleep":
            time.sleep(float(number))
        case "meet":
            MET[int(number)] = 1
            while not MET[1 - int(number)]:
                time.sleep(0.01)
        case "take":
            return str(len(bytearray(int(number)))).encode()
        case "say":
            return bytes(int(number))
        case "fail":
            raise PackError(number)
        case "loop":
            for _ in count():
                pass
    return what.encode()


@pytest.fixture(params=[True, False], ids=["confined", "unconfined"])
def workers(request: pytest.FixtureRequest) -> Iterator[Expendables]:
    made = Expendables(_answer, BOUNDS, confined=request.param)
    yield made
    made.close()


def test_they_work_at_once_and_answer_in_order(workers: Expendables) -> None:
    MET[:] = bytes(2)
    assert workers.ask_together([b"meet 0", b"say 3", b"meet 1"]) == [b"meet", bytes(3), b"meet"]
    assert workers.ask_together([]) == []


def test_they_share_memory() -> None:
    """In a program of its own: the bound is on all of a worker's address space, and these tests' own is large."""
    program = "from tests.sandbox.test_expendable import share_memory; share_memory()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def share_memory() -> None:
    workers = Expendables(_answer, BOUNDS)
    room = b"take %d" % (BOUNDS.max_memory_bytes * 5 // 8)
    try:
        assert workers.ask(room) == room.split()[1]
        with pytest.raises(WorkerDied, match="memory"):
            workers.ask_together([room, room])
        with pytest.raises(WorkerDied, match="memory"):
            workers.ask_together([room, b"say 1"])
    finally:
        workers.close()


def test_they_share_the_bytes_of_answers(workers: Expendables) -> None:
    half = b"say %d" % (BOUNDS.max_answer_bytes * 3 // 4)
    assert len(workers.ask(half)) == BOUNDS.max_answer_bytes * 3 // 4
    with pytest.raises(WorkerDied, match="more than 524,288 bytes"):
        workers.ask_together([b"say 1", half])


def test_the_first_that_fails_ends_all(workers: Expendables) -> None:
    began = time.monotonic()
    with pytest.raises(PackError, match="why"):
        workers.ask_together([b"fail why", b"loop 0"])
    assert time.monotonic() - began < BOUNDS.deadline_s / 2
    assert workers.ask(b"say 1") == bytes(1)


def test_questions_that_follow_have_the_time_of_one() -> None:
    workers = Expendables(_answer, Bounds(max_memory_bytes=1 << 30, deadline_s=6))
    try:
        ask = workers.within_deadline()
        assert ask([b"sleep 1.5", b"say 1"])[1] == bytes(1)
        with pytest.raises(WorkerDied, match="took longer"):
            ask([b"sleep 5"])
        assert workers.ask(b"sleep 0.1") == b"sleep"
    finally:
        workers.close()


def test_they_get_ready_while_others_do() -> None:
    """A start that nobody waits for is waited for by whoever needs it, and fails there."""
    began = time.monotonic()
    workers = Expendables(_answer, BOUNDS, prepare=lambda: time.sleep(5), wait=False)
    try:
        assert time.monotonic() - began < 5
        workers.started()
        assert time.monotonic() - began >= 5
        workers.started()
        assert workers.ask(b"say 1") == bytes(1)
    finally:
        workers.close()


def test_a_start_that_fails_is_an_error_of_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> None:
        raise ConfinementError("the kernel said no")

    monkeypatch.setattr(nursery, "_lock_nursery", refused)
    workers = Expendables(_answer, BOUNDS, wait=False)
    try:
        with pytest.raises(ConfinementError, match="the kernel said no"):
            workers.started()
    finally:
        workers.close()
    with pytest.raises(ConfinementError, match="the kernel said no"):
        Expendables(_answer, BOUNDS)
