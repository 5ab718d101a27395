"""One HTTP request under way, of any version, whoever answers: what is noted, and what its answer depends on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import h11

from overt.conduct.sink.responses import MAX_QUESTION_BYTES, Asked, Responder, Response, lowered, wants_body
from overt.conduct.sink.tape import Asked as Noted
from overt.conduct.sink.tape import Ends, Tape

_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class Exchange:
    """The request under way."""

    asked: Asked
    noted: Noted
    body: bytearray = field(default_factory=bytearray)

    def took(self, data: bytes) -> None:
        """Some of its body."""
        self.noted.sent_bytes += len(data)
        if wants_body(self.asked.headers):
            self.body += data[: MAX_QUESTION_BYTES - len(self.body)]

    def whole(self) -> Asked:
        """The request with its body, as far as the answer depends on it."""
        return replace(self.asked, body=bytes(self.body))

    def answer(self, responder: Responder, tape: Tape) -> Response:
        """What it is answered, noted."""
        response = responder.answer(self.whole())
        if response.answered:
            tape.questions(response.answered)
        self.noted.status, self.noted.offered = response.status, response.offered
        return response


def began(tape: Tape, scheme: str, request: h11.Request) -> Exchange:
    """A request of HTTP/1.1, noted."""
    headers = lowered(request.headers)
    method, target = request.method.decode("latin-1"), request.target.decode("latin-1")
    raw = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw_items()
    )
    host = headers.get("host", "")
    noted = tape.asked(method, url_of(scheme, host, target, tape.ends), raw)
    return Exchange(Asked(method, host_of(host), target, headers), noted)


def host_of(authority: str) -> str:
    """The host in `user@host:port` (RFC 3986 §3.2), of which only it must be there, in lower case."""
    place = authority.rpartition("@")[2]
    name, colon, port = place.rpartition(":")
    return (name if colon and "]" not in port else place).lower()


def url_of(scheme: str, host: str, target: str, ends: Ends) -> str:
    """The URL that was meant: `target` may be a path, an authority or a URL (RFC 9112 §3.2)."""
    if not target.startswith("/"):
        return target
    if not host:
        host = f"[{ends.address}]" if ":" in ends.address else ends.address
        host += f":{ends.port}" if ends.port != _PORTS[scheme] else ""
    return f"{scheme}://{host}{target}"
