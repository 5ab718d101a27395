"""The parent's side of the courier: `Courier.start(job, record)`, then `fetch` and `post`.

The parent keeps every limit: it counts and hashes the bytes itself, writes them to a file that only it names, looks
at the clock, and kills the courier that breaks any of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec

from overt.core.errors import EgressError, UsageError
from overt.egress.address import is_etag, relative_path
from overt.egress.errors import BadStatus, CourierBroke, CourierLost, Failure, Malformed, TooLong, TooSlow
from overt.egress.job import Job, Plan, order, plan
from overt.egress.limits import MAX_SENT_BYTES
from overt.egress.line import Line
from overt.egress.pace import Pace
from overt.egress.recorded import Record, RecordedAsk, RecordedStart
from overt.egress.spool import Spool
from overt.egress.wire import DEFECT, Ask, End, Failed, Head, Outfit, Piece, Ready, shown

ADVICE = {
    Failure.RESOLVE: "check the network and the URL",
    Failure.CONNECT: "check the network, and whether a proxy is needed",
    Failure.PROXY: "check the proxy's address and credentials",
    Failure.TLS: "check whether the URL or a proxy is meant to be https://",
    Failure.BROKEN: "try again later",
    Failure.SLOW: "try again later",
    Failure.STATUS: "check the URL",
    Failure.REDIRECT: "if that is right, make it the URL yourself",
    Failure.CERTIFICATE: "a CA of your own is named as CA file; else somebody is in between",
    Failure.LONG: "nothing of it is used",
    Failure.MALFORMED: "nothing of it is used",
}


_CONTENT_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, whole, in the spool. Not durable: what installs it makes it so."""

    path: Path
    bytes: int
    sha256: str
    """Lower-case hexadecimal, computed by the parent."""
    etag: str | None
    status: int = 200


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server still has what the ETag stands for (304)."""

    etag: str
    status: int = 304


@dataclass(frozen=True, slots=True)
class Posted:
    """The answer to a `post`, whatever its status."""

    status: int
    body: bytes


class Courier:
    """One courier with one job. Not safe between threads."""

    def __init__(self, line: Line, planned: Plan, job: Job, spool: Spool, record: Record) -> None:
        """For `start`."""
        self._line, self._plan, self._limits = line, planned, job.limits
        self._spool, self._record = spool, record
        self._ends_at = time.monotonic() + job.limits.total_deadline_s

    @classmethod
    def start(cls, job: Job, record: Record, *, unconfined: bool = False) -> Courier:
        """Record the start, then start a courier for `job`; use it as a context manager.

        Call it before this process locks itself down: the courier is a new program.
        `record` must make its entry durable before it returns; if it raises, nothing was sent. Raises `UsageError`
        for a job that cannot be carried out, `SpoolError`, `ConfinementError` when the courier cannot be confined
        (not with `unconfined`, which the record tells), `CourierLost`.
        """
        planned = plan(job, os.environ)
        spool = Spool(job.spool)
        try:
            start = RecordedStart(record, planned, not unconfined)
            with spool.ordered(msgspec.json.encode(order(planned, job.limits))):
                line = Line(start, _outfit(planned, job, spool, not unconfined), job.limits.start_deadline_s)
        except BaseException:
            spool.close()
            raise
        return cls(line, planned, job, spool, record)

    def fetch(self, path: str, *, max_bytes: int, etag: str | None = None) -> Fetched | NotModified:
        """GET `path` below the job's base URL into the spool; at most `max_bytes`, counted here.

        With `etag` the request is conditional. Raises what `record` raises (nothing was sent then), `NetworkFailed`
        or `PeerAtFault` (`overt.egress.errors`), `SpoolError`; no file is left then. After `TooSlow`, `TooLong` or
        `CourierBroke` the courier may be gone: `alive` says so.
        """
        if etag is not None and not is_etag(etag):
            raise UsageError(f"{etag[:100]!r} is not an ETag")
        ask = Ask("GET", relative_path(path), _count(max_bytes), etag or "")
        digest = hashlib.sha256()
        with self._spool.body() as body:

            def take(data: bytes) -> None:
                digest.update(data)
                body.write(data)

            head = self._converse(ask, take)
            if head.status == 304:
                return NotModified(head.etag or ask.etag)
            return Fetched(body.keep(), body.bytes, digest.hexdigest(), head.etag or None)

    def post(
        self, path: str, body: bytes, *, max_bytes: int, content_type: str = "application/octet-stream"
    ) -> Posted:
        """POST `body` (at most 64 KiB) to `path`; the answer of any status, its body of at most `max_bytes` in memory.

        The record holds the body's length and SHA-256. Raises as `fetch`.
        """
        if not _CONTENT_TYPE.fullmatch(content_type):
            raise UsageError(f"{content_type[:100]!r} is not a content type")
        if len(body) > MAX_SENT_BYTES:
            raise UsageError(f"{len(body)} bytes to send, at most {MAX_SENT_BYTES} can be")
        answer = bytearray()
        ask = Ask("POST", relative_path(path), _count(max_bytes), body=body, content_type=content_type)
        head = self._converse(ask, answer.extend)
        return Posted(head.status, bytes(answer))

    @property
    def alive(self) -> bool:
        """Whether it may still be asked."""
        return self._line.alive

    @property
    def pid(self) -> int:
        """The courier's process."""
        return self._line.pid

    @property
    def confinement(self) -> Ready:
        """What holds the courier."""
        return self._line.ready

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a parent that locks itself down must keep open."""
        return (*self._line.descriptors, self._spool.descriptor)

    def close(self) -> None:
        """End the courier. What was fetched stays in the spool."""
        self._line.close()
        self._spool.close()

    def __enter__(self) -> Courier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _converse(self, ask: Ask, take: Callable[[bytes], object]) -> Head:
        """One request and its whole answer; a conversation that breaks off ends the courier."""
        if not self._line.alive:
            raise CourierLost("the courier was stopped before: start another")
        recorded = RecordedAsk(self._record, self._plan, ask)
        with self._in_step(ask):
            pace = Pace(self._limits, time.monotonic(), self._ends_at)
            if why := pace.fault(pace.asked_at):
                raise TooSlow(why)  # the kernel may have ended it already: that is why
            self._line.pass_on(recorded)
            head = self._head(ask, pace)
            count = 0
            while True:
                match self._line.next(pace):
                    case Piece(data) if head.status != 304:
                        count += len(data)
                        if count > ask.max_bytes:
                            raise TooLong(f"the body goes on after {ask.max_bytes} bytes")
                        pace.arrived(len(data))
                        take(data)
                    case End():
                        return head
                    case Failed() as failed:
                        raise _Told(failed)
                    case _:
                        raise CourierBroke("the courier broke its protocol, and was killed")

    def _head(self, ask: Ask, pace: Pace) -> Head:
        match self._line.next(pace):
            case Failed() as failed:
                raise _Told(failed)
            case Head(status, etag) as head:
                if etag and not is_etag(etag):
                    raise CourierBroke("the courier handed on what is no ETag, and was killed")
                if ask.method == "GET" and status not in ((200, 304) if ask.etag else (200,)):
                    raise Malformed(f"the answer {status} does not fit the request")
                pace.answered(time.monotonic())
                return head
            case _:
                raise CourierBroke("the courier broke its protocol, and was killed")

    @contextmanager
    def _in_step(self, ask: Ask) -> Iterator[None]:
        """Only an answer that ended in order leaves the courier alive; errors name the URL."""
        url = f"{self._plan.base}{ask.path}"
        try:
            yield
        except _Told as told:
            error = _error(told.failed, url)
            if isinstance(error, CourierLost | CourierBroke):
                self._line.kill()
            raise error from None
        except TooSlow as error:
            self._line.kill()
            raise TooSlow(f"{url}: {error}: {ADVICE[Failure.SLOW]}") from None
        except TooLong as error:
            self._line.kill()
            raise TooLong(f"{url}: {error}: {ADVICE[Failure.LONG]}") from None
        except BaseException:
            self._line.kill()
            raise


def _outfit(planned: Plan, job: Job, spool: Spool, confined: bool) -> Outfit:
    limits = job.limits
    return Outfit(
        spool=str(spool.folder),
        ca_file=str(planned.ca_file.absolute()) if planned.ca_file else "",
        ports=planned.ports,
        total_deadline_s=limits.total_deadline_s,
        extra_memory_bytes=limits.extra_memory_bytes,
        max_cpu_s=limits.max_cpu_s,
        max_descriptors=limits.max_descriptors,
        confined=confined,
    )


class _Told(Exception):
    """The courier reports a failure, in order."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.detail)
        self.failed = failed


def _error(failed: Failed, url: str) -> EgressError:
    detail = shown(failed.detail)
    if failed.kind == DEFECT:
        return CourierLost(f"{url}: the courier failed: {detail}")
    if failed.kind not in Failure.__members__:
        return CourierBroke("the courier reported a failure that there is not, and was killed")
    kind = Failure[failed.kind]
    message = f"{url}: {detail}: {ADVICE[kind]}"
    raised: type[EgressError] = kind.value
    return raised(message, failed.status) if issubclass(raised, BadStatus) else raised(message)


def _count(max_bytes: int) -> int:
    if not 0 <= max_bytes < 1 << 62:
        raise UsageError(f"max_bytes = {max_bytes} is out of bounds")
    return max_bytes
