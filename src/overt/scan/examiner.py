"""The examiner's life: descriptors in, verdicts out, until the reader closes the connection."""

from __future__ import annotations

import os
import socket
import time

from overt.core.model import Examination, Gap, Reason
from overt.engine.examine import Examiner
from overt.scan.wire import Job, Reply, receive_jobs, send_reply

PIPE_CHUNK_BYTES = 1 << 20


def serve(connection: socket.socket, examiner: Examiner) -> None:
    """Answer jobs one by one. Runs confined: everything it needs is loaded already."""
    while True:
        jobs, fds = receive_jobs(connection)
        if not jobs:
            return
        for job, fd in zip(jobs, fds, strict=True):
            began = time.monotonic()
            examination = _examine(examiner, job, fd)
            os.close(fd)
            send_reply(connection, Reply(job.id, examination, time.monotonic() - began))


def _examine(examiner: Examiner, job: Job, fd: int) -> Examination:
    limit = examiner.limits.max_file_bytes
    try:
        data = _read(fd, limit + 1 if job.size < 0 else min(job.size, limit))
    except OSError as error:
        return Examination(gaps=(Gap(Reason.UNREADABLE, os.strerror(error.errno or 0)),))
    except MemoryError:
        return Examination(gaps=(Gap(Reason.MEMORY, f"no memory to read {job.size} bytes"),))
    size = len(data) if job.size < 0 else job.size
    return examiner.examine(data[:limit] if len(data) > limit else data, os.fsdecode(job.name), size)


def _read(fd: int, size: int) -> bytes:
    """Up to `size` bytes from where `fd` stands; fewer only at the end of the file."""
    data = os.read(fd, min(size, PIPE_CHUNK_BYTES) if size > 1 << 31 else size) if size else b""
    if len(data) == size or not data:
        return data
    parts, left = [data], size - len(data)
    while left and (chunk := os.read(fd, min(left, PIPE_CHUNK_BYTES))):
        parts.append(chunk)
        left -= len(chunk)
    return b"".join(parts)
