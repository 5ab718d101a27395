"""All TCP connections: accepts them, gives each its conversation, and sees to it that none stays for ever."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

from overt.conduct.sink import sockets
from overt.conduct.sink.plan import Limits
from overt.conduct.sink.stream import Stream, TcpStream
from overt.conduct.sink.tape import Recorder, Tape

SETTLED_S = 0.2


class Connections:
    """All of TCP."""

    def __init__(
        self, recorder: Recorder, limits: Limits, converse: Callable[[Stream], Awaitable[None]]
    ) -> None:
        self._recorder, self._limits, self._converse = recorder, limits, converse
        self._open: dict[asyncio.Task[None], tuple[socket.socket, Tape]] = {}

    async def listen(self, listener: socket.socket) -> None:
        """Accept until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:  # gone before it was accepted, or no descriptors left
                self._recorder.counts.failures[f"accept: {error.strerror}"] += 1
                await asyncio.sleep(0.05)
                continue
            self._take(connection)
            await asyncio.sleep(0)

    async def stop(self, listeners: tuple[socket.socket, ...], seconds: float) -> None:
        """Take in what still waits, and end every conversation within `seconds`."""
        for listener in listeners:
            with contextlib.suppress(OSError):
                while True:
                    self._take(listener.accept()[0])
        await self._settled(seconds / 2)
        for connection, _ in list(self._open.values()):
            _shut(connection)
        if self._open:
            await asyncio.wait(set(self._open), timeout=seconds)
        for task in list(self._open):
            task.cancel()
        if self._open:
            await asyncio.wait(set(self._open), timeout=seconds)

    async def _settled(self, seconds: float) -> None:
        """Until nothing moves any more: what a program sent before it ended may still be on its way."""
        end = self._recorder.now() + seconds
        await asyncio.sleep(0)
        while self._recorder.now() < end and self._moved_within(SETTLED_S):
            await asyncio.sleep(SETTLED_S / 4)

    def _moved_within(self, seconds: float) -> bool:
        return any(tape.moved_s > self._recorder.now() - seconds for _, tape in self._open.values())

    def sweep(self, idle_s: float) -> None:
        """End what was silent for so long."""
        oldest = self._recorder.now() - idle_s
        for connection, tape in self._open.values():
            if tape.moved_s < oldest:
                _shut(connection)

    def _take(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ends = sockets.ends_of(connection)
        except OSError:  # reset before it could be asked: the capture has it
            connection.close()
            return
        tape = self._recorder.begin(ends)
        if tape is None:
            connection.close()
            return
        if len(self._open) >= self._limits.max_connections:
            self._make_room()
        task = asyncio.ensure_future(self._serve(connection, tape))
        self._open[task] = connection, tape
        task.add_done_callback(lambda done: self._open.pop(done, None))

    def _make_room(self) -> None:
        connection, _ = min(self._open.values(), key=lambda one: one[1].moved_s)
        self._recorder.counts.closed_for_room += 1
        _shut(connection)

    async def _serve(self, connection: socket.socket, tape: Tape) -> None:
        stream = TcpStream(connection, tape)
        try:
            await self._converse(stream)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            await stream.linger(self._limits.linger_s)
        except Exception as error:  # one conversation's failure is counted, and costs no other
            self._recorder.counts.failures[f"{type(error).__name__}: {error}"[:200]] += 1
            with contextlib.suppress(OSError):
                await stream.linger(self._limits.linger_s)
        finally:
            stream.flush()
            connection.close()
            tape.close()


def _shut(connection: socket.socket) -> None:
    """What arrived can still be read; then comes the end."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
