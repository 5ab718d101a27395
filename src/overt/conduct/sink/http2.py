"""HTTP/2 as the server (RFC 9113; the state machine is h2), for clients that speak nothing else.

What a connection carries is recorded unfolded: for each stream the request's head as text, then its body. One stream is
written at a time; what others send meanwhile waits, up to a limit, so that no body is torn apart. What belongs to no
request (other frames, padding, priorities, numbers that a client chose) follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from overt.conduct.sink.exchange import Exchange, host_of
from overt.conduct.sink.frames import Frames, beside, priority
from overt.conduct.sink.responses import Asked, Responder
from overt.conduct.sink.stream import Stream
from overt.conduct.sink.tape import Tape

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_WAITING_BYTES = 4 << 20
"""Of bodies that wait for another to end."""
MAX_BESIDE_BYTES = 4 << 10
"""Of what belongs to no request, until it is written after one."""
CONNECTION = 0
"""The stream that is the connection itself (section 5.1.1)."""
WINDOW_BYTES = 8 << 20
_GRPC_HEAD = ((":status", "200"), ("content-type", "application/grpc"))
_GRPC_EMPTY = bytes(5)
"""A message without any field, which is one of every type."""
_GRPC_OK = (("grpc-status", "0"),)


@dataclass(slots=True)
class Reply:
    """A body on its way to the client."""

    stream: int
    chunks: Iterator[bytes]
    left: int
    """Bytes that were not sent."""
    _ahead: bytes = b""

    def take(self, most: int) -> bytes:
        """The next bytes, at least one."""
        self._ahead = (
            self._ahead or next(self.chunks, b"") or bytes(min(self.left, most))
        )  # its file has shrunk
        data, self._ahead = self._ahead[:most], self._ahead[most:]
        self.left -= len(data)
        return data


class Unfolded:
    """Writes the streams of one connection to its tape, one after another."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._current: int | None = None
        self._waiting: dict[int, bytearray] = {}
        self._bytes = 0
        self._over: set[int] = set()

    def took(self, stream: int, data: bytes) -> None:
        """Some of a stream."""
        if self._current is None:
            self._current = stream
        if stream == self._current:
            self._tape.sent(data)
            return
        if self._bytes + len(data) > MAX_WAITING_BYTES or not self._tape.hold(len(data)):
            self.close()
            self._tape.sent(data)
            return
        self._waiting.setdefault(stream, bytearray()).extend(data)
        self._bytes += len(data)

    def ended(self, stream: int) -> None:
        """A stream is over: the next may be written."""
        self._over.add(stream)
        while self._current in self._over:
            self._over.discard(self._current)
            self._current = next(iter(self._waiting), None)
            if self._current is not None:
                self._write(self._current)

    def close(self) -> None:
        """Write everything that waits."""
        for stream in list(self._waiting):
            self._write(stream)

    def _write(self, stream: int) -> None:
        data = self._waiting.pop(stream)
        self._bytes -= len(data)
        self._tape.hold(-len(data))
        self._tape.sent(bytes(data))


async def serve(stream: Stream, responder: Responder, secure: bool) -> None:
    """Answer requests until the client closes."""
    server = _Server(stream, responder, secure)
    try:
        await server.run()
    finally:
        server.close()


class _Server:
    def __init__(self, stream: Stream, responder: Responder, secure: bool) -> None:
        self._stream, self._responder = stream, responder
        self._scheme = "https" if secure else "http"
        self._http = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        )
        self._exchanges: dict[int, Exchange] = {}
        self._replies: list[Reply] = []
        self.unfolded = Unfolded(stream.tape)
        self._frames = Frames(PREFACE)
        self._beside = bytearray()
        self._turn = b""
        self._next = 1
        """The number that the next stream has, unless the client chooses."""

    async def run(self) -> None:
        self._http.initiate_connection()
        self._http.increment_flow_control_window(WINDOW_BYTES)
        await self._flush()
        while data := await self._stream.raw():
            frames = self._frames.took(data)
            for frame in frames:
                try:
                    self._receive(frame)
                except h2.exceptions.ProtocolError:
                    await self._flush()
                    self._stream.tape.sent(b"".join((frame, *frames)))
                    await self._stream.drain()
                    return
            self._reply()
            await self._flush()

    def _receive(self, frame: bytes) -> None:
        if frame != PREFACE:
            self._beside += beside(frame, self._exchanges)
            self._put_in_turn(priority(frame))
        for event in self._http.receive_data(frame):
            self._take(event)
        if len(self._beside) > MAX_BESIDE_BYTES:
            self._write_beside()

    def _put_in_turn(self, said: bytes) -> None:
        """A client that says the same of every request says it once."""
        if said and said != self._turn:
            self._beside += said
            self._turn = said

    def close(self) -> None:
        """Write everything that was not written yet."""
        self.unfolded.close()
        self._beside += self._frames.rest()
        self._write_beside()

    def _write_beside(self) -> None:
        self.unfolded.took(CONNECTION, bytes(self._beside))
        self.unfolded.ended(CONNECTION)
        self._beside.clear()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=int(number), headers=headers):
                self._began(number, _texts(headers))
            case h2.events.DataReceived(stream_id=int(number), data=data) if number in self._exchanges:
                self._took(number, bytes(data or b""))
                self._http.acknowledge_received_data(event.flow_controlled_length or 0, number)
            case h2.events.TrailersReceived(stream_id=int(number), headers=headers):
                self.unfolded.took(number, _written(_texts(headers)))
            case h2.events.StreamEnded(stream_id=int(number)) if number in self._exchanges:
                self._answer(number, self._exchanges.pop(number))
                self.unfolded.ended(number)
            case h2.events.StreamReset(stream_id=int(number)):
                self._exchanges.pop(number, None)
                self.unfolded.ended(number)

    def _began(self, number: int, headers: list[tuple[str, str]]) -> None:
        pseudo = {name: value for name, value in headers if name.startswith(":")}
        fields = [(name, value) for name, value in headers if not name.startswith(":")]
        method, path, host = (pseudo.get(name, "") for name in (":method", ":path", ":authority"))
        head = f"{method} {path} HTTP/2\r\nhost: {host}\r\n".encode("latin-1", "replace")
        self.unfolded.took(number, head + _written(fields) + b"\r\n")
        if number != self._next:
            self._beside += number.to_bytes(4, "big")
        self._next = number + 2
        noted = self._stream.tape.asked(method, f"{self._scheme}://{host}{path}", tuple(fields))
        exchange = self._exchanges[number] = Exchange(Asked(method, host_of(host), path, dict(fields)), noted)
        if _is_grpc(exchange.asked):  # some wait for it before they go on
            self._http.send_headers(number, _GRPC_HEAD)

    def _took(self, number: int, data: bytes) -> None:
        self._exchanges[number].took(data)
        self.unfolded.took(number, data)

    def _answer(self, number: int, exchange: Exchange) -> None:
        asked = exchange.asked
        if _is_grpc(asked):
            exchange.noted.status = 200
            self._http.send_data(number, _GRPC_EMPTY)
            self._http.send_headers(number, _GRPC_OK, end_stream=True)
            return
        response = exchange.answer(self._responder, self._stream.tape)
        empty = asked.method == "HEAD" or not response.size
        fields = [(name.lower(), value) for name, value in response.headers]
        length = [("content-length", str(response.size))] if response.status not in (204, 304) else []
        self._http.send_headers(
            number, [(":status", str(response.status)), *fields, *length], end_stream=empty
        )
        if not empty:
            self._replies.append(Reply(number, response.chunks(), response.size))

    def _reply(self) -> None:
        """Send as much of the bodies as the client has room for."""
        for reply in list(self._replies):
            try:
                while reply.left and (room := self._room(reply.stream)):
                    data = reply.take(room)
                    self._http.send_data(reply.stream, data, end_stream=not reply.left)
            except h2.exceptions.ProtocolError:  # the client reset this stream
                reply.left = 0
            if not reply.left:
                self._replies.remove(reply)

    def _room(self, number: int) -> int:
        return min(self._http.local_flow_control_window(number), self._http.max_outbound_frame_size)

    async def _flush(self) -> None:
        if data := self._http.data_to_send():
            await self._stream.write(data)


def _is_grpc(asked: Asked) -> bool:
    return asked.headers.get("content-type", "").startswith("application/grpc")


def _texts(headers: Iterable[tuple[str | bytes, str | bytes]] | None) -> list[tuple[str, str]]:
    return [(_text(name), _text(value)) for name, value in headers or ()]


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _written(headers: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1", "replace")
