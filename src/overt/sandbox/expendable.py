"""One question, one answer, one confined process: for bytes that may kill whoever reads them.

The questioner keeps every limit: it counts the answer, looks at the clock, and kills. Packets of the conversation are
led by one byte: more follows, the last one, or (answers only) a failure by the name of its error.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from overt.core import errors
from overt.core.errors import OvertError
from overt.sandbox.nursery import LAST_WORDS, Nursery, Serve, Worker

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
    """What one question may cost."""

    max_memory_bytes: int = 4 << 30
    """Address space of the process (kernel: RLIMIT_AS)."""
    max_answer_bytes: int = 1 << 30
    """Bytes of its answer (questioner)."""
    deadline_s: float = 300.0
    """Seconds from question to answer (questioner, kills)."""


class Expendables:
    """Fresh processes for one kind of question each; start it before this process locks itself down."""

    def __init__(
        self,
        answer: Answer,
        bounds: Bounds,
        confined: bool = True,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        """`prepare` reads what `answer` will need, before that becomes impossible. Raises `ConfinementError`."""
        self._bounds = bounds
        self._nursery = Nursery(partial(_make, answer), bounds.max_memory_bytes, confined, prepare)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a process that locks itself down must keep open."""
        return self._nursery.descriptors

    def ask(self, question: bytes) -> bytes:
        """The answer of a process that ends with it. Raises `WorkerDied`, an error of `TOLD`, `ConfinementError`."""
        worker = self._nursery.worker()
        try:
            return _converse(worker, question, self._bounds)
        finally:
            worker.kill()
            self._nursery.reap(worker)
            worker.close()

    def close(self) -> None:
        """End it."""
        self._nursery.close()


def _make(answer: Answer) -> Serve:
    return partial(_serve, answer=answer)


def _serve(connection: socket.socket, answer: Answer) -> None:
    """The worker's life."""
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


def _converse(worker: Worker, question: bytes, bounds: Bounds) -> bytes:
    end = time.monotonic() + bounds.deadline_s
    worker.socket.settimeout(bounds.deadline_s)
    try:
        for packet in _packets(question):
            worker.socket.send(packet)
    except TimeoutError:
        raise WorkerDied(f"the worker did not listen for {bounds.deadline_s:g} s, and was killed") from None
    except OSError as error:
        raise WorkerDied(f"the worker died before it was asked ({error.strerror})") from None
    return _answer(worker, bounds, end)


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
