"""The only network client of the code base; runs inside the courier, and nowhere else.

HTTP/1.1 (RFC 9110, RFC 9112) through urllib3: no redirects, no retries, no cookies, no content decoding, no headers
but the necessary ones and a constant User-Agent.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator

import urllib3
from urllib3 import exceptions

from overt.egress.address import is_etag
from overt.egress.errors import Failure
from overt.egress.head import HeadTooLong, pools
from overt.egress.job import Order
from overt.egress.limits import MAX_PACKET_BYTES, PIECE_BYTES
from overt.egress.wire import MAX_DETAIL, Ask, End, Failed, Head, Message, Piece, ask_from, encode

USER_AGENT = "overt"
DISCARD_BYTES = 16 * 1024
"""Body of an unwanted answer that is read to keep its connection."""
OK, NO_CONTENT, NOT_MODIFIED = 200, 204, 304


def warm_up() -> None:
    """Have everything loaded that the libraries load at first use: a confined courier finds none of it."""
    "localhost".encode("idna")
    socket.getaddrinfo("127.0.0.1", 9, type=socket.SOCK_STREAM)
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    urllib3.PoolManager().connection_from_host("127.0.0.1", 9, "https")


def serve(control: socket.socket, client: Client) -> None:
    """Carry one request after the other until the parent closes its end."""
    while packet := control.recv(MAX_PACKET_BYTES):
        for message in client.carry(ask_from(packet)):
            control.send(encode(message))


class Client:
    """Requests to one origin over connections that are kept."""

    def __init__(self, order: Order, ca_file: str) -> None:
        """Load the certificates (no `ca_file`: no TLS is spoken). Raises `OSError` when they cannot be."""
        host = f"[{order.host}]" if ":" in order.host else order.host
        self._url = f"{order.scheme}://{host}:{order.port}{order.folder}"
        context = _trusting(ca_file) if ca_file else None
        timeout = urllib3.Timeout(connect=order.connect_timeout_s, read=order.stall_timeout_s)
        if order.proxy_url:
            credentials = order.proxy_credentials
            self._pool: urllib3.PoolManager = urllib3.ProxyManager(
                order.proxy_url,
                proxy_headers=urllib3.make_headers(proxy_basic_auth=credentials) if credentials else None,
                proxy_ssl_context=context,
                ssl_context=context,
                timeout=timeout,
            )
        else:
            self._pool = urllib3.PoolManager(ssl_context=context, timeout=timeout)
        self._pool.pool_classes_by_scheme = pools(order.max_head_bytes)

    def carry(self, ask: Ask) -> Iterator[Message]:
        """One request; the last message is `End` or `Failed`."""
        response: urllib3.BaseHTTPResponse | None = None
        try:
            response = self._send(ask)
            yield from _deliver(response, ask)
            return
        except _Refused as refused:
            failed = refused.failed
        except (exceptions.HTTPError, http.client.HTTPException, OSError, UnicodeError) as error:
            failed = _explain(error)
        if response is not None:
            response.close()
        yield failed

    def _send(self, ask: Ask) -> urllib3.BaseHTTPResponse:
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        if ask.etag:
            headers["If-None-Match"] = ask.etag
        if ask.content_type:
            headers["Content-Type"] = ask.content_type
        return self._pool.urlopen(
            ask.method,
            self._url + ask.path,
            body=ask.body if ask.method == "POST" else None,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )


class _Refused(Exception):
    """An answer that is not taken."""

    def __init__(self, kind: Failure, detail: str, status: int = 0) -> None:
        super().__init__(detail)
        self.failed = _failed(kind, detail, status)


def _trusting(ca_file: str) -> ssl.SSLContext:
    """Trust the certificates in `ca_file` and no others; host names are checked; TLS 1.2 or newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=ca_file)
    return context


def _deliver(response: urllib3.BaseHTTPResponse, ask: Ask) -> Iterator[Message]:
    """Check the answer's head and hand its body on."""
    status = response.status
    if status == NOT_MODIFIED and not ask.etag:
        raise _Refused(Failure.MALFORMED, "the server says 'not modified' (304) without being asked", status)
    if ask.method == "GET" and status not in (OK, NOT_MODIFIED):
        _discard(response)
        if 300 <= status < 400:
            where = response.headers.get("Location", "nowhere")
            raise _Refused(Failure.REDIRECT, f"the server redirects ({status}) to {where}", status)
        raise _Refused(
            Failure.STATUS, f"the server answered {status} {response.reason or ''}".rstrip(), status
        )
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise _Refused(Failure.MALFORMED, f"the body is encoded ({coding}), which was not asked for", status)
    announced = response.headers.get("Content-Length", "")
    if (
        announced.isascii()
        and announced.isdigit()
        and int(announced[:20]) > ask.max_bytes
        and status != NOT_MODIFIED
    ):
        raise _Refused(
            Failure.LONG, f"{announced[:20]} bytes announced, at most {ask.max_bytes} wanted", status
        )
    chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
    if not announced and not chunked and status not in (NO_CONTENT, NOT_MODIFIED):
        raise _Refused(Failure.MALFORMED, "the answer does not say where it ends", status)
    etag = response.headers.get("ETag", "")
    yield Head(status, etag if is_etag(etag) else "")
    if status != NOT_MODIFIED:
        yield from _body(response, ask.max_bytes)
    response.release_conn()
    yield End()


def _body(response: urllib3.BaseHTTPResponse, max_bytes: int) -> Iterator[Piece]:
    count = 0
    while data := response.read1(PIECE_BYTES, decode_content=False):
        count += len(data)
        if count > max_bytes:
            raise _Refused(Failure.LONG, f"the body goes on after {max_bytes} bytes")
        yield Piece(data)


def _discard(response: urllib3.BaseHTTPResponse) -> None:
    """Read a short rest, so that the connection can be used again; else close it."""
    left = DISCARD_BYTES
    while left > 0 and (data := response.read1(left, decode_content=False)):
        left -= len(data)
    if left > 0:
        response.release_conn()
    else:
        response.close()


def _failed(kind: Failure, detail: str, status: int = 0) -> Failed:
    return Failed(kind.name, detail[:MAX_DETAIL], status)


def _explain(error: BaseException) -> Failed:
    """Which of the failures a library's exception is."""
    cause = _cause(error)
    match error:
        case exceptions.ProxyError():
            return _failed(Failure.PROXY, _words(cause))
        case exceptions.NameResolutionError() | UnicodeError():
            return _failed(Failure.RESOLVE, _words(cause))
        case exceptions.ConnectTimeoutError() | exceptions.NewConnectionError():
            return _failed(Failure.CONNECT, _words(cause))
        case exceptions.ReadTimeoutError():
            return _failed(Failure.SLOW, "nothing arrived any more")
    match cause:
        case HeadTooLong():
            return _failed(Failure.LONG, str(cause))
        case ssl.SSLCertVerificationError():
            return _failed(Failure.CERTIFICATE, cause.verify_message or str(cause))
        case ssl.SSLError():
            return _failed(Failure.TLS, str(cause))
        case (
            http.client.RemoteDisconnected()
            | http.client.IncompleteRead()
            | exceptions.IncompleteRead()
            | OSError()
        ):
            return _failed(Failure.BROKEN, _words(cause))
    return _failed(Failure.MALFORMED, f"the answer is not HTTP as it should be: {cause}")


def _words(cause: BaseException) -> str:
    """An error of the system without its number, which helps nobody."""
    return cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)


def _cause(error: BaseException) -> BaseException:
    """The innermost error that the library wrapped."""
    while True:
        inner = getattr(error, "original_error", None) or next(
            (item for item in error.args if isinstance(item, BaseException)), None
        )
        inner = inner or error.__cause__
        if not isinstance(inner, BaseException):
            return error
        error = inner
