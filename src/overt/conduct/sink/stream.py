"""A conversation's bytes, whatever carries them: a TCP connection, or TLS inside another stream.

Bytes are recorded when a protocol consumes them; `raw` consumes without, for what lies inside is recorded instead.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from abc import ABC, abstractmethod
from contextlib import suppress

from overt.conduct.sink.tape import Tape

CHUNK_BYTES = 256 << 10
KEPT_SEALED_BYTES = 64 << 10
"""Of a TLS connection, until it is known whether it can be opened."""


_NOT_ACCEPTED = "the client did not accept the lab's certificate:"
_NO_TLS = "no TLS that both sides know could be agreed on:"


class Refused(Exception):
    """The client did not go through with TLS; the text says how that looked from here."""


class Stream(ABC):
    """Bytes both ways."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._ahead = bytearray()
        self._noted = 0
        self._ended = False
        self.covered = False
        """Another stream lies inside, and is recorded instead."""
        self._coming: asyncio.Task[None] | None = None

    @abstractmethod
    async def _receive(self) -> bytes:
        """The next bytes; none when the other side has sent all."""

    @abstractmethod
    async def transmit(self, data: bytes) -> None:
        """Send, unrecorded."""

    async def peek(self, more_than: int = 0) -> bytes:
        """What is ahead: more than so many bytes, or everything that was left."""
        await self._ready(more_than)
        return bytes(self._ahead)

    async def within(self, seconds: float, more_than: int = 0) -> bool:
        """Whether more than so many bytes (or the end) come within `seconds`. What comes later is not lost."""
        while len(self._ahead) <= more_than and not self._ended:
            if self._coming is None:
                self._coming = asyncio.ensure_future(self._fetch())
            done, _ = await asyncio.wait({self._coming}, timeout=seconds)
            if not done:
                return False
            await self._more()
        return True

    async def read(self) -> bytes:
        """Consume what is ahead, at least one byte; nothing when the other side has sent all."""
        await self._ready()
        return self._consume(len(self._ahead))

    async def line(self, limit: int) -> bytes:
        """Consume one line with its end; what there is when it gets longer than `limit` bytes, or ends before."""
        while (end := self._ahead.find(b"\n")) < 0 and len(self._ahead) < limit and not self._ended:
            await self._more()
        return self._consume(min(end + 1 or limit, limit, len(self._ahead)))

    async def exactly(self, count: int) -> bytes:
        """Consume `count` bytes, or less when the other side sends no more."""
        await self._ready(count - 1)
        return self._consume(min(count, len(self._ahead)))

    async def raw(self) -> bytes:
        """As `read`, and unrecorded."""
        await self._ready()
        data = bytes(self._ahead)
        self._ahead.clear()
        self._noted = 0
        return data

    def unread(self, data: bytes) -> None:
        """Put back what was consumed and recorded already."""
        self._ahead[:0] = data
        self._noted += len(data)

    async def write(self, data: bytes) -> None:
        """Send."""
        self.tape.received(data)
        await self.transmit(data)

    async def drain(self) -> None:
        """Record everything until the other side has sent all."""
        while await self.read():
            pass

    async def linger(self, seconds: float) -> None:
        """Record what still comes after everything was answered, until there is silence for so long."""
        while await self.within(seconds) and await self.read():
            pass

    def flush(self) -> None:
        """Record what nobody consumed. The last thing that is done with a stream."""
        if self._coming is not None:
            self._coming.cancel()
        self._consume(len(self._ahead))

    async def _ready(self, more_than: int = 0) -> None:
        while len(self._ahead) <= more_than and not self._ended:
            await self._more()

    async def _more(self) -> None:
        if self._coming is None:
            return await self._fetch()
        coming, self._coming = self._coming, None
        await coming

    async def _fetch(self) -> None:
        data = await self._receive()
        self._ahead += data
        self._ended = not data

    def _consume(self, count: int) -> bytes:
        data = bytes(self._ahead[:count])
        del self._ahead[:count]
        if not self.covered:
            self.tape.sent(data[self._noted :])
        self._noted = max(0, self._noted - count)
        return data


class TcpStream(Stream):
    """A connection."""

    def __init__(self, connection: socket.socket, tape: Tape) -> None:
        super().__init__(tape)
        self._connection, self._loop = connection, asyncio.get_running_loop()

    async def _receive(self) -> bytes:
        try:
            data = await self._loop.sock_recv(self._connection, CHUNK_BYTES)
        except OSError:  # a reset: what came before it was read
            return b""
        self.tape.moved()
        self.tape.wire_bytes += len(data)
        await asyncio.sleep(0)  # others have their turn, however much this one sends
        return data

    async def transmit(self, data: bytes) -> None:
        with suppress(OSError):  # it left: nobody needs an answer, and what it had sent can still be read
            await self._loop.sock_sendall(self._connection, data)
            self.tape.moved()


class TlsStream(Stream):
    """TLS as the server, inside another stream."""

    def __init__(self, lower: Stream, context: ssl.SSLContext) -> None:
        super().__init__(lower.tape)
        self._lower = lower
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.sealed = bytearray()
        """The first bytes as they came, encrypted: all that there is of a connection that could not be opened."""
        self.heard = False
        """Whether anything was said inside."""

    @property
    def alpn(self) -> str:
        """What was agreed on; empty for nothing."""
        return self._tls.selected_alpn_protocol() or ""

    async def handshake(self) -> None:
        """Agree on keys. Raises `Refused`."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._feed():
                    raise Refused(f"{_NOT_ACCEPTED} it closed the connection during the handshake") from None
                continue
            except ssl.SSLError as error:
                await self._flush()
                reason = _reason(error)
                raise Refused(f"{_NOT_ACCEPTED if 'alert' in reason else _NO_TLS} {reason}") from error
            await self._flush()
            return

    async def _receive(self) -> bytes:
        while True:
            try:
                data = self._tls.read(CHUNK_BYTES)
                self.heard = self.heard or bool(data)
                return data
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._feed():
                    return b""
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLError as error:
                self.tape.why = _reason(error)
                return b""

    async def transmit(self, data: bytes) -> None:
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            self.tape.why = _reason(error)
        await self._flush()

    async def close(self) -> None:
        """Say that nothing follows."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:  # it waits for the other side to say so too, which may never come
            pass
        await self._flush()

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self._lower.transmit(data)

    async def _feed(self) -> bool:
        data = await self._lower.raw()
        self.sealed += data[: KEPT_SEALED_BYTES - len(self.sealed)]
        if not data:
            return False
        self._incoming.write(data)
        return True


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's name for what happened, in words: `tlsv1 alert unknown ca`."""
    return (error.reason or str(error)).replace("_", " ").lower()
