"""Readers whose parser was taken over: a bundle (or its sources) says what the process that reads it does then."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import socket
import time
from functools import cache

from overt.channel.monitor import readers
from overt.channel.monitor.readers import MonitorReaders
from overt.channel.readers import Readers
from overt.sandbox.expendable import Bounds

BOUNDS = Bounds(max_memory_bytes=768 << 20, max_answer_bytes=4 << 20, deadline_s=10)
MARK = b"overt-test-attack-"
RULE = 'rule %s { meta: description = "overt-test-attack-%s" strings: $a = "x86 MZ 3f9a51c07be2" condition: $a }\n'

WORDS = {
    "crash": "died",
    "loop": "took longer than 10 s",
    "memory": "its memory is bounded",
    "flood": "answered more than",
    "open": "forbidden system call (openat)",
    "connect": "forbidden system call (socket)",
    "rubbish": "no whole answer",
}
"""What the taken-over process does → what is said of it."""


def crash() -> None:
    """Read where nothing is."""
    faulthandler.disable()  # which would report it, and be killed for that
    ctypes.string_at(0)


def act(data: bytes) -> bytes | None:
    """Do what the first mark in `data` says."""
    place = data.find(MARK)
    if place < 0:
        return None
    word = data[place + len(MARK) :][:7].split(b'"')[0].split(b"\n")[0].decode()
    match word:
        case "crash":
            crash()
        case "loop":
            while True:
                time.sleep(0)
        case "memory":
            kept = []
            while True:
                kept.append(bytes(1 << 26))  # not touched: address space is what is bounded
        case "flood":
            return bytes(8 << 20)
        case "open":
            os.open("/etc/passwd", os.O_RDONLY)
        case "connect":
            socket.socket(socket.AF_INET)
    return b"rubbish"


class Attacked(MonitorReaders):
    """Read a marked bundle, and its process is the attacker's."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        Readers.__init__(self, True, False, bounds, _answer)


def _answer(data: bytes) -> bytes:
    said = act(data)
    return readers._answer(data) if said is None else said


@cache
def attacked() -> Attacked:
    """One nursery for all tests of this process."""
    return Attacked()
