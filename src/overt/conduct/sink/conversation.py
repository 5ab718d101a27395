"""One TCP connection from its first byte to its last: find out what it speaks, and answer it in its own protocol."""

from __future__ import annotations

import re
from dataclasses import dataclass

from overt.conduct.evidence.records import Opened
from overt.conduct.sink import hello, http1, http2, lines, mqtt, socks
from overt.conduct.sink.authority import Authority
from overt.conduct.sink.plan import Limits
from overt.conduct.sink.recognise import Kind, recognise
from overt.conduct.sink.responses import Responder
from overt.conduct.sink.stream import Refused, Stream, TlsStream

UNSAID = (
    "the client completed the TLS handshake and then said nothing: it may have refused the certificate itself"
)
_SSH = "SSH: what follows its greeting is encrypted with keys that the lab does not have"
_HOST_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?")
_SPOKEN = {
    "smtp": lines.smtp,
    "ftp": lines.ftp,
    "pop3": lines.pop3,
    "imap": lines.imap,
}


@dataclass(frozen=True, slots=True)
class Sinkhole:
    """What all conversations share."""

    authority: Authority
    responder: Responder
    limits: Limits


@dataclass(frozen=True, slots=True)
class Place:
    """How deep in the conversation we are."""

    secure: bool = False
    depth: int = 0
    alpn: str = ""


async def converse(stream: Stream, hole: Sinkhole, place: Place = Place()) -> None:
    """Answer until the client has no more to say."""
    if place.depth > hole.limits.max_nesting:
        return await stream.drain()

    async def inside(opened: Stream) -> None:
        await converse(opened, hole, Place(place.secure, place.depth + 1))

    match await _kind(stream, hole.limits):
        case None:
            await _greet(stream, hole, place)
        case Kind.TLS:
            await _tls(stream, hole, place)
        case Kind.HTTP1:
            _name(stream, "https" if place.secure else "http", place)
            await http1.serve(stream, hole.responder, place.secure, hole.limits.max_head_bytes, inside)
        case Kind.HTTP2:
            _name(stream, "https" if place.secure else "http", place)
            await http2.serve(stream, hole.responder, place.secure)
        case Kind.SMTP:
            await _speak(stream, "smtp", hole, place)
        case Kind.DNS:
            _name(stream, "dns", place)
            await _dns(stream, hole)
        case Kind.SOCKS:
            _name(stream, "socks", place)
            await socks.serve(stream, inside)
        case Kind.MQTT:
            _name(stream, "mqtt", place)
            await mqtt.serve(stream)
        case Kind.SSH:
            await _ssh(stream)
        case _:
            _name(stream, "tls" if place.secure else "raw", place)
            await stream.drain()


async def _kind(stream: Stream, limits: Limits) -> Kind | None:
    """What the client speaks; None: it waits for the server to speak, or has nothing to say."""
    port = stream.tape.ends.port
    if port in lines.GREETINGS and not await stream.within(limits.speak_first_s):
        return None
    data = await stream.peek()
    while (kind := recognise(data, port)) is Kind.UNDECIDED:
        if len(data) > limits.max_head_bytes or not await stream.within(limits.undecided_s, len(data)):
            return Kind.RAW
        if len(more := await stream.peek()) == len(data):
            return Kind.RAW if data else None
        data = more
    return kind


def _name(stream: Stream, application: str, place: Place) -> None:
    """The outermost application counts: a CONNECT's content does not hide the proxy."""
    if place.depth == 0 or stream.tape.application in ("raw", "tls"):
        stream.tape.application = application


async def _greet(stream: Stream, hole: Sinkhole, place: Place) -> None:
    port = stream.tape.ends.port
    if port in lines.GREETINGS:
        await stream.write(lines.GREETINGS[port])
        application = lines.APPLICATIONS[port]
        if application in _SPOKEN:
            return await _speak(stream, application, hole, place)
        stream.tape.application = application
        if application == "ssh" and await stream.peek():
            stream.tape.opaque(_SSH)
    await stream.drain()


async def _speak(stream: Stream, application: str, hole: Sinkhole, place: Place) -> None:
    _name(stream, application, place)
    opened: list[TlsStream] = []

    async def start_tls(plain: Stream) -> Stream | None:
        inner = await _opened(plain, hole, Place(place.secure, place.depth + 1))
        opened.extend([inner] if inner else [])
        return inner

    try:
        await _SPOKEN[application](stream, None if place.secure else start_tls)
    finally:
        for inner in opened:
            await _end(inner, hole.limits)


async def _ssh(stream: Stream) -> None:
    stream.tape.application = "ssh"
    stream.tape.opaque(_SSH)
    await stream.write(lines.GREETINGS[22])
    await stream.drain()


async def _dns(stream: Stream, hole: Sinkhole) -> None:
    """Questions over TCP or TLS, each after its length (RFC 7766)."""
    while len(head := await stream.exactly(2)) == 2:
        wire = await stream.exactly(int.from_bytes(head, "big"))
        answered = hole.responder.resolver.answer(wire)
        if answered is None:
            return await stream.drain()
        stream.tape.questions(answered)
        await stream.write(len(answered.reply).to_bytes(2, "big") + answered.reply)
    return None


async def _tls(stream: Stream, hole: Sinkhole, place: Place) -> None:
    if place.depth == 0:
        stream.tape.application = "tls"
    inner = await _opened(stream, hole, place)
    if inner is None:
        return
    try:
        await converse(inner, hole, Place(True, place.depth + 1, inner.alpn))
    finally:
        await _end(inner, hole.limits)


async def _end(inner: TlsStream, limits: Limits) -> None:
    """Close TLS, and say so if nothing was ever said inside: then only what was on the wire is known."""
    try:
        await inner.close()
        await inner.linger(limits.linger_s)
    finally:
        inner.flush()
        if not inner.heard:
            inner.tape.opaque(UNSAID)
            inner.tape.sent(bytes(inner.sealed))


async def _opened(stream: Stream, hole: Sinkhole, place: Place) -> TlsStream | None:
    """What is inside TLS; None if the client did not go through with it: its tape then holds what was on the wire."""
    tape = stream.tape
    said = await hello_ahead(stream, hole.limits)
    if said is None:
        tape.opaque("it began like TLS, and was not")
        await stream.drain()
        return None
    names = certified_names(
        said.server_name, tape.ends.address, hole.responder.resolver.names.name(tape.ends.address)
    )
    inner = TlsStream(stream, hole.authority.context(names, _agreeable(said.alpn)))
    stream.covered = True
    try:
        await inner.handshake()
    except Refused as refusal:
        tape.opaque(str(refusal))
        tape.sent(bytes(inner.sealed))
        stream.covered = False
        return None
    tape.opened = Opened.DECRYPTED
    return inner


async def hello_ahead(stream: Stream, limits: Limits) -> hello.Hello | None:
    """The ClientHello that is ahead, also written down as it is; None if there is none."""
    data = await stream.peek()
    try:
        while (message := hello.in_records(data)) is None:
            if not await stream.within(limits.idle_s, len(data)) or len(more := await stream.peek()) == len(
                data
            ):
                return None
            data = more
        said = hello.read(message)
    except hello.NoHello:
        return None
    stream.tape.hello(data, said)
    return said


def _agreeable(offered: tuple[str, ...]) -> tuple[str, ...]:
    """HTTP/1.1 rather than HTTP/2, because it is recorded as it was written; else whatever the client likes best."""
    return ("http/1.1",) if "http/1.1" in offered else offered[:1]


def certified_names(server_name: str, address: str, known: str) -> tuple[str, ...]:
    """What the certificate is for: the name asked for and, for clients that go by it, the address."""
    wanted = server_name if _HOST_NAME.fullmatch(server_name) else ""
    return tuple(dict.fromkeys(name for name in (wanted or known, address) if name))
