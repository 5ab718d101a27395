"""One question, one answer, one confined process: for bytes that may kill whoever reads them.

The questioner keeps every limit: it counts the answer, looks at the clock, and kills. Packets of the conversation are
led by one byte: more follows, the last one, or (answers only) a failure by the name of its error.
"""

from __future__ import annotations

import gc
import math
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from overt.core import errors
from overt.core.errors import OvertError
from overt.sandbox.nursery import EXAMINERS, LAST_WORDS, Kind, Nursery, Serve, Worker

PART_BYTES = 60_000
LAST, MORE, FAILED = b"\x00", b"\x01", b"\x02"
TOLD = {error.__name__: error for error in (errors.Malformed, errors.PeerLied, errors.PackError)}
"""Errors that an answer may be."""

Answer = Callable[[bytes], bytes]
"""Runs in the worker: the question's bytes → the answer's. What it raises of `TOLD` reaches the questioner."""


class WorkerDied(OvertError):
    """The process died, took too long, answered too much or tried what is forbidden: there is no answer."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one question may cost, or several that are asked together."""

    max_memory_bytes: int = 4 << 30
    """Address space of the process (kernel: RLIMIT_AS)."""
    max_answer_bytes: int = 1 << 30
    """Bytes of its answer (questioner)."""
    deadline_s: float = 300.0
    """Seconds from question to answer (questioner, kills)."""

    def each_of(self, count: int) -> Bounds:
        """What is left for each of `count` processes at a time."""
        return replace(
            self,
            max_memory_bytes=self.max_memory_bytes // max(count, 1),
            max_answer_bytes=self.max_answer_bytes // max(count, 1),
        )


class Expendables:
    """Fresh processes for one kind of question each; start it before this process locks itself down."""

    def __init__(
        self,
        answer: Answer,
        bounds: Bounds,
        confined: bool = True,
        prepare: Callable[[], None] = lambda: None,
        kind: Kind = EXAMINERS,
        wait: bool = True,
    ) -> None:
        """`prepare` reads what `answer` will need, before that becomes impossible. Without `wait`, call `started`
        before this process locks itself down. Raises `ConfinementError`."""
        self._bounds = bounds
        make = partial(_make, answer)
        self._nursery = Nursery(make, bounds.max_memory_bytes, confined, prepare, kind, wait)

    def started(self) -> None:
        """Wait until processes can be had. Raises `ConfinementError` when they could not be confined."""
        self._nursery.started()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a process that locks itself down must keep open."""
        return self._nursery.descriptors

    def ask(self, question: bytes) -> bytes:
        """The answer of a process that ends with it. Raises `WorkerDied`, an error of `TOLD`, `ConfinementError`."""
        return self.ask_together([question])[0]

    def ask_together(self, questions: Sequence[bytes], end: float | None = None) -> list[bytes]:
        """The answers of as many processes, all at work at once, which share the bounds: each has its part of memory
        and bytes. `end`: when they are due (`time.monotonic`), if that is before the deadline. Raises as `ask`."""
        end = min(end or math.inf, time.monotonic() + self._bounds.deadline_s)
        bounds = self._bounds.each_of(len(questions))
        workers: list[Worker] = []
        try:
            for question in questions:
                workers.append(self._nursery.worker(bounds.max_memory_bytes))
                _put(workers[-1], question, bounds, end)
            return [_answer(worker, bounds, end) for worker in workers]
        finally:
            for worker in workers:
                worker.kill()
                self._nursery.reap(worker)
                worker.close()

    def within_deadline(self) -> Callable[[Sequence[bytes]], list[bytes]]:
        """`ask_together` for questions that follow from each other: all have the time of one."""
        return partial(self.ask_together, end=time.monotonic() + self._bounds.deadline_s)

    def close(self) -> None:
        """End it."""
        self._nursery.close()


def _make(answer: Answer) -> Serve:
    return partial(_serve, answer=answer)


def _serve(connection: socket.socket, answer: Answer) -> None:
    """The worker's life. What it leaves behind ends with it: looking for that would cost more."""
    gc.disable()
    parts = []
    while packet := connection.recv(PART_BYTES + 1):
        parts.append(packet[1:])
        if packet[:1] == LAST:
            break
    else:
        return
    question = b"".join(parts)
    parts.clear()
    try:
        said = answer(question)
    except tuple(TOLD.values()) as error:
        connection.send(FAILED + f"{type(error).__name__} {error}".encode("utf-8", "replace")[:4000])
        return
    for packet in _packets(said):
        connection.send(packet)


def _packets(data: bytes) -> list[bytes]:
    view = memoryview(data)
    starts = range(0, max(len(data), 1), PART_BYTES)
    return [(LAST if s == starts[-1] else MORE) + view[s : s + PART_BYTES] for s in starts]


def _put(worker: Worker, question: bytes, bounds: Bounds, end: float) -> None:
    worker.socket.settimeout(max(end - time.monotonic(), 0.001))
    try:
        for packet in _packets(question):
            worker.socket.send(packet)
    except TimeoutError:
        raise WorkerDied(f"the worker did not listen for {bounds.deadline_s:g} s, and was killed") from None
    except OSError as error:
        raise WorkerDied(f"the worker died before it was asked ({error.strerror})") from None


def _answer(worker: Worker, bounds: Bounds, end: float) -> bytes:
    waiting = select.poll()
    for descriptor in worker.descriptors:
        waiting.register(descriptor, select.POLLIN)
    parts: list[bytes] = []
    size = 0
    while True:
        if not waiting.poll(max(end - time.monotonic(), 0) * 1000):
            raise WorkerDied(f"the worker took longer than {bounds.deadline_s:g} s, and was killed")
        if call := worker.forbidden_call():
            raise WorkerDied(f"the worker attempted a forbidden system call ({call}), and was killed")
        try:
            packet = worker.socket.recv(PART_BYTES + 1)
        except OSError:
            packet = b""
        size += len(packet)
        if packet[:1] == FAILED:
            raise _told(packet[1:])
        if packet[:1] not in (LAST, MORE):
            raise WorkerDied(f"the worker died ({_last_words(packet)})")
        if size > bounds.max_answer_bytes:
            raise WorkerDied(
                f"the worker answered more than {bounds.max_answer_bytes:,} bytes, and was killed"
            )
        parts.append(packet[1:])
        if packet[:1] == LAST:
            return b"".join(parts)


def _told(data: bytes) -> OvertError:
    name, _, message = data.decode("utf-8", "replace").partition(" ")
    shown = "".join(char if char.isprintable() else "?" for char in message)
    return (
        TOLD[name](shown) if name in TOLD else WorkerDied(f"the worker reported an unknown failure: {shown}")
    )


def _last_words(packet: bytes) -> str:
    if packet[:1] != LAST_WORDS:
        return "its memory is bounded"
    return "".join(char if char.isprintable() else "?" for char in packet[1:200].decode("utf-8", "replace"))
