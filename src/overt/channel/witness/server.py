"""The witness's HTTP server: connections with deadlines, one thread for the office, locked down once it listens.

Meant to stand behind a reverse proxy that speaks TLS. What a client may take is bounded here all the same: the time
for its request and for our answer, the size of both, the number of connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

from overt.channel.witness.exchange import AddCheckpointAsked, Asked, CheckpointAsked, Exchange, problem
from overt.channel.witness.office import Answer, Office
from overt.core.errors import WitnessError
from overt.sandbox.lockdown import lock
from overt.sandbox.policy import WITNESS

PIECE_BYTES = 64 * 1024
BACKLOG = 128


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What clients may take."""

    max_connections: int = 128
    """At a time; more are answered 503 at once. Each holds at most one request of a megabyte."""
    request_deadline_s: float = 10.0
    """Seconds from the connection to the last byte of the request."""
    answer_deadline_s: float = 10.0
    """Seconds for the client to take the answer."""
    linger_s: float = 1.0
    """Seconds for which what a refused client still sends is thrown away, so that it can read why."""
    shutdown_s: float = 10.0
    """Seconds at the end for requests that are being answered."""


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes a free one. Raises `WitnessError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise WitnessError(f"can't listen on {host} port {port}: {error.strerror or error}") from None


class Server:
    """Serves an office until it is told to stop (SIGTERM, SIGINT, or `stop`)."""

    def __init__(
        self, office: Office, say: Callable[[str], None], limits: ServerLimits | None = None
    ) -> None:
        """`say` gets one line per request: what was asked and decided, no address."""
        self._office, self._say, self._limits = office, say, limits or ServerLimits()
        self._desk: ThreadPoolExecutor | None = None
        self._open: set[asyncio.Task[None]] = set()

    def run(self, listening: socket.socket, ready: Callable[[], None], confined: bool = True) -> None:
        """Serve on `listening` until SIGTERM or SIGINT; `ready` is called when this process is locked down.

        Raises `ConfinementError` when that is not possible, before anything is served (not unless `confined`).
        """
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._serve(listening, ready, confined))

    async def _serve(self, listening: socket.socket, ready: Callable[[], None], confined: bool) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await self._rehearse()
        if confined:
            lock(WITNESS, [int(name) for name in os.listdir("/proc/self/fd")])
        self._desk = ThreadPoolExecutor(
            1, "office"
        )  # after the lock-down, which holds the threads started after it
        server = await asyncio.start_server(self._welcome, sock=listening)
        ready()
        await stop.wait()
        server.close()
        if self._open:
            await asyncio.wait(self._open, timeout=self._limits.shutdown_s)
        self._desk.shutdown()

    async def _rehearse(self) -> None:
        """One request to ourselves: everything that Python and its libraries load at first use is loaded by it."""
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=theirs)
        own_reader, own_writer = await asyncio.open_connection(sock=ours)
        writer.write(b"POST /add-checkpoint HTTP/1.1\r\nHost: self\r\nContent-Length: 1\r\n\r\nx")
        say, self._say = self._say, _silent
        try:
            await self._converse(own_reader, own_writer)
        finally:
            self._say = say
        await reader.read()
        writer.close()

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        exchange = Exchange()
        writer.transport.set_write_buffer_limits(0)  # so that `drain` waits until all is handed over
        try:
            asked = await self._heard(exchange, reader, writer)
            if asked is None:
                return
            answer = await self._answer(asked)
            self._say(answer.said)
            async with asyncio.timeout(self._limits.answer_deadline_s):
                writer.write(exchange.respond(answer))
                await writer.drain()
                writer.write_eof()
            await self._linger(reader)
        except (OSError, TimeoutError):
            return  # the client is gone, or does not take its answer
        finally:
            writer.transport.abort()

    async def _heard(
        self, exchange: Exchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Asked | None:
        """What is asked; `None` of a client that connected and said nothing."""
        if len(self._open) > self._limits.max_connections:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections", ("Retry-After", "10"))
        silent = True
        try:
            async with asyncio.timeout(self._limits.request_deadline_s):
                while exchange.asked is None:
                    data = await reader.read(PIECE_BYTES)
                    if silent and not data:
                        return None
                    silent = False
                    if now := exchange.receive(data):
                        writer.write(now)
        except TimeoutError:
            return None if silent else problem(HTTPStatus.REQUEST_TIMEOUT, "the request came too slowly")
        return exchange.asked

    async def _answer(self, asked: Asked) -> Answer:
        """The office's answer, in its thread (in ours during the rehearsal)."""
        match asked:
            case Answer():
                return asked
            case AddCheckpointAsked(body):
                return await self._in_office(lambda: self._office.add_checkpoint(body))
            case CheckpointAsked(digest):
                return await self._in_office(lambda: self._office.checkpoint(digest))

    async def _in_office(self, act: Callable[[], Answer]) -> Answer:
        if self._desk is None:
            return act()
        return await asyncio.get_running_loop().run_in_executor(self._desk, act)

    async def _linger(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(self._limits.linger_s):
                while await reader.read(PIECE_BYTES):
                    pass


def _silent(line: str) -> None:
    """Nobody asked."""
