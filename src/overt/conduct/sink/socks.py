"""SOCKS as the server (RFC 1928, RFC 1929, SOCKS4a): whoever takes this for a proxy is told that it has connected."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

from overt.conduct.sink.stream import Stream

Inside = Callable[[Stream], Awaitable[None]]
MAX_NAME_BYTES = 256
_OPEN, _PASSWORD, _NONE = 0, 2, 0xFF
_CONNECT, _ASSOCIATE = 1, 3
_COMMANDS = {_CONNECT: "CONNECT", 2: "BIND", _ASSOCIATE: "UDP ASSOCIATE"}
_REFUSED4, _REFUSED5 = 0x5B, 7


def is_beginning(data: bytes) -> bool:
    """Whether a client's first bytes are a whole greeting of version 5, or a request of version 4."""
    if data[:1] == b"\x05":
        return (
            len(data) > 2
            and len(data) == 2 + data[1]
            and all(method < 10 or method > 0x7F for method in data[2:])
        )
    return data[:2] in (b"\x04\x01", b"\x04\x02") and len(data) > 8 and data[-1:] == b"\0"


async def serve(stream: Stream, inside: Inside) -> None:
    """Agree to everything; `inside` takes over what the proxy would pass on."""
    version = await stream.exactly(1)
    asked = await (_four(stream) if version == b"\x04" else _five(stream))
    if asked == _CONNECT:
        await inside(stream)
    else:
        await stream.drain()


async def _five(stream: Stream) -> int | None:
    """The command that was granted; None: there is nothing more to say."""
    methods = await stream.exactly(int.from_bytes(await stream.exactly(1), "big"))
    chosen = next((method for method in (_PASSWORD, _OPEN) if method in methods), _NONE)
    await stream.write(bytes((5, chosen)))
    if chosen == _NONE:
        return None
    if chosen == _PASSWORD:
        await stream.exactly(1)
        for _ in ("user", "password"):
            await stream.exactly(int.from_bytes(await stream.exactly(1), "big"))
        await stream.write(b"\x01\0")
    head = await stream.exactly(4)
    if len(head) < 4:
        return None
    host = await _address(stream, head[3])
    granted = head[1] in (_CONNECT, _ASSOCIATE)
    await _ask(stream, head[1], host, granted)
    await stream.write(bytes((5, 0 if granted else _REFUSED5, 0)) + _here(stream))
    return head[1] if granted else None


async def _four(stream: Stream) -> int | None:
    head = await stream.exactly(7)
    if len(head) < 7:
        return None
    await _text(stream)  # the user
    host = socket.inet_ntoa(head[3:7])
    if head[3:6] == bytes(3):  # a name follows, which the proxy is to resolve
        host = await _text(stream)
    granted = head[0] == _CONNECT
    await _ask(stream, head[0], host, granted, head[1:3])
    await stream.write(bytes((0, 0x5A if granted else _REFUSED4)) + bytes(6))
    return head[0] if granted else None


async def _ask(stream: Stream, command: int, host: str, granted: bool, port: bytes = b"") -> None:
    """Note where to."""
    number = int.from_bytes(port or await stream.exactly(2), "big")
    shown = f"[{host}]" if ":" in host else host
    noted = stream.tape.asked(_COMMANDS.get(command, str(command)), f"{shown}:{number}")
    noted.status = 0 if granted else _REFUSED5


async def _address(stream: Stream, kind: int) -> str:
    match kind:
        case 1:
            return socket.inet_ntoa((await stream.exactly(4)).ljust(4, b"\0"))
        case 4:
            return socket.inet_ntop(socket.AF_INET6, (await stream.exactly(16)).ljust(16, b"\0"))
        case _:
            name = await stream.exactly(int.from_bytes(await stream.exactly(1), "big"))
            return name.decode("latin-1")


async def _text(stream: Stream) -> str:
    """Up to the next zero."""
    found = b""
    while len(found) < MAX_NAME_BYTES and (byte := await stream.exactly(1)) not in (b"", b"\0"):
        found += byte
    return found.decode("latin-1")


def _here(stream: Stream) -> bytes:
    """The proxy's own address and port, to which datagrams would go."""
    ends = stream.tape.ends
    if ":" in ends.address:
        return b"\x04" + socket.inet_pton(socket.AF_INET6, ends.address) + ends.port.to_bytes(2, "big")
    return b"\x01" + socket.inet_aton(ends.address) + ends.port.to_bytes(2, "big")
