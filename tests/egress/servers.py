"""Small servers on the loopback, most of them hostile; each tells what reached it."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Answer = Callable[[socket.socket, bytes], None]
"""Gets a connection and one request's head; answers as it likes. Returning keeps the connection, raising ends it."""


@dataclass
class Server:
    """Where it listens and what it saw."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    """Set when a client went away in the middle of an answer."""
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


@contextlib.contextmanager
def serving(answer: Answer, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Server]:
    """A server whose every request `answer` handles."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listening:
        server = Server(listening.getsockname()[1], host=host)
        stopping = threading.Event()
        accepting = threading.Thread(
            target=_accept, args=(listening, server, answer, tls, stopping), daemon=True
        )
        accepting.start()
        try:
            yield server
        finally:
            stopping.set()
            accepting.join(5)


def _accept(
    listening: socket.socket,
    server: Server,
    answer: Answer,
    tls: ssl.SSLContext | None,
    stopping: threading.Event,
) -> None:
    while not stopping.is_set():
        if select.select([listening], [], [], 0.05)[0]:
            connection, _ = listening.accept()
            server.connections += 1
            threading.Thread(target=_talk, args=(connection, server, answer, tls), daemon=True).start()


def _talk(connection: socket.socket, server: Server, answer: Answer, tls: ssl.SSLContext | None) -> None:
    with connection:
        connection.settimeout(20)
        try:
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            while head := read_head(connection):
                server.requests.append(head)
                answer(connection, head)
        except OSError:
            server.ended.set()
        finally:
            connection.close()


def read_head(connection: socket.socket) -> bytes:
    """One request's head, with its empty line; empty when the client closed."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        head += byte
    return head


def saying(*parts: bytes) -> Answer:
    """Send `parts`, and keep the connection."""

    def answer(connection: socket.socket, head: bytes) -> None:
        for part in parts:
            connection.sendall(part)

    return answer


def closing(*parts: bytes) -> Answer:
    """Send `parts` and close."""

    def answer(connection: socket.socket, head: bytes) -> None:
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_RDWR)
        raise OSError("closed on purpose")

    return answer


def body(data: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole, honest answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def tunnel(log: list[bytes], only: str = "") -> Answer:
    """A CONNECT proxy (RFC 9110, section 9.3.6) that notes heads in `log`; `only` these credentials may use it."""

    def answer(connection: socket.socket, head: bytes) -> None:
        log.append(head)
        wanted = f"Basic {only}".encode()
        if only and not re.search(rb"(?i:\r\nproxy-authorization: )" + re.escape(wanted) + rb"\r\n", head):
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        method, target, _ = head.split(b"\r\n")[0].split(b" ")
        if method == b"CONNECT":
            host, port = target.decode().rsplit(":", 1)
            with socket.create_connection((host, int(port))) as beyond:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                relay(connection, beyond)
            raise OSError("the tunnel is over")
        host, port = target.decode().removeprefix("http://").split("/")[0].rsplit(":", 1)
        with socket.create_connection((host, int(port))) as beyond:
            beyond.sendall(head)
            while data := beyond.recv(65536):
                connection.sendall(data)

    return answer


def relay(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until one side closes."""
    while True:
        for ready in select.select([one, other], [], [], 20)[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)
