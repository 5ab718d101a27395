"""An answer's head, bounded: http.client takes a hundred lines of 64 KiB, and any number of interim answers."""

from __future__ import annotations

import http.client
import socket
from functools import partial
from typing import Any, BinaryIO

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class HeadTooLong(http.client.HTTPException):
    """The head went on after the limit."""


class _Counted:
    """Reads lines as long as there are bytes left of the limit."""

    def __init__(self, stream: BinaryIO, max_bytes: int) -> None:
        self.stream = stream
        self._max_bytes = self._left = max_bytes

    def readline(self, size: int) -> bytes:
        line = self.stream.readline(min(size, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise HeadTooLong(f"the answer's head goes on after {self._max_bytes} bytes")
        return line

    def flush(self) -> None:
        """Asked of every stream that is closed."""

    def close(self) -> None:
        self.stream.close()


class _Response(http.client.HTTPResponse):
    """Counts until the body begins; of a proxy's answer to CONNECT, all."""

    def __init__(self, max_head_bytes: int, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self._counted = _Counted(self.fp, max_head_bytes)
        self.fp: Any = self._counted

    def begin(self) -> None:
        super().begin()
        if self.fp is self._counted:
            self.fp = self._counted.stream


def pools(max_head_bytes: int) -> dict[str, type[HTTPConnectionPool]]:
    """Scheme → pools of connections whose answers' heads are at most so long; `HeadTooLong` otherwise."""
    response = partial(_Response, max_head_bytes)

    class Plain(HTTPConnection):
        response_class = response  # type: ignore[assignment]

    class Encrypted(HTTPSConnection):
        response_class = response  # type: ignore[assignment]

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}
