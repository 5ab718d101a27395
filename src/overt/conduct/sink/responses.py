"""What the sink says to HTTP requests: something plausible, or what was recorded for that host."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import msgspec

from overt.conduct.sink.resolver import Answered, Resolver
from overt.core.errors import ConductError

RECORDED = "responses.json"
"""In a replay folder: answers that are more than a file's content."""
CHUNK_BYTES = 256 << 10
MAX_QUESTION_BYTES = 64 << 10
_DNS = "application/dns-message"
_OCSP_TRY_LATER = bytes.fromhex("30030a0103")
_CHECKS = {
    "/connecttest.txt": b"Microsoft Connect Test",
    "/ncsi.txt": b"Microsoft NCSI",
    "/success.txt": b"success\n",
    "/hotspot-detect.html": b"<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>",
}
"""How programs find out whether there is an internet: they should find one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    host: str
    """In lower case, without port."""
    target: str
    """Path and query, as it was written."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""
    """Only of requests whose answer depends on it."""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. The body is `body`, or `length` bytes of `file` from `offset`."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    file: Path | None = None
    offset: int = 0
    length: int = 0
    answered: Answered | None = None
    """If it was a question to DNS."""

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return self.length if self.file else len(self.body)

    def chunks(self) -> Iterator[bytes]:
        """The body. Raises `OSError`."""
        if self.file is None:
            yield self.body
            return
        left = self.length
        with open(self.file, "rb") as stream:
            stream.seek(self.offset)
            while left and (chunk := stream.read(min(left, CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk


class Recorded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of `responses.json`, which is a list of these."""

    path: str
    """With its query, if it has one."""
    method: str = "GET"
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 200
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: str = ""
    file: str = ""
    """Relative to the folder; instead of `body`."""


@dataclass(frozen=True, slots=True)
class Folder:
    """What one host serves."""

    path: Path
    recorded: Mapping[tuple[str, str], Recorded]

    @classmethod
    def read(cls, path: Path) -> Folder:
        """Raises `ConductError` when there is no such folder, or its `responses.json` is wrong."""
        if not path.is_dir():
            raise ConductError(f"{path}: no such folder: the profile names it as a recorded host")
        try:
            text = (path / RECORDED).read_bytes() if (path / RECORDED).exists() else b"[]"
            listed = msgspec.json.decode(text, type=list[Recorded])
        except (OSError, msgspec.DecodeError) as error:
            raise ConductError(f"{path / RECORDED}: {error}") from error
        return cls(path.resolve(), {(item.method, item.path): item for item in listed})

    def answer(self, asked: Asked) -> Response:
        """The recorded answer, the file, or 404."""
        if item := self.recorded.get((asked.method, asked.target)):
            headers = tuple(pair for pair in item.headers.items() if pair[0].lower() not in _FRAMING)
            if not item.file:
                return Response(item.status, headers, item.body.encode())
            return self._whole(item.file, item.status, headers)
        if asked.method not in ("GET", "HEAD"):
            return Response(404, _TEXT, b"not found\n")
        return self._file(asked)

    def _whole(self, name: str, status: int, headers: tuple[tuple[str, str], ...]) -> Response:
        file = self._inside(name)
        if file is None:
            return Response(404, _TEXT, b"not found\n")
        return Response(status, headers, file=file, length=file.stat().st_size)

    def _file(self, asked: Asked) -> Response:
        file = self._inside(unquote(urlsplit(asked.target).path))
        if file is None:
            return Response(404, _TEXT, b"not found\n")
        state = file.stat()
        size, changed = state.st_size, int(state.st_mtime)
        headers = (
            ("Content-Type", _type_of(file)),
            ("Last-Modified", formatdate(changed, usegmt=True)),
            ("ETag", f'"{changed:x}-{size:x}"'),
            ("Accept-Ranges", "bytes"),
        )
        if _unchanged(asked.headers, changed, headers[2][1]):
            return Response(304, headers[1:3])
        if (wanted := asked.headers.get("range")) and (span := _span(wanted, size)) is not None:
            first, last = span
            if first > last:
                return Response(416, (("Content-Range", f"bytes */{size}"),))
            ranged = (*headers, ("Content-Range", f"bytes {first}-{last}/{size}"))
            return Response(206, ranged, file=file, offset=first, length=last - first + 1)
        return Response(200, headers, file=file, length=size)

    def _inside(self, name: str) -> Path | None:
        """The file of that name below the folder, if there is one: never one elsewhere."""
        try:
            file = (self.path / name.lstrip("/")).resolve()
            return file if file.is_relative_to(self.path) and file.is_file() else None
        except (OSError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Responder:
    """All hosts."""

    resolver: Resolver
    hosts: Mapping[str, Folder] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Response:
        """What `asked` is answered."""
        if answered := self.question(asked):
            return Response(200, (("Content-Type", _DNS),), answered.reply, answered=answered)
        if folder := self.hosts.get(asked.host) or self.hosts.get("*"):
            return folder.answer(asked)
        return _plausible(asked)

    def question(self, asked: Asked) -> Answered | None:
        """What a question of DNS over HTTPS asks, and its answer; None to any other request."""
        wire = _question(asked)
        return self.resolver.answer(wire) if wire else None


def wants_body(headers: Mapping[str, str]) -> bool:
    """Whether the answer depends on the request's body."""
    return headers.get("content-type", "") == _DNS


_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
"""Header fields that follow from how a body is sent here."""
_TEXT = (("Content-Type", "text/plain"),)
_JSON = (("Content-Type", "application/json"),)
_HTML = (("Content-Type", "text/html"),)
_FILE = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_TYPES = {
    ".html": "text/html",
    ".json": "application/json",
    ".txt": "text/plain",
    ".xml": "application/xml",
}


def _question(asked: Asked) -> bytes | None:
    """A question of DNS over HTTPS (RFC 8484)."""
    if asked.headers.get("content-type") == _DNS:
        return asked.body
    match = re.search(r"[?&]dns=([A-Za-z0-9_-]+)", asked.target)
    if match and asked.method == "GET":
        try:
            return base64.urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4))
        except (binascii.Error, ValueError):
            return None
    return None


def _plausible(asked: Asked) -> Response:
    """Nothing is known of this host: what would keep a program going?"""
    path = urlsplit(asked.target).path if asked.target.startswith("/") else asked.target
    accepted = asked.headers.get("accept", "") + asked.headers.get("content-type", "")
    if asked.headers.get("content-type") == "application/ocsp-request":
        return Response(200, (("Content-Type", "application/ocsp-response"),), _OCSP_TRY_LATER)
    if path.endswith("/generate_204") or asked.method == "OPTIONS":
        return Response(204, (("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),))
    if path in _CHECKS:
        return Response(200, _TEXT, _CHECKS[path])
    if (
        asked.method in ("GET", "HEAD")
        and _FILE.search(path)
        and not path.endswith((".json", ".php", ".html"))
    ):
        return Response(404, _TEXT, b"not found\n")
    if "json" in accepted or path.endswith(".json"):
        return Response(200, _JSON, b"{}")
    if "text/html" in accepted:
        return Response(200, _HTML, b"<!doctype html><title>ok</title><p>ok\n")
    return Response(200, _TEXT, b"ok\n")


def _unchanged(headers: Mapping[str, str], changed: int, tag: str) -> bool:
    if wanted := headers.get("if-none-match"):
        return wanted in (tag, "*")
    try:
        return changed <= parsedate_to_datetime(headers["if-modified-since"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return False


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a range (RFC 9110 §14.1.2); first > last: there is nothing there; None: no range."""
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted.replace(" ", ""))
    if not match or not (match[1] or match[2]):
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size - 1
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    return (first, last) if first < size else (1, 0)


def _type_of(file: Path) -> str:
    return _TYPES.get(file.suffix.lower(), "application/octet-stream")


def lowered(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header fields by their names in lower case; the last of several counts."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
