"""What a TLS client says before anything is encrypted: server name, ALPN, versions (RFC 8446 §4.1.2, RFC 6066 §3)."""

from __future__ import annotations

from dataclasses import dataclass

MAX_HELLO_BYTES = 64 << 10
"""Of all records together that a ClientHello may be spread over."""
_RECORD_HEAD = 5
_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME, _ALPN, _VERSIONS, _ENCRYPTED_HELLO = 0, 16, 43, 0xFE0D


@dataclass(frozen=True, slots=True)
class Hello:
    """A ClientHello."""

    server_name: str = ""
    alpn: tuple[str, ...] = ()
    versions: tuple[int, ...] = ()
    """As on the wire: 0x0303 is TLS 1.2, 0x0304 TLS 1.3."""
    encrypted: bool = False
    """It carries an encrypted ClientHello: `server_name` is then a public front."""


class NoHello(ValueError):
    """These bytes are no ClientHello."""


class Reader:
    """Takes numbers and vectors from the front of some bytes. Raises `NoHello` where they end too early."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count > self.left:
            raise NoHello("it ends too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        """The next `size` bytes, big-endian."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Bytes after their length, which has `size` bytes."""
        return self.take(self.number(size))

    @property
    def left(self) -> int:
        """Bytes that were not taken."""
        return len(self._data) - self._at


def in_records(data: bytes) -> bytes | None:
    """The handshake message at the front of TLS records, whole; None: more is needed. Raises `NoHello`."""
    message, reader = b"", Reader(data)
    while reader.left >= _RECORD_HEAD:
        kind, version, size = reader.number(1), reader.number(2), reader.number(2)
        if kind != _HANDSHAKE or version >> 8 != 3:
            raise NoHello("no handshake record")
        message += reader.take(min(size, reader.left))
        if len(message) >= 4 and len(message) >= (whole := 4 + int.from_bytes(message[1:4], "big")):
            return message[:whole]
    if len(data) >= MAX_HELLO_BYTES:
        raise NoHello(f"no whole ClientHello in {MAX_HELLO_BYTES} bytes")
    return None


def read(message: bytes) -> Hello:
    """A ClientHello, as a handshake message. Raises `NoHello`."""
    if message[:1] != bytes([_CLIENT_HELLO]):
        raise NoHello("no ClientHello")
    reader = Reader(Reader(message[1:]).vector(3))
    reader.take(2 + 32)  # the version of old, and the random
    reader.vector(1)
    reader.vector(2)
    reader.vector(1)
    extensions = Reader(reader.vector(2)) if reader.left else Reader(b"")
    found: dict[int, bytes] = {}
    while extensions.left:
        kind = extensions.number(2)
        found[kind] = extensions.vector(2)
    return Hello(
        server_name=_server_name(found.get(_SERVER_NAME, b"")),
        alpn=tuple(_text(item) for item in _items(found.get(_ALPN, b""), 2, 1)),
        versions=_versions(found.get(_VERSIONS, b"")),
        encrypted=_ENCRYPTED_HELLO in found,
    )


def _server_name(data: bytes) -> str:
    if not data:
        return ""
    names = Reader(Reader(data).vector(2))
    while names.left:
        kind, name = names.number(1), names.vector(2)
        if kind == 0:
            return _text(name)
    return ""


def _items(data: bytes, whole: int, each: int) -> list[bytes]:
    if not data:
        return []
    items, reader = [], Reader(Reader(data).vector(whole))
    while reader.left:
        items.append(reader.vector(each))
    return items


def _versions(data: bytes) -> tuple[int, ...]:
    if not data:
        return ()
    listed = Reader(data).vector(1)
    return tuple(int.from_bytes(listed[at : at + 2], "big") for at in range(0, len(listed) - 1, 2))


def _text(data: bytes) -> str:
    """Printable whatever a program put there: other bytes as backslash escapes."""
    return data.decode("ascii", "backslashreplace")
