"""The comparison with the capture: what was sent again, in whatever order, is not taken for what was not read."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest

from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.sink.capture import Packet
from overt.conduct.sink.datagrams import Datagrams
from overt.conduct.sink.names import Names
from overt.conduct.sink.packets import SYN
from overt.conduct.sink.plan import NAMES4, NAMES6, Limits
from overt.conduct.sink.residue import Residue
from overt.conduct.sink.resolver import Resolver
from overt.conduct.sink.tape import Ends, Recorder

SOURCE, SINK = "192.0.2.2", "198.18.0.1"
ENDS = Ends("tcp", SINK, 80, SOURCE, 4321)
DATA = b"GET / HTTP/1.1\r\n\r\n"


def segment(number: int, payload: bytes = b"", flags: int = 16) -> Packet:
    tcp = (
        struct.pack(">HHIIBBHHH", ENDS.source_port, ENDS.port, number, 0, 5 << 4, flags, 1000, 0, 0) + payload
    )
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0)
    frame = bytes(12) + b"\x08\0" + ip + socket.inet_aton(SOURCE) + socket.inet_aton(SINK) + tcp
    return Packet(0, False, len(frame), frame)


BEGINS, SAYS, ANOTHER = segment(99, flags=SYN), segment(100, DATA), segment(7_000_000, flags=SYN)


@pytest.mark.parametrize(
    ("captured", "read", "unread"),
    [
        ((BEGINS, SAYS), len(DATA), 0),
        ((BEGINS, SAYS, SAYS), len(DATA), 0),
        ((BEGINS, BEGINS, SAYS), len(DATA), 0),
        ((BEGINS, SAYS, BEGINS, SAYS), len(DATA), 0),
        ((BEGINS, SAYS), 5, len(DATA) - 5),
        ((BEGINS, SAYS, ANOTHER, segment(7_000_001, DATA)), len(DATA), len(DATA)),
    ],
)
def test_what_was_not_read(tmp_path: Path, captured: tuple[Packet, ...], read: int, unread: int) -> None:
    names = Names(NAMES4, NAMES6)
    recorder = Recorder(ReportFolder(tmp_path).new_run("mixed-1"), names, Limits(), 0.0)
    tape = recorder.begin(ENDS)
    assert tape is not None
    tape.wire_bytes = read
    tape.close()
    Residue(recorder, Datagrams(recorder, Resolver(names), answers=False), 0).go_through(lambda: captured)
    assert recorder.counts.unread_bytes == unread
    recorder.close()
