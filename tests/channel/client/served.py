"""A static web server with ETags, that tells what it was asked and how many bytes went over the wire."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.egress.servers import Server, serving


@dataclass
class Tree:
    """A served folder."""

    folder: Path
    paths: list[str] = field(default_factory=list)
    wire_bytes: int = 0
    server: Server | None = None
    encrypted: bool = False

    @property
    def url(self) -> str:
        assert self.server
        return f"https://localhost:{self.server.port}/" if self.encrypted else self.server.url

    def forget(self) -> None:
        self.paths.clear()
        self.wire_bytes = 0

    def answer(self, connection: socket.socket, head: bytes) -> None:
        path = head.split(b" ")[1].decode().lstrip("/")
        self.paths.append(path)
        data = self._response(path, head)
        self.wire_bytes += len(head) + len(data)
        connection.sendall(data)

    def _response(self, path: str, head: bytes) -> bytes:
        try:
            data = (self.folder / path).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        etag = b'"%s"' % hashlib.sha256(data).hexdigest()[:16].encode()
        if b"If-None-Match: " + etag in head:
            return b"HTTP/1.1 304 Not Modified\r\nETag: %s\r\n\r\n" % etag
        return b"HTTP/1.1 200 OK\r\nETag: %s\r\nContent-Length: %d\r\n\r\n%s" % (etag, len(data), data)


@contextlib.contextmanager
def tree(folder: Path, tls: ssl.SSLContext | None = None) -> Iterator[Tree]:
    """Serve `folder`, with `tls` as `https://localhost`."""
    made = Tree(folder, encrypted=tls is not None)
    with serving(made.answer, tls) as server:
        made.server = server
        yield made
