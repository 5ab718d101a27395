"""One HTTP/1.1 request and its response, without I/O: bytes in, bytes out. The parser is `h11` (RFC 9112, strict).

A connection serves one request: a witness is asked a few times a day, and what is never reused is never confused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus

import h11

from overt.channel.witness.office import Answer
from overt.tlog.witness import ADD_CHECKPOINT_PATH, MAX_REQUEST_BYTES

MAX_HEADER_BYTES = 16 * 1024
"""Of the request line and the headers."""

_SLICE_BYTES = 4096

_CHECKPOINT = re.compile(rb"/([0-9a-f]{64})/checkpoint")


@dataclass(frozen=True, slots=True)
class AddCheckpointAsked:
    """POST …/add-checkpoint with its body."""

    body: bytes


@dataclass(frozen=True, slots=True)
class CheckpointAsked:
    """GET …/HASH/checkpoint: SHA-256 of an origin, in lower-case hexadecimal."""

    origin_sha256: str


Asked = AddCheckpointAsked | CheckpointAsked | Answer
"""What was asked for, or the answer when that is clear already."""


def problem(status: HTTPStatus, reason: str, *headers: tuple[str, str]) -> Answer:
    """An answer that says what is wrong with the request."""
    return Answer(status, f"{reason}\n".encode(), f"refused, {int(status)}: {reason}", headers=headers)


@dataclass(slots=True)
class Exchange:
    """Feed it what arrives until `asked` is not None; then `respond` once."""

    _connection: h11.Connection = field(
        default_factory=lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER_BYTES)
    )
    _request: h11.Request | None = None
    _body: bytearray = field(default_factory=bytearray)
    asked: Asked | None = None

    def receive(self, data: bytes) -> bytes:
        """Take in what arrived (nothing: the client has sent all). Returns what must be sent at once, if anything."""
        now = b""
        for place in range(0, len(data) or 1, _SLICE_BYTES):  # small ones: h11 bounds what is incomplete only
            if self.asked is None:
                now += self._receive(data[place : place + _SLICE_BYTES])
        return now

    def _receive(self, data: bytes) -> bytes:
        try:
            self._connection.receive_data(data)
            while self.asked is None:
                event = self._connection.next_event()
                if event is h11.NEED_DATA:
                    return self._encouragement()
                self._take(event)
        except h11.RemoteProtocolError as error:
            status = HTTPStatus(error.error_status_hint)
            self.asked = problem(status, f"not a request of HTTP/1.1: {error}")
        return b""

    def respond(self, answer: Answer) -> bytes:
        """The response's bytes; none for a client that closed before it asked anything."""
        if self._connection.our_state is h11.MUST_CLOSE:
            return b""
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            ("Connection", "close"),
            ("X-Content-Type-Options", "nosniff"),
            *answer.headers,
        ]
        response = h11.Response(
            status_code=answer.status, reason=HTTPStatus(answer.status).phrase.encode(), headers=headers
        )
        parts = [self._connection.send(response)]
        head_only = self._request is not None and self._request.method == b"HEAD"
        parts += [self._connection.send(h11.Data(data=b"" if head_only else answer.body))]
        return b"".join([*(part or b"" for part in parts), self._connection.send(h11.EndOfMessage()) or b""])

    def _encouragement(self) -> bytes:
        if not self._connection.they_are_waiting_for_100_continue:
            return b""
        go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
        return self._connection.send(go_on) or b""

    def _take(self, event: object) -> None:
        match event:
            case h11.Request():
                self._request = event
                self.asked = _refusal(event)
            case h11.Data(data=data):
                self._body += data
                if len(self._body) > MAX_REQUEST_BYTES:
                    self.asked = _TOO_LONG
            case h11.EndOfMessage() if self._request is not None:
                self.asked = _asked(self._request, bytes(self._body))
            case _:
                self.asked = problem(HTTPStatus.BAD_REQUEST, "the request ends before it is whole")


_TOO_LONG = problem(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has at most {MAX_REQUEST_BYTES} bytes of body"
)


def _refusal(request: h11.Request) -> Answer | None:
    """The answer for what needs no body to be refused."""
    path = request.target.partition(b"?")[0]
    wanted = _method(path)
    if wanted is None:
        return problem(HTTPStatus.NOT_FOUND, f"there is POST /{ADD_CHECKPOINT_PATH}, and nothing else to ask")
    if request.method not in wanted:
        allowed = b", ".join(wanted).decode()
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, f"this takes {allowed}", ("Allow", allowed))
    length = dict(request.headers).get(b"content-length", b"0")
    return _TOO_LONG if int(length) > MAX_REQUEST_BYTES else None


def _method(path: bytes) -> tuple[bytes, ...] | None:
    if path == b"/" + ADD_CHECKPOINT_PATH.encode():
        return (b"POST",)
    return (b"GET", b"HEAD") if _CHECKPOINT.fullmatch(path) else None


def _asked(request: h11.Request, body: bytes) -> Asked:
    found = _CHECKPOINT.fullmatch(request.target.partition(b"?")[0])
    return CheckpointAsked(found[1].decode()) if found else AddCheckpointAsked(body)
