"""What a client asks on a connection that is passed on: its requests are noted, and nothing is answered."""

from __future__ import annotations

import contextlib

import h11

from overt.conduct.evidence.records import Opened
from overt.conduct.sink import hello
from overt.conduct.sink.exchange import Exchange, began
from overt.conduct.sink.recognise import Kind, recognise
from overt.conduct.sink.resolver import Answered
from overt.conduct.sink.responses import Responder
from overt.conduct.sink.tape import Tape

_MIDWAY = "encryption began midway (STARTTLS), and was passed on unopened"
_LATE = "encryption began after a silence, as if the server were to speak first, and was passed on unopened"


class Heard:
    """Reads HTTP/1.1, and questions to name servers over TCP, TLS and HTTPS, whatever the server answers."""

    def __init__(self, tape: Tape, responder: Responder, secure: bool) -> None:
        self._tape, self._responder = tape, responder
        self._scheme = "https" if secure else "http"
        self._http: h11.Connection | None = h11.Connection(h11.SERVER)
        self._exchange: Exchange | None = None
        self._questions: bytearray | None = None
        """Questions over TCP or TLS that are not whole yet."""
        self._first = True

    def take(self, data: bytes) -> None:
        """The next bytes that the client sent."""
        if self._first and recognise(data, self._tape.ends.port) is Kind.DNS:
            self._questions, self._http = bytearray(), None
        elif self._tape.opened is not Opened.OPAQUE and _begins_tls(data):
            self._unopened(data)
        self._first = False
        if self._questions is not None:
            self._questions += data
            self._ask(self._questions)
        try:
            if self._http is not None:
                self._http.receive_data(data)
                self._events(self._http)
        except (h11.RemoteProtocolError, h11.LocalProtocolError):
            self._http = None

    def _unopened(self, data: bytes) -> None:
        """TLS that is passed on as it is: what its first message says in the clear is all that is known."""
        tape = self._tape
        tape.opaque(_LATE if self._first else _MIDWAY)
        with contextlib.suppress(hello.NoHello):
            if message := hello.in_records(data):
                tape.hello(data, hello.read(message))
                tape.application = "tls" if tape.application == "raw" else tape.application

    def _ask(self, waiting: bytearray) -> None:
        """Note what is whole: each after its length (RFC 7766)."""
        self._tape.application = "dns"
        while len(waiting) >= 2 and len(waiting) >= (end := 2 + int.from_bytes(waiting[:2], "big")):
            self._note(self._responder.resolver.answer(bytes(waiting[2:end])))
            del waiting[:end]

    def _note(self, asked: Answered | None) -> None:
        if asked:
            self._tape.questions(asked, replied=False)

    def _events(self, http: h11.Connection) -> None:
        """Take what is there. The answer that h11 is told of is made up: only so will it take the next request."""
        while True:
            match http.next_event():
                case h11.Request() as request:
                    self._tape.application = self._scheme
                    self._exchange = began(self._tape, self._scheme, request)
                case h11.Data(data=data) if self._exchange:
                    self._exchange.took(bytes(data))
                case h11.EndOfMessage():
                    if self._exchange:
                        self._note(self._responder.question(self._exchange.whole()))
                    http.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                    http.send(h11.EndOfMessage())
                    http.start_next_cycle()
                case _:
                    return


def _begins_tls(data: bytes) -> bool:
    return data[:1] == b"\x16" and data[1:2] == b"\x03" and data[5:6] == b"\x01"
