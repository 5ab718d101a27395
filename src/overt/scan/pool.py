"""The reader's side of the examiners: hands out files, keeps the deadlines, replaces the dead.

Nothing that a worker does can lose a file: a file leaves the pool only with an `Outcome`. The file a worker died
on becomes a gap; the files queued behind it go to another worker.
"""

from __future__ import annotations

import select
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from overt.core.model import Examination, Gap, Reason
from overt.sandbox.nursery import LAST_WORDS, Nursery, Worker
from overt.scan.wire import BATCH, Job, Misbehaved, ReplyReader, send_jobs

QUEUE = 2 * BATCH
"""Files handed to one worker ahead of its answers."""
PACKETS = 256
"""Packets taken from one worker before the others have a turn."""
LARGE_BYTES = 1 << 20
"""From this size on a file is handed out alone, so that small ones don't wait behind it."""
MEMORY_STATUS = 3
"""Exit status of an examiner that ran out of its address space (`nursery._be_worker`)."""


@dataclass(slots=True)
class Task:
    """One open file on its way through the pool. Its descriptor stays open, and the session's to close."""

    job: Job
    fd: int
    subject: object
    """The session's own record of the file, handed back with the outcome."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one task."""

    task: Task
    examination: Examination
    elapsed_s: float
    lasting: bool
    """False: another try may end differently (deadline, death), so it is not to be remembered."""


@dataclass(slots=True, eq=False)
class _Hand:
    """One worker with its queue; the first of the queue is what it works on."""

    worker: Worker
    queue: deque[Task] = field(default_factory=deque)
    reader: ReplyReader = field(default_factory=ReplyReader)
    since: float = 0.0
    """When the first of the queue became first (monotonic seconds)."""
    alone: bool = False
    """It has a large file: nothing is queued behind that."""


class Pool:
    """A fixed number of workers, replaced as they die."""

    def __init__(
        self,
        nursery: Nursery,
        workers: int,
        deadline_s: float,
        hired: Callable[[], None] = lambda: None,
    ) -> None:
        """`hired` is told of each new worker: with the first one the rules are known to be loaded."""
        self._nursery = nursery
        self._hired = hired
        self._deadline_s = deadline_s
        self._poll = select.poll()
        self._hands: list[_Hand] = []
        self._by_fd: dict[int, _Hand] = {}
        self._backlog: deque[Task] = deque()
        self._count = workers

    @property
    def busy(self) -> bool:
        """Whether any file is still on its way."""
        return bool(self._backlog) or any(hand.queue for hand in self._hands)

    @property
    def hungry(self) -> bool:
        """Whether another file should be handed in."""
        return len(self._backlog) < BATCH * self._count

    def submit(self, task: Task) -> None:
        """Take a file over."""
        self._backlog.append(task)

    def outcomes(self, timeout_s: float) -> Iterator[Outcome]:
        """Hand out what waits, then yield what has ended; waits at most `timeout_s` for it."""
        self._hand_out()
        for fd, _ in self._poll.poll(timeout_s * 1000):
            hand = self._by_fd.get(fd)
            if hand is not None:
                yield from self._collect(hand)
        now = time.monotonic()
        for hand in list(self._hands):
            if hand.queue and now - hand.since > self._deadline_s:
                yield from self._overdue(hand)

    def abandon(self) -> Iterator[Task]:
        """Stop at once; yields every file that had no outcome yet."""
        for hand in self._hands:
            hand.worker.kill()
            self._backlog.extend(hand.queue)
            hand.queue.clear()
        while self._backlog:
            yield self._backlog.popleft()

    def close(self) -> None:
        """Let all workers end."""
        for hand in self._hands:
            hand.worker.close()
        self._hands.clear()
        self._nursery.close()

    def _hire(self) -> None:
        worker = self._nursery.worker()
        worker.socket.setblocking(False)
        hand = _Hand(worker)
        self._hands.append(hand)
        for fd in worker.descriptors:
            self._by_fd[fd] = hand
            self._poll.register(fd, select.POLLIN)
        self._hired()

    def _hand_out(self) -> None:
        """The shortest queue is filled first. Workers are hired when there is something for them."""
        working = sum(bool(hand.queue) for hand in self._hands)
        while len(self._hands) < min(self._count, len(self._backlog) + working):
            self._hire()
        while self._backlog:
            hand = min(self._hands, key=lambda hand: len(hand.queue) + QUEUE * hand.alone)
            if hand.alone or len(hand.queue) >= QUEUE:
                return
            batch = self._next_batch(bool(hand.queue))
            if not batch:
                return
            if not hand.queue:
                hand.since = time.monotonic()
            hand.queue.extend(batch)
            hand.alone = batch[0].job.size >= LARGE_BYTES
            try:
                send_jobs(hand.worker.socket, [task.job for task in batch], [task.fd for task in batch])
            except (
                OSError
            ):  # it died, or cannot be reached: its end is collected from the socket like any other
                hand.worker.kill()

    def _next_batch(self, behind_others: bool) -> list[Task]:
        if self._backlog[0].job.size >= LARGE_BYTES:
            return [] if behind_others else [self._backlog.popleft()]
        batch: list[Task] = []
        while self._backlog and len(batch) < BATCH and self._backlog[0].job.size < LARGE_BYTES:
            batch.append(self._backlog.popleft())
        return batch

    def _collect(self, hand: _Hand) -> Iterator[Outcome]:
        """Everything the worker has said; its death, if it died."""
        try:
            for _ in range(PACKETS):  # others have a turn, too
                packet = _next_packet(hand.worker)
                if not packet:
                    yield from self._end(hand, None)
                    return
                if packet[:1] == LAST_WORDS:
                    words = packet[1:].decode("utf-8", "replace")
                    yield from self._end(hand, Gap(Reason.CRASHED, f"defect in the examiner: {words}"))
                    return
                if (outcome := self._answer(hand, packet)) is not None:
                    yield outcome
        except BlockingIOError:
            if (call := hand.worker.forbidden_call()) is not None:
                yield from self._end(hand, Gap(Reason.FORBIDDEN_CALL, call))
        except Misbehaved as error:
            yield from self._end(hand, Gap(Reason.CRASHED, f"the examiner misbehaved: {error}"))

    def _answer(self, hand: _Hand, packet: bytes) -> Outcome | None:
        reply = hand.reader.feed(packet)
        if reply is None:
            return None
        if not hand.queue or hand.queue[0].job.id != reply.id:
            raise Misbehaved("a reply to a file that was not due")
        task = hand.queue.popleft()
        hand.since = time.monotonic()
        hand.alone = False
        return Outcome(task, reply.examination, reply.elapsed_s, lasting=True)

    def _overdue(self, hand: _Hand) -> Iterator[Outcome]:
        """Kill a worker whose file is past the deadline, unless its answer has just come."""
        late = hand.queue[0]
        yield from self._collect(hand)
        if hand.queue and hand.queue[0] is late:
            yield from self._end(hand, Gap(Reason.DEADLINE, f"not done after {self._deadline_s:g} s"))

    def _end(self, hand: _Hand, gap: Gap | None) -> Iterator[Outcome]:
        """Bury a worker, blame the file it worked on, queue the others again."""
        hand.worker.kill()
        status = self._nursery.reap(hand.worker)
        self._hands.remove(hand)
        for fd in hand.worker.descriptors:
            del self._by_fd[fd]
            self._poll.unregister(fd)
        hand.worker.close()
        if hand.queue:
            task = hand.queue.popleft()
            self._backlog.extendleft(reversed(hand.queue))
            blame = gap or _death(status)
            elapsed = time.monotonic() - hand.since
            yield Outcome(task, Examination(gaps=(blame,)), elapsed, lasting=False)


def _next_packet(worker: Worker) -> bytes:
    """What the worker said next; empty when it is gone and has said all. Raises `BlockingIOError`."""
    try:
        return worker.socket.recv(1 << 17)
    except (
        ConnectionResetError
    ):  # told once when it died with files in its queue; its answers are still there
        return worker.socket.recv(1 << 17)


def _death(status: int) -> Gap:
    """What an examiner's exit status says about the file it was examining."""
    if status == MEMORY_STATUS:
        return Gap(Reason.MEMORY, "the examiner ran out of memory")
    if status < 0:
        return Gap(Reason.CRASHED, f"the examiner was killed by {signal.Signals(-status).name}")
    return Gap(Reason.CRASHED, f"the examiner ended with status {status}")
