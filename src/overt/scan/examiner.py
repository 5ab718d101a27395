"""The examiner's life: descriptors in, verdicts out, until the reader closes the connection."""

from __future__ import annotations

import os
import socket
import time

from overt.core.model import Examination, Gap, Reason
from overt.engine.examine import Examiner
from overt.scan.wire import Job, Reply, receive_jobs, send_reply

STREAM_CHUNK_BYTES = 1 << 16


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
        data = _read_file(fd, min(job.size, limit)) if job.size > 0 else _read_stream(fd, limit + 1, job.size)
    except OSError as error:
        return Examination(gaps=(Gap(Reason.UNREADABLE, os.strerror(error.errno or 0)),))
    except MemoryError:
        return Examination(gaps=(Gap(Reason.MEMORY, f"no memory to read {job.size} bytes"),))
    size = len(data) if job.size <= 0 else job.size  # pipes, and files that don't tell their size
    return examiner.examine(data[:limit] if len(data) > limit else data, os.fsdecode(job.name), size)


def _read_file(fd: int, size: int) -> bytes:
    """The first `size` bytes, fewer only if the file ends before. By position: an examiner that died may have
    moved the descriptor it shares."""
    data = os.pread(fd, size, 0)
    while len(data) < size and (chunk := os.pread(fd, size - len(data), len(data))):
        data += chunk
    return data


def _read_stream(fd: int, size: int, told: int) -> bytes:
    """Up to `size` bytes of something that does not tell how long it is: a pipe (`told` is -1), or a file that
    says 0, which may be true."""
    parts: list[bytes] = []
    done = 0
    while done < size:
        want = min(STREAM_CHUNK_BYTES, size - done)
        chunk = os.read(fd, want) if told < 0 else os.pread(fd, want, done)
        if not chunk:
            break
        parts.append(chunk)
        done += len(chunk)
    return b"".join(parts)
