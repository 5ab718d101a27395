"""Mutated answers (seeded): each is a body of at most what was asked for, or one typed error; the courier lives on."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable

import pytest

from overt.core.errors import NetworkFailed, PeerAtFault
from overt.egress import errors
from overt.egress.courier import Courier, Fetched
from overt.egress.job import Job
from tests.egress.conftest import Records
from tests.egress.servers import serving

pytestmark = pytest.mark.kernel
ROUNDS = int(os.environ.get("OVERT_FUZZ_ROUNDS", "150"))
MAX = 64
SEEDS = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "a"\r\n\r\nhello',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.0 200\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b'HTTP/1.1 304 Not Modified\r\nETag: W/"b"\r\n\r\n',
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: http://\xff/\r\nContent-Length: 0\r\n\r\n",
)
PARTS = (
    b"\r\n",
    b"\n",
    b"\0",
    b":",
    b"-1",
    b"9" * 30,
    b"\xff\xfe",
    b"chunked",
    b"Content-Length: 7\r\n",
    b" ",
    b"%0d",
)


def mutated(chance: random.Random) -> bytes:
    """One seed with a few changes."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randrange(1, 5)):
        at, end = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
        match chance.randrange(4):
            case 0 if data:
                data[at % len(data)] ^= 1 << chance.randrange(8)
            case 1:
                data[at:at] = chance.choice(PARTS)
            case 2:
                del data[at : min(end, at + 6)]
            case _:
                data[at:at] = data[at:end]
    return bytes(data)


def test_mutated_answers(job: Callable[..., Job], records: Records) -> None:
    chance = random.Random(3)
    asked = [b""]

    def answer(connection: socket.socket, _: bytes) -> None:
        asked[0] = mutated(chance)
        connection.sendall(asked[0])
        connection.shutdown(socket.SHUT_RDWR)
        raise OSError("one answer per connection")

    bodies = 0
    with serving(answer) as server, Courier.start(job(server.url), records) as courier:
        for _ in range(ROUNDS):
            try:
                got = courier.fetch("x", max_bytes=MAX, etag='"b"')
                if isinstance(got, Fetched):
                    assert got.path.stat().st_size == got.bytes <= MAX
                    bodies += 1
            except (NetworkFailed, PeerAtFault) as error:
                assert not isinstance(error, errors.CourierLost | errors.CourierBroke), (asked[0], error)
                assert str(error).isprintable()
            assert courier.alive, asked[0]
    assert 0 < bodies < ROUNDS
