"""WebSocket as the server (RFC 6455; the parser is wsproto). Messages are recorded without mask and frame heads."""

from __future__ import annotations

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason

from overt.conduct.sink.stream import Stream


async def serve(stream: Stream, ahead: bytes) -> None:
    """Take in messages until the client closes. `ahead`: what came with its request."""
    connection = Connection(ConnectionType.SERVER)
    data = ahead or await stream.raw()
    while data:
        connection.receive_data(data)
        for event in connection.events():
            if _is_damage(event):
                stream.tape.sent(data)
                return await stream.drain()
            if answer := _took(stream, event):
                await stream.write(connection.send(answer))
            if isinstance(event, CloseConnection):
                return None
        data = await stream.raw()
    return None


def _is_damage(event: Event) -> bool:
    """wsproto tells of frames that break the protocol as if the client had closed, with these codes (RFC 6455 §7.4)."""
    return isinstance(event, CloseConnection) and event.code in (
        CloseReason.PROTOCOL_ERROR,
        CloseReason.INVALID_FRAME_PAYLOAD_DATA,
        CloseReason.MESSAGE_TOO_BIG,
    )


def _took(stream: Stream, event: Event) -> Event | None:
    """Record what an event carries; what it must be answered."""
    match event:
        case BytesMessage(data=data):
            stream.tape.sent(bytes(data))
        case TextMessage(data=data):
            stream.tape.sent(data.encode())
        case Ping(payload=payload):
            stream.tape.sent(bytes(payload))
            return event.response()
        case Pong(payload=payload):
            stream.tape.sent(bytes(payload))
        case CloseConnection(reason=reason):
            stream.tape.sent((reason or "").encode())
            return event.response()
    return None
