"""What reader and examiner say to each other: MessagePack in packets of a UNIX socket, descriptors beside them.

A request packet is a list of `Job` with one descriptor each, in order. A reply is one `Reply`, split into parts of
at most `PART_BYTES`, each led by one byte that says whether more follow. The reader trusts nothing in a reply but
its shape: sizes are bounded and the job must be the one that is due.
"""

from __future__ import annotations

import socket

import msgspec

from overt.core.model import Examination

BATCH = 8
"""Descriptors per request packet."""
PART_BYTES = 60_000
MAX_REPLY_BYTES = 16 << 20
MAX_NAME_BYTES = 4096
MAX_ELAPSED_S = 1e6
MAX_COUNT = 1 << 50
MORE, LAST = b"\x01", b"\x00"


class Job(msgspec.Struct, frozen=True, array_like=True):
    """One file to examine."""

    id: int
    size: int
    """Bytes; -1: not known (a pipe)."""
    name: bytes
    """Path as the user named it, for rules that look at names."""


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The engine's answer to one job."""

    id: int
    examination: Examination
    elapsed_s: float


class Misbehaved(Exception):
    """A worker's reply breaks the protocol: it is not to be trusted any more."""


_encode = msgspec.msgpack.Encoder().encode
_decode_jobs = msgspec.msgpack.Decoder(list[Job]).decode
_decode_reply = msgspec.msgpack.Decoder(Reply).decode


def send_jobs(connection: socket.socket, jobs: list[Job], fds: list[int]) -> None:
    """Send at most `BATCH` jobs."""
    socket.send_fds(connection, [_encode(jobs)], fds)


def receive_jobs(connection: socket.socket) -> tuple[list[Job], list[int]]:
    """The next jobs with their descriptors; two empty lists when the reader has gone."""
    message, fds, _, _ = socket.recv_fds(connection, 1 << 17, BATCH)
    return (_decode_jobs(message), list(fds)) if message else ([], [])


def send_reply(connection: socket.socket, reply: Reply) -> None:
    """Send one reply, in parts if it is long."""
    body = _encode(reply)
    while len(body) > PART_BYTES:
        connection.send(MORE + body[:PART_BYTES])
        body = body[PART_BYTES:]
    connection.send(LAST + body)


class ReplyReader:
    """Joins the parts of one worker's replies."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, packet: bytes) -> Reply | None:
        """A whole reply, or None if more parts follow. Raises `Misbehaved`."""
        self._parts.append(packet[1:])
        self._size += len(packet)
        if self._size > MAX_REPLY_BYTES or packet[:1] not in (MORE, LAST):
            raise Misbehaved("a reply is too long or not in the protocol")
        if packet[:1] == MORE:
            if len(packet) != PART_BYTES + 1:
                raise Misbehaved("a reply comes in small pieces")
            return None
        body, self._parts, self._size = b"".join(self._parts), [], 0
        try:
            return _sane(_decode_reply(body))
        except (msgspec.MsgspecError, ValueError) as error:
            raise Misbehaved(f"a reply cannot be read: {error}") from error


def _sane(reply: Reply) -> Reply:
    """The reply, if its numbers are ones that an examination can give. Raises `Misbehaved`."""
    examination = reply.examination
    counts = (examination.bytes_examined, examination.bytes_unpacked, examination.entries)
    places = (n for finding in examination.findings for m in finding.matches for n in (m.offset, m.length))
    if not 0 <= reply.elapsed_s < MAX_ELAPSED_S or not all(0 <= n <= MAX_COUNT for n in (*counts, *places)):
        raise Misbehaved("a reply has impossible numbers")
    return reply
