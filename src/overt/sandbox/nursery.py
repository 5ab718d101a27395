"""The nursery: a confined process that forks expendable workers from a warmed-up state.

It is forked before anything untrusted is opened, so the rules it holds are shared by all workers, and a dead
worker is replaced in milliseconds although the reader itself may neither fork nor make sockets. The reader gets
three descriptors per worker: its socket, its pidfd (the right to kill it and nobody else) and the seccomp listener
on which the kernel reports what it was forbidden.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from overt.core.errors import ConfinementError, PackError
from overt.sandbox import seccomp
from overt.sandbox.constants import addresses
from overt.sandbox.lockdown import close_others, empty_standard_streams, lock
from overt.sandbox.policy import EXAMINER, NURSERY, Policy
from overt.sandbox.view import confine_writing

Serve = Callable[[socket.socket], None]
"""A worker's whole life: answers on its socket until the other end closes."""

Make = Callable[[], Serve]
"""Builds in the nursery what all workers share: the loaded rules."""

START_TIMEOUT_S = 300.0
REAP_TIMEOUT_S = 5.0
LAST_WORDS = b"\xff"
"""First byte of the packet in which a dying worker says why."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a nursery and its workers are held to."""

    nursery: Policy
    worker: Policy
    folders: tuple[Path, ...] = ()
    """Below which workers may write, when their policy lets them write at all."""


EXAMINERS = Kind(NURSERY, EXAMINER)


@dataclass(slots=True)
class Worker:
    """The reader's hold on one worker."""

    pid: int
    socket: socket.socket
    pidfd: int
    listener: int
    """-1 when unconfined."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What to poll for reading: answers, and forbidden calls."""
        return (self.socket.fileno(), self.listener) if self.listener >= 0 else (self.socket.fileno(),)

    def forbidden_call(self) -> str | None:
        """The name of the forbidden call the worker is stopped at, if it is."""
        if self.listener < 0:
            return None
        waiting = select.poll()  # not select(): descriptors may be above 1,023
        waiting.register(self.listener, select.POLLIN)
        if not waiting.poll(0):
            return None
        try:
            return seccomp.reported_call(self.listener)
        except OSError:
            return None

    def kill(self) -> None:
        """End the worker at once."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Give up all descriptors of the worker."""
        self.socket.close()
        for fd in (self.pidfd, self.listener):
            if fd >= 0:
                os.close(fd)


class Nursery:
    """The reader's end: start it before lock-down, ask it for workers at any time."""

    def __init__(
        self,
        make: Make,
        max_memory_bytes: int,
        confined: bool = True,
        prepare: Callable[[], None] = lambda: None,
        kind: Kind = EXAMINERS,
        wait: bool = True,
    ) -> None:
        """Fork the nursery, which runs `prepare` before its lock-down and `make` after, while the reader goes on.
        Without `wait` it goes on at once: call `started` before anything untrusted is touched. Raises as `started`."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gc.collect()
        gc.freeze()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _be_nursery(theirs, make, max_memory_bytes, kind if confined else None, prepare)
        theirs.close()
        gc.unfreeze()
        self._control = ours
        self._control.settimeout(START_TIMEOUT_S)
        self._ready = False
        self.confined = confined
        if wait:
            self.started()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the reader must keep open."""
        return (self._control.fileno(),)

    def started(self) -> None:
        """Wait until it is confined. Raises `ConfinementError` if it could not be."""
        if self._ready:
            return
        if (answer := self._control.recv(4096)) != b"ready":
            raise ConfinementError(
                answer.decode(errors="replace") or "the nursery of the examiners died at start"
            )
        self._ready = True

    def worker(self, max_memory_bytes: int | None = None) -> Worker:
        """A fresh, confined worker; the first one waits until `make` is done. `max_memory_bytes`: its address space,
        when that is to be less than others have. Raises `ConfinementError` if one could not be had, `PackError` if
        `make` raised it."""
        self.started()
        self._control.send(b"fork %d" % (max_memory_bytes or 0))
        message, fds, _, _ = socket.recv_fds(self._control, 4096, 3)
        kind, _, rest = message.partition(b" ")
        if kind != b"worker":
            for fd in fds:
                os.close(fd)
            if kind == b"unmade":
                raise PackError(rest.decode(errors="replace"))
            raise ConfinementError(rest.decode(errors="replace") or "the nursery of the examiners is gone")
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=fds[0])
        return Worker(int(rest), connection, fds[1], fds[2] if len(fds) > 2 else -1)

    def reap(self, worker: Worker) -> int:
        """Wait for a worker that is dead or dying; its exit status as `os.waitstatus_to_exitcode` gives it
        (negative: killed by that signal)."""
        self._control.send(b"reap %d" % worker.pid)
        return int(self._control.recv(4096))

    def close(self) -> None:
        """End the nursery and, with it, every worker."""
        self._control.close()


def _be_nursery(
    control: socket.socket,
    make: Make,
    max_memory_bytes: int,
    kind: Kind | None,
    prepare: Callable[[], None],
) -> None:
    """The nursery's life; never returns. `kind` is None when nothing is confined."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the reader's to handle
        keep = (0, 1, 2, control.fileno())
        empty_standard_streams()
        prepare()
        try:
            if kind:
                addresses(kind.worker.absent_paths)
                _lock_nursery(kind, keep)
            else:
                close_others(keep)
            control.send(b"ready")
        except ConfinementError as error:
            control.send(str(error).encode()[:4000])
            raise SystemExit(1) from error
        try:
            serve = make()
        except PackError as error:
            control.recv(64)
            control.send(b"unmade " + str(error).encode()[:4000])
            raise SystemExit(1) from error
        gc.collect()
        gc.freeze()
        while request := control.recv(64):
            what, number = request.split()
            if what == b"fork":
                _fork(control, serve, min(int(number) or max_memory_bytes, max_memory_bytes), kind)
            else:
                control.send(b"%d" % _reap(int(number)))
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        pass  # the reader is gone, and the workers go with this process
    except BaseException as error:
        if not isinstance(error, SystemExit):
            traceback.print_exc()
    finally:
        os._exit(status)


def _report(connection: socket.socket, listener: int) -> None:
    """Hand over the descriptor on which denied calls are reported, of a worker that has one."""
    if listener < 0:
        connection.send(b"locked")
        return
    socket.send_fds(connection, [b"locked"], [listener])
    os.close(listener)


def _lock_nursery(kind: Kind, keep: tuple[int, ...]) -> None:
    """Folders hold for the workers too; the calls are narrowed once more in each of them."""
    if kind.worker.files == "write":
        confine_writing(kind.nursery, kind.folders, keep, with_parent=True)
    else:
        lock(kind.nursery, keep, with_parent=True)


def _reap(pid: int) -> int:
    """The exit status of a dead or dying worker. One that hangs in the kernel (a dead disk) counts as killed."""
    deadline = time.monotonic() + REAP_TIMEOUT_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    return -signal.SIGKILL


def _fork(control: socket.socket, serve: Serve, max_memory_bytes: int, kind: Kind | None) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        _be_worker(theirs, serve, max_memory_bytes, kind)
    theirs.close()
    pidfd = os.pidfd_open(pid)
    try:
        message, fds, _, _ = socket.recv_fds(ours, 4096, 1)
        if message == b"locked":
            socket.send_fds(control, [b"worker %d" % pid], [ours.fileno(), pidfd, *fds])
        else:
            control.send(b"failed " + (message or b"an examiner died while it was being confined"))
        for fd in fds:
            os.close(fd)
    finally:
        os.close(pidfd)
        ours.close()


def _be_worker(connection: socket.socket, serve: Serve, max_memory_bytes: int, kind: Kind | None) -> None:
    """A worker's life; never returns."""
    status = 1
    try:
        os.dup2(1, 2)  # /dev/null: what is written to the user's terminal or log is the reader's to say
        keep = (0, 1, 2, connection.fileno())
        try:
            if kind:
                _report(connection, lock(kind.worker, keep, max_memory_bytes, with_parent=True).listener)
            else:
                close_others(keep)
                connection.send(b"locked")
        except ConfinementError as error:
            connection.send(str(error).encode()[:4000])
            raise SystemExit(1) from error
        serve(connection)
        status = 0
    except MemoryError:
        status = 3
    except (BrokenPipeError, ConnectionResetError, SystemExit):
        pass
    except BaseException as error:  # a defect: the reader is told its name, as the cause of death
        with contextlib.suppress(OSError, ValueError):
            connection.send(LAST_WORDS + f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:200])
    finally:
        os._exit(status)
