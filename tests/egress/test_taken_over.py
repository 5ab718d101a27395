"""A courier in the peer's hands: its code is replaced by an adversary's; the parent believes nothing of it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

import pytest

import overt.egress.client
from overt.egress import errors
from overt.egress.courier import Courier
from overt.egress.job import Job
from overt.egress.wire import Ask, End, Failed, Head, Piece, Ready, ask_from, encode
from tests.egress.conftest import Records

pytestmark = pytest.mark.kernel
Make = Callable[..., Job]
Script = Callable[[socket.socket, Ask], None]


def sending(*messages: object) -> Script:
    """Answer with these packets."""

    def script(control: socket.socket, ask: Ask) -> None:
        for message in messages:
            control.send(message if isinstance(message, bytes) else encode(message))

    return script


def flood(control: socket.socket, ask: Ask) -> None:
    control.send(encode(Head(200, "")))
    while True:
        control.send(encode(Piece(b"x" * 65536)))


def idle_pieces(control: socket.socket, ask: Ask) -> None:
    """Alive, and of no use: heads and failures never come, the clock must end it."""
    control.send(encode(Head(200, "")))
    while True:
        control.send(encode(Piece(b"x")))
        time.sleep(0.05)


SCRIPTS: dict[str, tuple[Script, type[Exception]]] = {
    "garbage": (sending(b"\xc1\xff\xff"), errors.CourierBroke),
    "an oversized packet": (sending(b"x" * 150_000), errors.CourierBroke),
    "a body without a head": (sending(Piece(b"x")), errors.CourierBroke),
    "an end without a head": (sending(End()), errors.CourierBroke),
    "two heads": (sending(Head(200, ""), Head(200, "")), errors.CourierBroke),
    "ready again": (sending(Ready(True, "", 7, True)), errors.CourierBroke),
    "a failure that there is not": (sending(Failed("BRIBED", "x")), errors.CourierBroke),
    "an ETag that is none": (sending(Head(200, '"\r\nX: y"')), errors.CourierBroke),
    "304 that was not asked for": (sending(Head(304, "")), errors.Malformed),
    "a status that is not taken": (sending(Head(206, "")), errors.Malformed),
    "too many bytes": (flood, errors.TooLong),
    "a drip": (idle_pieces, errors.TooSlow),
    "its own death": (lambda control, ask: os._exit(0), errors.CourierLost),
    "a packet with a descriptor": (
        lambda control, ask: socket.send_fds(control, [b"\xc1"], [0]) and None,
        errors.CourierBroke,
    ),
}


@pytest.mark.parametrize("case", SCRIPTS)
def test_a_lying_courier(case: str, job: Make, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    script, expected = SCRIPTS[case]

    def serve(control: socket.socket, client: object) -> None:
        while packet := control.recv(100_000):
            script(control, ask_from(packet))

    monkeypatch.setattr(overt.egress.client, "serve", serve)
    asked = job("http://127.0.0.1:9/")
    descriptors = len(os.listdir("/proc/self/fd"))
    with Courier.start(asked, records) as courier:
        with pytest.raises(expected):
            courier.fetch("x", max_bytes=1000)
        assert not courier.alive
        with pytest.raises(errors.CourierLost):
            courier.fetch("x", max_bytes=1000)
    assert os.listdir(asked.spool) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_words_ahead_of_the_question(job: Make, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer sent before the question, or left over from the last one, is not taken for the next one's."""

    def serve(control: socket.socket, client: object) -> None:
        while control.recv(100_000):
            for message in (Head(200, ""), Piece(b"one"), End(), Head(200, ""), Piece(b"two"), End()):
                control.send(encode(message))

    monkeypatch.setattr(overt.egress.client, "serve", serve)
    with Courier.start(job("http://127.0.0.1:9/"), records) as courier:
        courier.fetch("x", max_bytes=1000)
        time.sleep(0.1)
        with pytest.raises(errors.CourierBroke, match="without being asked"):
            courier.fetch("x", max_bytes=1000)
