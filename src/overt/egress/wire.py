"""What parent and courier say to each other: one typed, bounded message per packet."""

from __future__ import annotations

import msgspec

from overt.egress.limits import MAX_PACKET_BYTES, PIECE_BYTES

CONTROL_FD = 3
"""The courier's end of the line."""
ORDER_NAME = "job.json"
"""The job, in the spool."""
CONFINEMENT, CERTIFICATES, DEFECT = "CONFINEMENT", "CERTIFICATES", "DEFECT"
"""Failures that are not of a request."""


class Outfit(msgspec.Struct, frozen=True):
    """Parent → courier, once: what it is given."""

    spool: str
    ca_file: str
    """Empty: no TLS is spoken."""
    ports: tuple[int, ...]
    """TCP ports that it needs."""
    total_deadline_s: float
    extra_memory_bytes: int
    max_cpu_s: int
    max_descriptors: int
    confined: bool


class Ask(msgspec.Struct, frozen=True):
    """Parent → courier: one request."""

    method: str
    """`GET` or `POST`."""
    path: str
    """Relative to the job's base URL."""
    max_bytes: int
    """Of the answer's body."""
    etag: str = ""
    """`If-None-Match`, for `GET`."""
    body: bytes = b""
    """For `POST`."""
    content_type: str = ""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Courier → parent, once: what holds it now."""

    namespace: bool
    without: str
    """Why it has no mount namespace, or empty."""
    landlock: int
    """ABI in force, 0: none."""
    seccomp: bool


class Head(msgspec.Struct, frozen=True, tag=True):
    """The answer begins: 200, 304, or any status of a `POST`."""

    status: int
    etag: str


class Piece(msgspec.Struct, frozen=True, tag=True):
    """Bytes of the body, in order."""

    data: bytes


class End(msgspec.Struct, frozen=True, tag=True):
    """The body is complete."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The request failed (`overt.egress.errors.Failure`), or the courier did (see above)."""

    kind: str
    detail: str
    status: int = 0


Message = Ready | Head | Piece | End | Failed
MAX_DETAIL = 400

encode = msgspec.msgpack.Encoder().encode
_asks = msgspec.msgpack.Decoder(Ask)
_messages = msgspec.msgpack.Decoder(Message)


def ask_from(packet: bytes) -> Ask:
    """Decode a request. Raises `msgspec.MsgspecError`."""
    return _asks.decode(packet)


def shown(detail: str) -> str:
    """A courier's words, for people: nothing in them moves the cursor or hides."""
    return "".join(char if char.isprintable() else "?" for char in detail)


def message_from(packet: bytes) -> Message:
    """Decode a courier's message. Raises `msgspec.MsgspecError` for any that is not as it must be."""
    if len(packet) > MAX_PACKET_BYTES:
        raise msgspec.ValidationError(f"a message of more than {MAX_PACKET_BYTES} bytes")
    message: Message = _messages.decode(packet)
    match message:
        case Piece(data) if not 0 < len(data) <= PIECE_BYTES:
            raise msgspec.ValidationError(f"a piece of {len(data)} bytes")
        case Head(status) if not 200 <= status <= 599:
            raise msgspec.ValidationError(f"a status of {status}")
        case Failed(_, detail, status) if len(detail) > MAX_DETAIL or not (
            status == 0 or 100 <= status <= 999
        ):
            raise msgspec.ValidationError("a detail too long, or a status that there is not")
    return message
