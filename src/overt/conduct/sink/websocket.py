"""WebSocket as the server (RFC 6455; the parser is wsproto): what its messages carry is a stream inside a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason

from overt.conduct.sink.stream import Stream


async def serve(stream: Stream, ahead: bytes, inside: Callable[[Stream], Awaitable[None]]) -> None:
    """Let `inside` read and answer messages until the client closes. `ahead`: what came with its request."""
    inner = WebSocketStream(stream, ahead)
    try:
        await inside(inner)
    finally:
        inner.flush()


class WebSocketStream(Stream):
    """Messages one after another, without mask and frame heads."""

    def __init__(self, lower: Stream, ahead: bytes) -> None:
        super().__init__(lower.tape)
        self._lower, self._connection = lower, Connection(ConnectionType.SERVER)
        self._first, self._chunk, self._events = ahead, b"", deque[Event]()
        self._framed = True
        """Until the client sends what is no WebSocket."""

    async def _receive(self) -> bytes:
        while self._framed:
            if not self._events:
                self._chunk, self._first = self._first or await self._lower.raw(), b""
                if not self._chunk:
                    return b""
                self._connection.receive_data(self._chunk)
                self._events.extend(self._connection.events())
                continue
            event = self._events.popleft()
            if _is_damage(event):
                self._framed = False
                return self._chunk
            if said := await self._said(event):
                return said
            if isinstance(event, CloseConnection):
                return b""
        return await self._lower.raw()

    async def transmit(self, data: bytes) -> None:
        await self._lower.transmit(self._connection.send(BytesMessage(data=data)))

    async def _said(self, event: Event) -> bytes:
        """What a message carries. What other frames carry is recorded, and answered."""
        match event:
            case BytesMessage(data=data):
                return bytes(data)
            case TextMessage(data=data):
                return data.encode()
            case Ping(payload=payload):
                self.tape.sent(bytes(payload))
                await self._lower.write(self._connection.send(event.response()))
            case Pong(payload=payload):
                self.tape.sent(bytes(payload))
            case CloseConnection(reason=reason):
                self.tape.sent((reason or "").encode())
                await self._lower.write(self._connection.send(event.response()))
        return b""


def _is_damage(event: Event) -> bool:
    """wsproto tells of frames that break the protocol as if the client had closed, with these codes (RFC 6455 §7.4)."""
    return isinstance(event, CloseConnection) and event.code in (
        CloseReason.PROTOCOL_ERROR,
        CloseReason.INVALID_FRAME_PAYLOAD_DATA,
        CloseReason.MESSAGE_TOO_BIG,
    )
