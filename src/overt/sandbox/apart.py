"""One task in a process of its own: it locks itself down, and asks its parent for what it may not do any more.

The task's process ends with the task. Frames on their socket: a kind (one byte), a length (4 bytes, big-endian), bytes.
"""

from __future__ import annotations

import contextlib
import gc
import math
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable

from overt.core.errors import OvertError
from overt.sandbox.lockdown import empty_standard_streams

MAX_FRAME_BYTES = 64 << 20
DEADLINE_S = 7 * 3600.0
"""Longer than the couriers of a look may take, which end it otherwise."""
ASKED, DONE, FAILED = b"A", b"D", b"F"
_HEAD = struct.Struct(">cI")


class TaskDied(OvertError):
    """The task's process ended without having said anything about it."""


class Line:
    """The task's end: what it asks its parent."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    @property
    def descriptor(self) -> int:
        """What must stay open."""
        return self._connection.fileno()

    def ask(self, question: bytes) -> bytes:
        """The parent's answer. Raises `OSError` when the parent is gone."""
        _send(self._connection, ASKED, question)
        return _received(self._connection)[1]


def apart(
    task: Callable[[Line], bytes], serve: Callable[[bytes], bytes], deadline_s: float = DEADLINE_S
) -> bytes:
    """What `task` returns, in a process that is forked for it; `serve` answers here what it asks.

    Raises `OvertError` with the words of the one that the task raised, and `TaskDied`, also when it takes longer than
    `deadline_s`. Both ends trust no length beyond `MAX_FRAME_BYTES`; what the task says is a stranger's word once it
    was taken over.
    """
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        ours.close()
        _be_task(theirs, task)
    theirs.close()
    said, late = None, False
    end = time.monotonic() + deadline_s
    try:
        with contextlib.suppress(EOFError, ConnectionError), ours:
            said = _served(ours, serve, end)
    except _TooLate:
        late = True
    finally:
        status = _end(child)
    if late:
        raise TaskDied(f"the process that did it took longer than {deadline_s:g} s, and was killed")
    if said is None:
        raise TaskDied(f"the process that did it {_death(status)}: nothing more is known")
    return said


def _end(child: int) -> int:
    """End it if it goes on; how it ended otherwise (negative: by that signal)."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class _TooLate(Exception):
    """It is past the deadline."""


def _served(connection: socket.socket, serve: Callable[[bytes], bytes], end: float) -> bytes:
    while True:
        kind, data = _received(connection, end)
        if kind == DONE:
            return data
        if kind == FAILED:
            raise OvertError(data.decode("utf-8", "replace"))
        _send(connection, ASKED, serve(data))


def _be_task(connection: socket.socket, task: Callable[[Line], bytes]) -> None:
    """The task's life; never returns."""
    status = 1
    try:
        gc.freeze()
        empty_standard_streams()
        _send(connection, DONE, task(Line(connection)))
        status = 0
    except OvertError as error:
        _say(connection, str(error))
    except OSError as error:
        _say(connection, f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _say(connection: socket.socket, text: str) -> None:
    with contextlib.suppress(OSError):
        _send(connection, FAILED, text.encode("utf-8", "replace")[:4000])


def _death(status: int) -> str:
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"


def _send(connection: socket.socket, kind: bytes, data: bytes) -> None:
    if len(data) > MAX_FRAME_BYTES:
        raise OvertError(f"{len(data):,} bytes are more than one message may have ({MAX_FRAME_BYTES:,})")
    connection.sendall(_HEAD.pack(kind, len(data)) + data)


def _received(connection: socket.socket, end: float = math.inf) -> tuple[bytes, bytes]:
    """Kind and bytes of the next frame. Raises `EOFError` when the other end is gone or breaks the form."""
    kind, size = _HEAD.unpack(_exactly(connection, _HEAD.size, end))
    if size > MAX_FRAME_BYTES:
        raise EOFError
    return kind, _exactly(connection, size, end)


def _exactly(connection: socket.socket, size: int, end: float) -> bytes:
    """The next bytes, until `end` (`time.monotonic`). Raises `EOFError`, `_TooLate`."""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    parts = bytearray()
    while len(parts) < size:
        left = end - time.monotonic()
        if not waiting.poll(None if math.isinf(left) else max(left, 0) * 1000):
            raise _TooLate
        try:
            piece = connection.recv(min(size - len(parts), 1 << 16))
        except ConnectionError:
            piece = b""
        if not piece:
            raise EOFError
        parts += piece
    return bytes(parts)
