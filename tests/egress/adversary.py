"""What runs in a courier that the peer has taken over: the real one, confined as ever, with its last step replaced."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import NoReturn

from overt.egress import client
from overt.egress.process import main
from overt.egress.wire import Ask, End, Failed, Head, Piece, Ready, ask_from, encode

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


def handing_over(control: socket.socket, ask: Ask) -> None:
    """A descriptor comes with the packet."""
    socket.send_fds(control, [b"\xc1"], [0])


def dying(control: socket.socket, ask: Ask) -> None:
    os._exit(0)


ONE = (Head(200, ""), Piece(b"one"), End())
SCRIPTS: dict[str, Script] = {
    "garbage": sending(b"\xc1\xff\xff"),
    "an oversized packet": sending(b"x" * 150_000),
    "a body without a head": sending(Piece(b"x")),
    "an end without a head": sending(End()),
    "two heads": sending(Head(200, ""), Head(200, "")),
    "ready again": sending(Ready(True, "", 7, True)),
    "a failure that there is not": sending(Failed("BRIBED", "x")),
    "an ETag that is none": sending(Head(200, '"\r\nX: y"')),
    "304 that was not asked for": sending(Head(304, "")),
    "a status that is not taken": sending(Head(206, "")),
    "too many bytes": flood,
    "a drip": idle_pieces,
    "its own death": dying,
    "a packet with a descriptor": handing_over,
    "more than was asked for": sending(*ONE, *ONE),
}


def take_over(case: str) -> NoReturn:
    """Be that courier."""

    def serve(control: socket.socket, _: client.Client) -> None:
        while packet := control.recv(100_000):
            SCRIPTS[case](control, ask_from(packet))

    client.serve = serve
    main()
