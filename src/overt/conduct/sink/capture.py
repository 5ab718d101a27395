"""Every packet on the chamber's link, as the kernel saw it, in a pcapng file that tcpdump and Wireshark read.

pcapng rather than pcap, because it says of each packet whether it came in or went out (`epb_flags`), which a product
that forges addresses can't change, and how many were dropped (`isb_ifdrop`).
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from overt.conduct.sink.plan import Limits
from overt.core.errors import ConductError

FILE = "capture.pcapng"
MAX_PACKET_BYTES = 256 << 10
BUFFER_BYTES = 256 << 20
"""Of packets that wait to be written, in the kernel: a burst has to fit."""
_ETH_P_ALL, _SOL_PACKET, _PACKET_STATISTICS, _PACKET_OUTGOING = 3, 263, 6, 4
_SO_TIMESTAMPNS = 35
_ETHERNET = 1
_SECTION, _INTERFACE, _STATISTICS, _PACKET = 0x0A0D0D0A, 1, 5, 6
_OPTION_FLAGS, _OPTION_TSRESOL, _OPTION_NAME, _OPTION_RECEIVED, _OPTION_DROPPED = 2, 9, 2, 4, 5
_IN, _OUT = 1, 2
_WRITE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Packet:
    """One frame."""

    at_ns: int
    """Since 1970."""
    outgoing: bool
    """The sink's; else the product's."""
    size: int
    """On the wire."""
    data: bytes
    """From the Ethernet head on; shorter than `size` where it was cut."""


@dataclass(frozen=True, slots=True)
class Captured:
    """What became of the packets."""

    packets: int
    dropped: int
    cut: int
    """Kept only in part, for want of room on disk."""


def attach(interface: str) -> socket.socket:
    """A socket that sees every packet of `interface`, both ways. Raises `ConductError`."""
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        tap.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), BUFFER_BYTES)
        tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        tap.bind((interface, _ETH_P_ALL))
        tap.setblocking(False)
    except OSError as error:
        raise ConductError(
            f"{interface}: packets can't be captured: {error.strerror}: the lab needs root"
        ) from error
    return tap


def record(tap: socket.socket, interface: str, file: int, limits: Limits, stop_fd: int) -> Captured:
    """Write packets to an open file until `stop_fd` can be read, and nothing waits any more. Raises `OSError`."""
    packets = cut = written = dropped = 0
    buffer = bytearray(MAX_PACKET_BYTES)
    poll = select.poll()
    for descriptor in (tap.fileno(), stop_fd):
        poll.register(descriptor, select.POLLIN)
    with open(file, "wb", buffering=_WRITE_BYTES) as out:
        out.write(_section() + _interface(interface))
        stopping = False
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(0 if stopping else 500)}
            stopping = stopping or stop_fd in ready
            if tap.fileno() not in ready:
                out.flush()
                dropped += _dropped(tap)
                if stopping:
                    break
            for size, stamp, outgoing in _waiting(tap, buffer):
                kept = min(size, len(buffer))
                if written > limits.max_capture_bytes:
                    kept = min(kept, limits.cut_packet_bytes)
                cut += kept < size
                packets += 1
                written += out.write(_packet(memoryview(buffer)[:kept], size, stamp, outgoing))
        out.write(_statistics(packets, dropped))
    return Captured(packets, dropped, cut)


def packets(path: Path) -> Iterator[Packet]:
    """The packets of a file that `record` wrote; those after a place where it is damaged are not read."""
    with open(path, "rb") as stream:
        while len(head := stream.read(8)) == 8:
            kind, size = struct.unpack("<II", head)
            if not 12 <= size <= MAX_PACKET_BYTES + 64 or len(body := stream.read(size - 8)) != size - 8:
                return
            if kind == _PACKET:
                try:
                    yield _read(body)
                except struct.error:
                    return


def _waiting(tap: socket.socket, buffer: bytearray) -> Iterator[tuple[int, int, bool]]:
    """Size, time and direction of each packet that waits; its bytes are in `buffer` until the next."""
    for _ in range(4096):
        try:
            size, ancillary, _, address = tap.recvmsg_into([buffer], 64, socket.MSG_TRUNC)
        except BlockingIOError:
            return
        except OSError as error:  # the link went down: it comes up again, or the run is over
            if error.errno == errno.ENETDOWN:
                return
            raise
        stamp = time.time_ns()
        for _, kind, value in ancillary:
            if kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("@qq", value[:16])
                stamp = seconds * 1_000_000_000 + nanoseconds
        yield size, stamp, address[2] == _PACKET_OUTGOING


def _dropped(tap: socket.socket) -> int:
    """Packets dropped since this was last asked (packet(7): reading resets it)."""
    return int(struct.unpack("II", tap.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1])


def _block(kind: int, body: bytes) -> bytes:
    size = 12 + len(body)
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _section() -> bytes:
    return _block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))


def _interface(name: str) -> bytes:
    options = _option(_OPTION_NAME, name.encode()) + _option(_OPTION_TSRESOL, b"\x09") + bytes(4)
    return _block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, 0) + options)


def _packet(data: memoryview, size: int, stamp: int, outgoing: bool) -> bytes:
    head = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), size)
    flags = struct.pack("<HHIHH", _OPTION_FLAGS, 4, _OUT if outgoing else _IN, 0, 0)
    return _block(_PACKET, b"".join((head, data, bytes(-len(data) % 4), flags)))


def _statistics(received: int, dropped: int) -> bytes:
    now = time.time_ns()
    options = _option(_OPTION_RECEIVED, received.to_bytes(8, "little")) + _option(
        _OPTION_DROPPED, dropped.to_bytes(8, "little")
    )
    return _block(_STATISTICS, struct.pack("<III", 0, now >> 32, now & 0xFFFFFFFF) + options + bytes(4))


def _read(body: bytes) -> Packet:
    _, high, low, kept, size = struct.unpack_from("<IIIII", body)
    flags = struct.unpack_from("<I", body, 20 + kept + -kept % 4 + 4)[0]
    return Packet(high << 32 | low, flags == _OUT, size, body[20 : 20 + kept])
