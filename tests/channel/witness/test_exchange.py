"""One request without I/O: however it is cut up, and whatever is sent."""

from __future__ import annotations

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from overt.channel.witness.exchange import AddCheckpointAsked, CheckpointAsked, Exchange
from overt.channel.witness.office import Answer
from overt.tlog.witness import MAX_REQUEST_BYTES

HEAD = b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n"


def heard(pieces: list[bytes]) -> Exchange:
    exchange = Exchange()
    for piece in pieces:
        if exchange.asked is None and piece:
            exchange.receive(piece)
    if exchange.asked is None:
        exchange.receive(b"")
    return exchange


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(data)) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in itertools.pairwise(ends)]


@given(st.binary(max_size=5000), st.lists(st.integers(0, 5200), max_size=20), st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_body_arrives_whole_however_it_is_cut(body: bytes, places: list[int], chunked: bool) -> None:
    if chunked:
        coded = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        request = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n"
    else:
        request = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    assert heard(cut(request, places)).asked == AddCheckpointAsked(body)


@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=5))
@settings(max_examples=300, deadline=None)
def test_any_bytes_get_an_answer(data: bytes, places: list[int]) -> None:
    exchange = heard(cut(data, places))
    assert isinstance(exchange.asked, Answer) and 400 <= exchange.asked.status <= 599
    response = exchange.respond(exchange.asked)
    assert response.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")) or not data.strip()


def test_mutated_requests() -> None:
    """10,000 seeded mutations: an answer or a request, never an exception, and never a body over the bound."""
    chance = random.Random(7)
    good = HEAD + b"Content-Length: 20\r\nExpect: 100-continue\r\n\r\n" + b"old 0\n\nexample\n1\n" + b"x" * 4
    for _ in range(10_000):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[place] = chance.randrange(256)
                case 1:
                    del data[place : place + chance.randint(1, 9)]
                case _:
                    data[place:place] = data[chance.randrange(len(data)) :][: chance.randint(1, 30)]
        exchange = heard([bytes(data)])
        assert isinstance(exchange.asked, AddCheckpointAsked | CheckpointAsked | Answer)
        if isinstance(exchange.asked, AddCheckpointAsked):
            assert len(exchange.asked.body) <= MAX_REQUEST_BYTES
        exchange.respond(Answer(200, b"answer", ""))


def test_a_pipelined_request_is_not_mixed_in() -> None:
    request = HEAD + b"Content-Length: 3\r\n\r\nabc"
    exchange = heard([request + request])
    assert exchange.asked == AddCheckpointAsked(b"abc")
    assert b"Connection: close" in exchange.respond(Answer(200, b"answer", ""))


def test_head_gets_no_body() -> None:
    exchange = heard([b"HEAD /" + b"a" * 64 + b"/checkpoint HTTP/1.1\r\nHost: w\r\n\r\n"])
    assert exchange.asked == CheckpointAsked("a" * 64)
    response = exchange.respond(Answer(200, b"answer", ""))
    assert b"Content-Length: 6" in response and response.endswith(b"\r\n\r\n")


def test_a_request_to_a_proxys_form_of_the_address() -> None:
    """HTTP/1.0, as nginx asks the servers behind it by default."""
    exchange = heard([b"POST /add-checkpoint HTTP/1.0\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"])
    assert exchange.asked == AddCheckpointAsked(b"abc")
    assert exchange.respond(Answer(200, b"answer", "")).startswith(b"HTTP/1.1 200 OK\r\n")
