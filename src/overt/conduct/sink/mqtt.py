"""MQTT as the broker (versions 3.1, 3.1.1 and 5.0): takes everything that is published, and publishes nothing."""

from __future__ import annotations

from overt.conduct.sink.hello import NoHello, Reader
from overt.conduct.sink.stream import Stream

MAX_PACKET_BYTES = 64 << 10
"""Of packets other than what is published, which are held as a whole."""
_SLICE_BYTES = 64 << 10
_LAST_SHIFT = 21
_PUBLISH, _SUBSCRIBE, _DISCONNECT = 3, 8, 14
_NAMES = (b"\0\4MQTT", b"\0\6MQIsdp")
_FIVE = 5


def is_beginning(data: bytes) -> bool:
    """Whether a client's first bytes are a CONNECT packet (MQTT 5.0 §3.1)."""
    if data[:1] != b"\x10":
        return False
    size = next((number for number in range(1, min(5, len(data))) if data[number] < 0x80), 4)
    return data[1 + size :].startswith(_NAMES)


async def serve(stream: Stream) -> None:
    """Answer until the client leaves, or says what is no MQTT."""
    client = _Client(stream)
    while head := await stream.exactly(1):
        size, _ = await _length(stream)
        kind = head[0] >> 4
        if kind == _PUBLISH:
            await client.published(head[0] >> 1 & 3, size)
        elif size > MAX_PACKET_BYTES or not await client.said(kind, await stream.exactly(size)):
            break
    await stream.drain()


class _Client:
    def __init__(self, stream: Stream) -> None:
        self._stream, self._version = stream, 0

    async def published(self, quality: int, size: int) -> None:
        """Take a message, however long."""
        stream = self._stream
        named = await stream.exactly(min(2, size))
        topic = await stream.exactly(min(int.from_bytes(named, "big"), size - len(named)))
        number = await stream.exactly(2 if quality else 0)
        left = size - len(named) - len(topic) - len(number)
        if self._version == _FIVE:
            properties, width = await _length(stream)
            left -= width + await _skipped(stream, min(properties, left))
        noted = stream.tape.asked("PUBLISH", topic.decode("utf-8", "backslashreplace"))
        noted.sent_bytes = await _skipped(stream, left)
        if quality:
            await stream.write((b"\x40\2" if quality == 1 else b"\x50\2") + number)

    async def said(self, kind: int, body: bytes) -> bool:
        """Answer any other packet; whether the conversation goes on."""
        try:
            answer = self._answer(kind, Reader(body))
        except NoHello:
            return False
        if answer:
            await self._stream.write(answer)
        return kind != _DISCONNECT

    def _answer(self, kind: int, packet: Reader) -> bytes:
        match kind:
            case 1:
                return self._connected(packet)
            case 6:  # the end of a message that is to arrive exactly once
                return b"\x70\2" + packet.take(2)
            case 8 | 10:
                return self._subscribed(kind, packet)
            case 12:  # is anybody there
                return b"\xd0\0"
        return b""

    def _connected(self, packet: Reader) -> bytes:
        packet.vector(2)
        self._version = packet.number(1)
        packet.take(3)  # flags, and how long it may be silent
        self._properties(packet)
        self._stream.tape.asked("CONNECT", packet.vector(2).decode("utf-8", "backslashreplace"))
        return b"\x20\3\0\0\0" if self._version == _FIVE else b"\x20\2\0\0"

    def _subscribed(self, kind: int, packet: Reader) -> bytes:
        number, count = packet.take(2), 0
        self._properties(packet)
        while packet.left:
            topic = packet.vector(2).decode("utf-8", "backslashreplace")
            self._stream.tape.asked("SUBSCRIBE" if kind == _SUBSCRIBE else "UNSUBSCRIBE", topic)
            packet.take(1 if kind == _SUBSCRIBE else 0)
            count += 1
        properties = b"\0" if self._version == _FIVE else b""
        reasons = bytes(count) if kind == _SUBSCRIBE or self._version == _FIVE else b""
        body = number + properties + reasons
        return bytes(((kind + 1) << 4,)) + _written(len(body)) + body

    def _properties(self, packet: Reader) -> None:
        """Version 5 only: passed over."""
        if self._version == _FIVE:
            size = shift = 0
            byte = 0x80
            while byte >= 0x80 and shift <= _LAST_SHIFT:
                byte = packet.number(1)
                size, shift = size | (byte & 0x7F) << shift, shift + 7
            packet.take(size)


async def _length(stream: Stream) -> tuple[int, int]:
    """A variable byte integer (MQTT 5.0 §1.5.5), and how many bytes it had."""
    size = shift = 0
    byte = 0x80
    while byte >= 0x80 and shift <= _LAST_SHIFT:
        byte = int.from_bytes(await stream.exactly(1), "big")
        size, shift = size | (byte & 0x7F) << shift, shift + 7
    return size, shift // 7


async def _skipped(stream: Stream, count: int) -> int:
    """Take so many bytes, or what comes of them: how many."""
    left = count
    while left > 0 and (data := await stream.exactly(min(left, _SLICE_BYTES))):
        left -= len(data)
    return count - left


def _written(size: int) -> bytes:
    found = b""
    while size >= 0x80:
        found += bytes((size & 0x7F | 0x80,))
        size >>= 7
    return found + bytes((size,))
