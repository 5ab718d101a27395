"""The parent's hold on a courier: its socket and the right to kill it."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import socket
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import msgspec

from overt.core.errors import ConfinementError, UsageError
from overt.egress.errors import CourierBroke, CourierLost, TooSlow
from overt.egress.limits import MAX_PACKET_BYTES
from overt.egress.pace import Pace
from overt.egress.recorded import RecordedAsk, RecordedStart
from overt.egress.wire import (
    CERTIFICATES,
    CONFINEMENT,
    CONTROL_FD,
    Failed,
    Message,
    Outfit,
    Ready,
    encode,
    message_from,
    shown,
)

BOOT = "import sys; sys.path += sys.argv[1:]; from overt.egress.process import main; main()"
NEEDED = ("overt", "urllib3", "msgspec", "pyseccomp")
"""The packages that a courier imports beside the standard library."""
END_TIMEOUT_S = 2.0
"""How long a courier may take to end once its line is closed."""


class Line:
    """Starts a courier and talks to it; everything that goes out over it was recorded."""

    def __init__(self, start: RecordedStart, outfit: Outfit, start_deadline_s: float) -> None:
        """Start the courier and wait until it is confined. Raises `ConfinementError`, `CourierLost`, and `UsageError`
        for a file of certificates that is none."""
        assert isinstance(start, RecordedStart)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self.pid = _spawn(theirs.fileno())
            except OSError as error:
                ours.close()
                raise CourierLost(
                    f"{sys.executable} cannot be started as courier: {error.strerror}"
                ) from error
        self._control = ours
        self._pidfd = os.pidfd_open(self.pid)
        self._alive = True
        try:
            self._tell(encode(outfit))
            self.ready = self._greeting(outfit, start_deadline_s)
        except BaseException:
            self.kill()
            self.close()
            raise

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a parent that locks itself down must keep open."""
        return (self._control.fileno(), self._pidfd)

    @property
    def alive(self) -> bool:
        """Whether the courier may still be asked."""
        return self._alive

    def pass_on(self, ask: RecordedAsk) -> None:
        """Hand a recorded request to the courier. Raises `CourierLost`, `CourierBroke`."""
        assert isinstance(ask, RecordedAsk)
        if not self._alive:
            raise CourierLost("the courier was stopped before: start another")
        if self._readable(0):
            self._receive()  # its death is told apart
            self.kill()
            raise CourierBroke("the courier spoke without being asked, and was killed")
        self._tell(ask.spend())

    def next(self, pace: Pace) -> Message:
        """The courier's next message. Raises `TooSlow`, `CourierLost`, `CourierBroke`."""
        while True:
            now = time.monotonic()
            if why := pace.fault(now):
                raise TooSlow(why)
            if self._readable(pace.next_look(now)):
                return self._receive()

    def kill(self) -> None:
        """End the courier at once."""
        self._alive = False
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Let the courier end, kill it if it does not, and give up all descriptors."""
        self._alive = False
        self._control.close()
        waiting = select.poll()
        waiting.register(self._pidfd, select.POLLIN)
        if not waiting.poll(END_TIMEOUT_S * 1000):
            self.kill()
        with contextlib.suppress(ChildProcessError, PermissionError):
            os.waitpid(self.pid, 0)
        os.close(self._pidfd)

    def _greeting(self, outfit: Outfit, deadline_s: float) -> Ready:
        if not self._readable(deadline_s):
            raise CourierLost("the courier was not ready in time: try again")
        match self._receive():
            case Ready() as ready:
                return ready
            case Failed(kind, detail) if kind == CONFINEMENT:
                raise ConfinementError(shown(detail))
            case Failed(kind, detail) if kind == CERTIFICATES:
                raise UsageError(
                    f"{outfit.ca_file}: no certificates in PEM form can be read from it ({shown(detail)})"
                )
            case Failed(_, detail):
                raise CourierLost(f"the courier failed at its start: {shown(detail)}")
            case _:
                raise CourierBroke("the courier did not say that it is confined")

    def _tell(self, packet: bytes) -> None:
        """Never waits: a courier that answers what it did not read would have its parent wait for ever."""
        try:
            self._control.send(packet, socket.MSG_DONTWAIT)
        except BlockingIOError:
            self.kill()
            raise CourierBroke("the courier does not listen, and was killed") from None
        except OSError as error:
            raise self._lost() from error

    def _readable(self, timeout_s: float) -> bool:
        waiting = select.poll()
        waiting.register(self._control, select.POLLIN)
        return bool(waiting.poll(math.ceil(timeout_s * 1000)))

    def _receive(self) -> Message:
        try:
            packet = self._control.recv(MAX_PACKET_BYTES + 1)
        except OSError as error:
            raise self._lost() from error
        if not packet:
            raise self._lost()
        try:
            return message_from(packet)
        except msgspec.MsgspecError as error:
            self.kill()
            raise CourierBroke(f"the courier said what it must not ({error}), and was killed") from error

    def _lost(self) -> CourierLost:
        self._alive = False
        return CourierLost("the courier died: start another")


def _spawn(control: int) -> int:
    """A fresh interpreter with an empty environment and its end of the line as descriptor 3: no site, no user's
    modules, only the folders of the packages that it needs. Raises `OSError`."""
    specs = [find_spec(name) for name in NEEDED]
    folders = dict.fromkeys(_folder(spec.origin) for spec in specs if spec and spec.origin)
    arguments = [sys.executable, "-I", "-S", "-B", "-c", BOOT, *folders]
    actions = [(os.POSIX_SPAWN_DUP2, control, CONTROL_FD)]
    if control == CONTROL_FD:
        os.set_inheritable(control, True)
        actions = []
    return os.posix_spawn(sys.executable, arguments, {"LC_ALL": "C.UTF-8"}, file_actions=actions)


def _folder(origin: str) -> str:
    """The folder that a package or module of this file is imported from."""
    path = Path(origin).absolute()
    return str(path.parent.parent if path.stem == "__init__" else path.parent)
