"""Pass-through: each conversation goes on to where it was meant to go, and is recorded on its way.

TLS is opened where the product accepts the lab's certificate and the true server has a valid one. A product that
refuses is let through untouched when it tries again, and recorded as opaque; so is one whose server wants to see a
certificate of the product's own, and what begins to encrypt after a silence. QUIC is turned away to TCP, as in the
sink.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from overt.conduct.evidence.records import Opened
from overt.conduct.sink import hello
from overt.conduct.sink.conversation import UNSAID, Sinkhole, certified_names, hello_ahead
from overt.conduct.sink.heard import Heard
from overt.conduct.sink.recognise import Kind, recognise
from overt.conduct.sink.stream import CHUNK_BYTES, Refused, Stream, TlsStream
from overt.conduct.sink.tape import Tape
from overt.conduct.sink.uplink import DNS_PORT, Uplink

CONNECT_S = 20.0
TICK_S = 1.0
QUIET_S = 2.0
"""After the client has said all."""
MAX_REFUSED = 10_000
_UNTRUSTED = "its server's certificate is not valid here ({}), so that it was passed on unopened"
_PINNED = "one side had refused what the lab said for the other before, so that this was passed on unopened"

Far = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Relay:
    """What all relayed conversations share."""

    hole: Sinkhole
    uplink: Uplink
    trusted: str
    """Certificates (PEM) of the authorities that this machine trusts."""
    _refused: set[tuple[str, str]] = field(default_factory=set)

    async def converse(self, stream: Stream) -> None:
        """Pass one connection on until both sides are done."""
        tape = stream.tape
        if not await stream.within(self.hole.limits.speak_first_s):  # the server speaks first
            return await self._plain(stream)
        kind = recognise(await stream.peek(), tape.ends.port)
        if kind is Kind.UNDECIDED and await stream.within(self.hole.limits.undecided_s, 5):
            kind = recognise(await stream.peek(), tape.ends.port)
        if tape.ends.port == DNS_PORT and kind is not Kind.DNS:
            return await stream.drain()  # the name server that it would reach is this machine's own
        said = await hello_ahead(stream, self.hole.limits) if kind is Kind.TLS else None
        if said is None:
            tape.application = {Kind.HTTP1: "http", Kind.DNS: "dns", Kind.SMTP: "smtp"}.get(kind, "raw")
            return await self._plain(stream)
        tape.application = "tls"
        await self._tls(stream, said)

    async def _plain(self, stream: Stream) -> None:
        if far := await self._reach(stream.tape):
            await _pass(stream, far, Heard(stream.tape, self.hole.responder, secure=False))

    async def _tls(self, stream: Stream, said: hello.Hello) -> None:
        tape = stream.tape
        who = said.server_name, tape.ends.address
        if who in self._refused:
            tape.opaque(_PINNED)
            return await self._plain(stream)
        context = _towards(self.trusted, ("http/1.1",) if "http/1.1" in said.alpn else said.alpn[:1])
        try:
            far = await self._reach(tape, context, said.server_name or tape.ends.address)
        except ssl.SSLError as error:
            tape.opaque(_UNTRUSTED.format((error.reason or str(error)).replace("_", " ").lower()))
            return await self._plain(stream)
        if far is None:
            return None
        tape.proven = bool(said.server_name)
        stream.covered = True
        inner = TlsStream(stream, self._context(tape, said, far))
        try:
            await inner.handshake()
        except Refused as refusal:
            self._leave(who)
            tape.opaque(str(refusal))
            tape.sent(bytes(inner.sealed))
            stream.covered = False
            far[1].close()
            return None
        tape.opened = Opened.DECRYPTED
        await _pass(inner, far, Heard(tape, self.hole.responder, secure=True))
        if isinstance(far[0].exception(), ssl.SSLError):  # it wants a certificate that only the client has
            self._leave(who)
        inner.flush()
        if not inner.heard:
            tape.opaque(UNSAID)
            tape.sent(bytes(inner.sealed))
        await inner.close()
        return None

    def _leave(self, who: tuple[str, str]) -> None:
        """What goes there is passed on unopened from now on."""
        if len(self._refused) < MAX_REFUSED:
            self._refused.add(who)

    async def _reach(self, tape: Tape, context: ssl.SSLContext | None = None, name: str = "") -> Far | None:
        """The true destination; None if it can't be reached. Raises `ssl.SSLError` if its certificate is not valid."""
        way = None
        try:
            async with asyncio.timeout(CONNECT_S):
                way = self.uplink.reach(tape.ends)
                await _stands(way)
                return await asyncio.open_connection(
                    sock=way, ssl=context, server_hostname=name if context else None
                )
        except (OSError, TimeoutError) as error:
            if way is not None:
                way.close()
            if isinstance(error, ssl.SSLError):
                raise
            return None

    def _context(self, tape: Tape, said: hello.Hello, far: Far) -> ssl.SSLContext:
        agreed = far[1].get_extra_info("ssl_object").selected_alpn_protocol()
        known = self.hole.responder.resolver.names.name(tape.ends.address)
        names = certified_names(said.server_name, tape.ends.address, known)
        return self.hole.authority.context(names, (agreed,) if agreed else ())


def trusted() -> str:
    """Certificates (PEM) of the authorities that this machine trusts, from where its OpenSSL looks for them."""
    where = ssl.get_default_verify_paths()
    if where.cafile:
        return Path(where.cafile).read_text("ascii", "replace")
    folder = sorted(Path(where.capath).glob("*.[0-9]")) if where.capath else []
    return "".join(path.read_text("ascii", "replace") for path in folder)


@lru_cache(maxsize=16)
def _towards(trusted: str, alpn: Sequence[str]) -> ssl.SSLContext:
    """What believes a true server only if it can show who it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusted:
        context.load_verify_locations(cadata=trusted)
    context.set_alpn_protocols(list(alpn))
    return context


async def _stands(way: socket.socket) -> None:
    """Return when a connection that was begun stands. Raises `OSError` when it does not come about."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(way, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(way)
    if error := way.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(error, os.strerror(error))


async def _pass(stream: Stream, far: Far, heard: Heard) -> None:
    """Both ways, until the server has said all, or the client has and the server is silent."""
    reader, writer = far
    down = asyncio.ensure_future(_down(reader, stream))
    try:
        while not down.done():
            if not await stream.within(TICK_S):
                continue
            data = await stream.read()
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                await _quiet(down, stream.tape)
                break
            heard.take(data)
            writer.write(data)
            await writer.drain()
    except OSError:  # the server left
        await stream.linger(TICK_S)
    finally:
        down.cancel()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await down
        writer.close()


async def _quiet(down: asyncio.Future[None], tape: Tape) -> None:
    """Until the server has said all, or says nothing."""
    before = -1
    while not down.done() and before != (before := tape.received_bytes):
        await asyncio.wait({down}, timeout=QUIET_S)


async def _down(reader: asyncio.StreamReader, stream: Stream) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            await stream.write(data)
