"""HTTP/1.1 as the server (RFC 9112; the parser is h11): keep-alive, chunks, expectations, CONNECT, upgrades."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import h11

from overt.conduct.sink import websocket
from overt.conduct.sink.exchange import Exchange, began
from overt.conduct.sink.responses import Asked, Responder, Response
from overt.conduct.sink.stream import Stream

Inside = Callable[[Stream], Awaitable[None]]
_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SLICE_BYTES = 64 << 10
_KNOWN = {int(status) for status in HTTPStatus}


async def serve(
    stream: Stream, responder: Responder, secure: bool, max_head_bytes: int, inside: Inside
) -> None:
    """Answer requests until the client has no more; `inside` takes over what CONNECT and WebSocket carry."""
    await _Server(stream, responder, secure, max_head_bytes, inside).run()


class _Server:
    def __init__(
        self, stream: Stream, responder: Responder, secure: bool, max_head_bytes: int, inside: Inside
    ) -> None:
        self._stream, self._responder, self._inside = stream, responder, inside
        self._scheme = "https" if secure else "http"
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=max_head_bytes)
        self._exchange: Exchange | None = None

    async def run(self) -> None:
        try:
            while await self._event():
                pass
        except h11.RemoteProtocolError as error:
            await self._refuse(error)
            await self._stream.drain()

    async def _event(self) -> bool:
        """Deal with one event; whether there may be another."""
        match self._http.next_event():
            case h11.NEED_DATA:
                return await self._feed()
            case h11.Request() as request:
                self._exchange = began(self._stream.tape, self._scheme, request)
            case h11.Data(data=data) if self._exchange:
                self._exchange.took(bytes(data))
            case h11.EndOfMessage() if self._exchange:
                return await self._answer(self._exchange)
            case h11.PAUSED | h11.ConnectionClosed():
                await self._stream.drain()
                return False
        return True

    async def _feed(self) -> bool:
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
        data = await self._stream.read()
        for at in range(0, len(data) or 1, _SLICE_BYTES):
            self._http.receive_data(data[at : at + _SLICE_BYTES])
        return True

    async def _answer(self, exchange: Exchange) -> bool:
        asked = exchange.asked
        if asked.method == "CONNECT":
            return await self._connect(exchange)
        if _is_websocket(asked):
            return await self._websocket(exchange)
        response = exchange.answer(self._responder, self._stream.tape)
        await self._respond(asked, response)
        if self._http.our_state is h11.MUST_CLOSE or self._http.their_state is h11.MUST_CLOSE:
            return False
        self._http.start_next_cycle()
        self._exchange = None
        return True

    async def _respond(self, asked: Asked, response: Response) -> None:
        headers = [("Server", "nginx"), *response.headers]
        if response.status not in (204, 304):
            headers.append(("Content-Length", str(response.size)))
        reason = HTTPStatus(response.status).phrase.encode() if response.status in _KNOWN else b""
        answer = (
            self._http.send(h11.Response(status_code=response.status, headers=headers, reason=reason)) or b""
        )
        if asked.method != "HEAD" and response.status not in (204, 304):
            for chunk in response.chunks():
                answer += self._http.send(h11.Data(data=chunk)) or b""
                if len(answer) >= _SLICE_BYTES:
                    await self._stream.write(answer)
                    answer = b""
        await self._stream.write(answer + (self._http.send(h11.EndOfMessage()) or b""))

    async def _connect(self, exchange: Exchange) -> bool:
        """The client takes this for a proxy: what it sends through is looked at like any other stream."""
        exchange.noted.status = 200
        await self._send(h11.Response(status_code=200, headers=[], reason=b"Connection established"))
        self._stream.unread(self._http.trailing_data[0])
        await self._inside(self._stream)
        return False

    async def _websocket(self, exchange: Exchange) -> bool:
        exchange.noted.status = 101
        key = exchange.asked.headers.get("sec-websocket-key", "").encode()
        accept = base64.b64encode(
            hashlib.sha1(key + _WEBSOCKET_GUID, usedforsecurity=False).digest()
        ).decode()
        headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)]
        if protocol := exchange.asked.headers.get("sec-websocket-protocol", ""):
            headers.append(("Sec-WebSocket-Protocol", protocol.partition(",")[0].strip()))
        await self._send(
            h11.InformationalResponse(status_code=101, headers=headers, reason=b"Switching Protocols")
        )
        await websocket.serve(self._stream, self._http.trailing_data[0], self._inside)
        return False

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            status = error.error_status_hint
            await self._send(
                h11.Response(status_code=status, headers=[("Connection", "close"), ("Content-Length", "0")])
            )

    async def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            await self._stream.write(data)


def _is_websocket(asked: Asked) -> bool:
    return asked.headers.get("upgrade", "").lower() == "websocket" and "sec-websocket-key" in asked.headers
