"""WebSocket as the server (RFC 6455; the parser is wsproto). Messages are recorded without mask and frame heads."""

from __future__ import annotations

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.utilities import ProtocolError

from overt.conduct.sink.stream import Stream


async def serve(stream: Stream, ahead: bytes) -> None:
    """Take in messages until the client closes. `ahead`: what came with its request."""
    connection = Connection(ConnectionType.SERVER)
    data = ahead or await stream.raw()
    while data:
        try:
            connection.receive_data(data)
            for event in connection.events():
                if answer := _took(stream, event):
                    await stream.write(connection.send(answer))
        except (ProtocolError, ValueError):
            stream.tape.sent(data)
            await stream.drain()
            return
        data = await stream.raw()


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
