"""A task in a process of its own: what it returns, asks and raises, and how its end is told."""

from __future__ import annotations

import os
import signal
import socket
import struct

import pytest

from overt.core.errors import Malformed, OvertError
from overt.sandbox import apart as module
from overt.sandbox.apart import Line, TaskDied, apart


def nothing(question: bytes) -> bytes:
    raise AssertionError(question)


def test_what_a_task_returns_and_asks() -> None:
    def task(line: Line) -> bytes:
        assert os.getpid() != parent
        return b", ".join(line.ask(b"%d" % n) for n in range(3)) + bytes(1 << 20)

    parent = os.getpid()
    said = apart(task, lambda question: question + b"!")
    assert said == b"0!, 1!, 2!" + bytes(1 << 20)


def test_what_a_task_raises() -> None:
    def wrong(line: Line) -> bytes:
        raise Malformed("words for people")

    def unwritable(line: Line) -> bytes:
        open("/nonexistent/file", "w")
        return b""

    with pytest.raises(OvertError, match=r"^words for people$"):
        apart(wrong, nothing)
    with pytest.raises(OvertError, match=r"^/nonexistent/file: No such file or directory$"):
        apart(unwritable, nothing)


def test_how_a_task_dies(capfd: pytest.CaptureFixture[str]) -> None:
    def killed(line: Line) -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    def defect(line: Line) -> bytes:
        raise KeyError("a defect")

    with pytest.raises(TaskDied, match="killed by signal 9"):
        apart(killed, nothing)
    with pytest.raises(TaskDied, match="ended with status 1"):
        apart(defect, nothing)
    assert "a defect" in capfd.readouterr().err


def test_a_task_that_breaks_the_form_is_ended() -> None:
    def huge(line: Line) -> bytes:
        line._connection.sendall(struct.pack(">cI", module.ASKED, module.MAX_FRAME_BYTES + 1))
        signal.pause()
        return b""

    with pytest.raises(TaskDied, match="killed by signal 9"):
        apart(huge, nothing)


def test_a_task_that_hangs_is_ended() -> None:
    def hangs(line: Line) -> bytes:
        signal.pause()
        return b""

    def trickles(line: Line) -> bytes:
        while True:
            line.ask(b"")

    for task in (hangs, trickles):
        with pytest.raises(TaskDied, match=r"took longer than 0\.3 s"):
            apart(task, lambda question: b"", 0.3)


def test_what_fails_here_ends_the_task() -> None:
    children: list[int] = []

    def asking(line: Line) -> bytes:
        line.ask(b"%d" % os.getpid())
        return b""

    def fails(question: bytes) -> bytes:
        children.append(int(question))
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        apart(asking, fails)
    with pytest.raises(ChildProcessError):
        os.waitpid(children[0], os.WNOHANG)


def test_a_task_has_no_standard_input_or_output(capfd: pytest.CaptureFixture[str]) -> None:
    def prints(line: Line) -> bytes:
        os.write(1, b"not for the terminal")
        with socket.socket(fileno=os.dup(line.descriptor)):
            return os.read(0, 1)

    assert apart(prints, nothing) == b""
    assert capfd.readouterr().out == ""
