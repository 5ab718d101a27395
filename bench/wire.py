"""A relay on the loopback that counts what goes over the wire each way, and drives a server for its rate."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Relay:
    """Bytes of TCP payload: headers and bodies, without TLS and without TCP/IP's own."""

    port: int
    up: int = 0
    down: int = 0
    connections: int = 0

    def taken(self) -> tuple[int, int]:
        """Bytes up and down since the last call."""
        time.sleep(0.1)
        found = self.up, self.down
        self.up = self.down = self.connections = 0
        return found


@contextlib.contextmanager
def relay(to_port: int) -> Iterator[Relay]:
    """Relay connections to this port of the loopback."""
    stopping = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Relay(listening.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listening, made, to_port, stopping), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            stopping.set()
            thread.join(5)


def _accept(listening: socket.socket, counted: Relay, port: int, stopping: threading.Event) -> None:
    while not stopping.is_set():
        if select.select([listening], [], [], 0.05)[0]:
            connection, _ = listening.accept()
            counted.connections += 1
            threading.Thread(target=_pump, args=(connection, counted, port), daemon=True).start()


def _pump(near: socket.socket, counted: Relay, port: int) -> None:
    with near, socket.create_connection(("127.0.0.1", port)) as far, contextlib.suppress(OSError):
        while True:
            for ready in select.select([near, far], [], [], 60)[0]:
                data = ready.recv(1 << 16)
                if not data:
                    return
                if ready is near:
                    counted.up += len(data)
                    far.sendall(data)
                else:
                    counted.down += len(data)
                    near.sendall(data)


def conditional(path: str, etag: str) -> bytes:
    """The request of a poll, as the courier sends it."""
    lines = (
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: overt",
        "Accept-Encoding: identity",
        f"If-None-Match: {etag}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def rate(port: int, request: bytes, requests: int = 4000, threads: int = 4) -> float:
    """Answers per second when every request has a connection of its own; the drivers share the server's processors."""
    good = [0] * threads

    def drive(number: int) -> None:
        for _ in range(requests // threads):
            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                connection.sendall(request)
                good[number] += b" 304 " in connection.recv(4096)[:20]

    workers = [threading.Thread(target=drive, args=(number,)) for number in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    elapsed = time.perf_counter() - began
    if sum(good) != requests // threads * threads:
        raise RuntimeError(f"{requests - sum(good)} of {requests} answers were no 304")
    return sum(good) / elapsed
