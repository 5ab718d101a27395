"""A rule review in a confined, expendable worker: rules are untrusted text until somebody has read them."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from overt.core.errors import OvertError
from overt.engine.warm import warm_up
from overt.rules.compile import RuleText
from overt.rules.review import Review
from overt.rules.review.dynamic import review_all
from overt.rules.review.lexicon import terms
from overt.rules.review.ordinary import ordinary
from overt.rules.yara_source import Problem, split
from overt.sandbox.nursery import Nursery, Serve, Worker

MAX_MEMORY_BYTES = 4 << 30
DEADLINE_S = 600.0
"""Seconds for a whole review; 5,000 rules take well under one minute."""
PART_BYTES = 60_000
MAX_ANSWER_BYTES = 256 << 20
MORE, LAST = b"\x01", b"\x00"


class ReviewError(OvertError):
    """The review could not be finished: nothing is known of the rules."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The review, and what could not be read (and is therefore in no pack)."""

    review: Review
    problems: tuple[Problem, ...]


def run(
    texts: Sequence[RuleText],
    dynamic: bool = True,
    confined: bool = True,
    max_memory_bytes: int = MAX_MEMORY_BYTES,
    deadline_s: float = DEADLINE_S,
) -> Reviewed:
    """Review the rules of `texts`, in a process without files and network (not with `confined` false); `dynamic`: run
    them over the corpus too. Raises `ReviewError` when they exhaust the worker, `ConfinementError` without one."""
    nursery = Nursery(partial(_make, tuple(texts), dynamic), max_memory_bytes, confined, _prepare)
    worker = nursery.worker()
    try:
        answer = _answer(worker, deadline_s)
        return msgspec.msgpack.decode(answer, type=Reviewed)
    except msgspec.MsgspecError as error:
        raise ReviewError(
            f"the review's worker gave no whole answer ({error}): review fewer rules at once"
        ) from error
    finally:
        worker.kill()
        nursery.reap(worker)
        worker.close()
        nursery.close()


def reviewed(texts: Sequence[RuleText], dynamic: bool) -> Reviewed:
    """The review itself, in the calling process."""
    problems = tuple(problem for text in texts for problem in split(text.source, text.text).problems)
    return Reviewed(review_all(texts, dynamic), problems)


def _prepare() -> None:
    """Everything that is read from disk, before that becomes impossible."""
    terms()
    ordinary("")
    ordinary("some text")
    warm_up()


def _make(texts: tuple[RuleText, ...], dynamic: bool) -> Serve:
    return partial(_serve, texts=texts, dynamic=dynamic)


def _serve(connection: socket.socket, texts: tuple[RuleText, ...], dynamic: bool) -> None:
    """The worker's life: one answer in parts, each led by one byte that says whether more follow."""
    answer = msgspec.msgpack.encode(reviewed(texts, dynamic))
    while len(answer) > PART_BYTES:
        connection.send(MORE + answer[:PART_BYTES])
        answer = answer[PART_BYTES:]
    connection.send(LAST + answer)


def _answer(worker: Worker, deadline_s: float) -> bytes:
    """The parts of the worker's answer, joined. Raises `ReviewError`."""
    waiting = select.poll()
    for descriptor in worker.descriptors:
        waiting.register(descriptor, select.POLLIN)
    end = time.monotonic() + deadline_s
    parts: list[bytes] = []
    size = 0
    while True:
        if not waiting.poll(max(end - time.monotonic(), 0) * 1000):
            raise ReviewError(f"the review took longer than {deadline_s:g} s: review fewer rules at once")
        if call := worker.forbidden_call():
            raise ReviewError(f"a forbidden system call ({call}) was attempted while the rules were reviewed")
        packet = worker.socket.recv(PART_BYTES + 1)
        size += len(packet)
        if packet[:1] not in (MORE, LAST) or size > MAX_ANSWER_BYTES:
            why = packet[1:200].decode("utf-8", "replace") if packet else "memory is bounded"
            raise ReviewError(f"the review's worker died ({why}): review fewer rules at once")
        parts.append(packet[1:])
        if packet[:1] == LAST:
            return b"".join(parts)
