"""The warden's end of the socket to the chamber's init: steps are asked for, and their ends waited for."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from overt.conduct.chamber.keeping import Keeper
from overt.conduct.chamber.plan import Ended
from overt.conduct.chamber.steps import END_S, MAX_MESSAGE_BYTES
from overt.core.errors import ConductError

START_S = 60.0
ANSWER_S = END_S + 20.0
LAST_OUTPUT_S = 0.5
"""How long after a step's end what it left behind may go on printing before the next begins."""


class Control:
    """Talks to init: one step in the foreground at a time, any number in the background."""

    def __init__(self, connection: socket.socket) -> None:
        """Takes over the connected socket."""
        self._socket = connection
        self._last = 0
        self._pids: dict[int, int] = {}
        self._ended: dict[int, int] = {}
        self._left: dict[int, int] = {}
        self._keepers: list[Keeper] = []

    @classmethod
    def pair(cls) -> tuple[Control, socket.socket]:
        """The warden's end and the one for init."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), theirs

    def launcher(self) -> int:
        """Wait for the launcher; its process in the warden's namespace. Raises `ConductError`."""
        return int(self._receive(START_S)[0]["launcher"])

    def enter(self, specification: Mapping[str, Any], namespace: int) -> tuple[int, int]:
        """Tell the launcher what to become, and wait for init. Returns init as the warden counts processes, and the
        descriptor that reports refused calls, or -1. Raises `ConductError` with why init could not be."""
        socket.send_fds(self._socket, [json.dumps(specification).encode()], [namespace])
        _, fds = self._receive(START_S)
        return lab_pid(1), fds[0] if fds else -1

    def run(
        self, request: Mapping[str, Any], output: Path, max_bytes: int, timeout_s: float, background: bool
    ) -> Ended:
        """Run one step, as `Chamber.execute` says."""
        self._last += 1
        number = self._last
        reading, writing = os.pipe()
        keeper = Keeper(reading, output, max_bytes)
        self._keepers.append(keeper)
        try:
            message = json.dumps({"do": "run", "step": number, **request}).encode()
            if len(message) > MAX_MESSAGE_BYTES:
                raise ConductError(f"a step's command and environment have over {MAX_MESSAGE_BYTES} bytes")
            socket.send_fds(self._socket, [message], [writing])
        except OSError as error:
            raise ConductError(f"the chamber's init is gone: {error}") from error
        finally:
            os.close(writing)
        self._wait(lambda: number in self._pids, ANSWER_S)
        lab = lab_pid(self._pids[number])
        done = self._wait(lambda: number in self._ended, timeout_s)
        left = 0
        if not done and not background:
            left = self._end(number)
        keeper.join(LAST_OUTPUT_S)
        keeper.caught_up(ANSWER_S)
        status = self._ended.get(number) if done else None
        return Ended(status, not done and not background, self._pids[number], lab, left)

    def _end(self, number: int) -> int:
        self._socket.send(json.dumps({"do": "end", "step": number}).encode())
        if not self._wait(lambda: number in self._left, ANSWER_S):
            raise ConductError("the chamber's init does not answer: the run can't go on")
        return self._left.pop(number)

    def _wait(self, done: Any, timeout_s: float) -> bool:
        """Read what init says until `done()`; False when time is over first."""
        deadline = time.monotonic() + timeout_s
        while not done():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            with contextlib.suppress(TimeoutError):
                answer, _ = self._receive(remaining)
                for key, known in (("pid", self._pids), ("status", self._ended), ("left", self._left)):
                    if key in answer:
                        known[answer["step"]] = answer[key]
        return True

    def _receive(self, timeout_s: float) -> tuple[dict[str, Any], list[int]]:
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        if not waiting.poll(max(timeout_s, 0) * 1000):
            raise TimeoutError
        try:
            message, fds, _, _ = socket.recv_fds(self._socket, MAX_MESSAGE_BYTES, 2)
        except ConnectionError:
            message, fds = b"", []
        if not message:
            raise ConductError(
                "the chamber's init ended unexpectedly: its tracer or the machine's memory may be gone"
            )
        answer = json.loads(message)
        if "error" in answer:
            raise ConductError(f"the chamber could not be entered: {answer['error']}")
        return answer, list(fds)

    def close(self) -> None:
        """Init ends when it sees this, and the kernel everything inside."""
        self._socket.close()

    def last_output(self) -> None:
        """Wait, when everything inside has ended, until all that it printed is written."""
        for keeper in self._keepers:
            keeper.join(ANSWER_S)


def lab_pid(inside: int) -> int:
    """The process `inside` the chamber as the warden's namespace counts it; 0 if it is gone already (NSpid of
    proc_pid_status(5))."""
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/status", "rb") as stream:
                line = next((line for line in stream if line.startswith(b"NSpid:")), b"")
        except OSError:
            continue
        numbers = line.split()[1:]
        if len(numbers) == 2 and int(numbers[1]) == inside:
            return int(name)
    return 0
