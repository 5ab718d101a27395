"""What the sink says to HTTP requests: something plausible, or what was recorded for that host."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import msgspec

from overt.conduct.evidence.marks import mark_of
from overt.conduct.evidence.records import Offered
from overt.conduct.sink import forgery
from overt.conduct.sink.forgery import FORGED, MAX_TRUE_BYTES, Forgery, Forging
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
    offered: Offered | None = None
    """If it is a forged update."""

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
    forging: Forging = field(default_factory=Forging)

    def answer(self, asked: Asked) -> Response:
        """What `asked` is answered."""
        if answered := self.question(asked):
            return Response(200, (("Content-Type", _DNS),), answered.reply, answered=answered)
        if self.forging.now and (forged := self._forged(asked)):
            return forged
        if folder := self._folder(asked.host):
            response = folder.answer(asked)
            return _somebody_elses(response, varies=False) if asked.host.startswith(FORGED) else response
        return _plausible(asked)

    def _folder(self, host: str) -> Folder | None:
        return self.hosts.get(host) or self.hosts.get("*")

    def _stand_in(self, folder: Folder, asked: Asked) -> Response:
        """What a forged channel has in the true one's place."""
        true, forged = self.hosts.get(asked.host), folder.answer(asked)
        if true is not None and b"".join(forged.chunks()) == b"".join(true.answer(asked).chunks()):
            return forged
        return _somebody_elses(forged, varies=true is not None)

    def _forged(self, asked: Asked) -> Response | None:
        """What somebody else would answer in its maker's place; None where the request is not for an update."""
        if asked.host.startswith(FORGED):
            return None
        if folder := self.hosts.get(FORGED + asked.host):
            return self._stand_in(folder, _whole_wanted(asked))
        mark = forgery.behind(_path(asked))
        if not mark and (folder := self._folder(asked.host)):
            true = folder.answer(_whole_wanted(asked))
            if true.status != 200 or not true.size:
                return None
            mark = mark_of(asked.method, asked.host, asked.target)
            if true.size > MAX_TRUE_BYTES:
                return _offer(forgery.made_up(_path(asked), mark, asked.host), mark, True)
            return _offer(forgery.changed(_path(asked), b"".join(true.chunks()), mark), mark, True)
        if not mark and not _is_for_an_update(asked):
            return None
        mark = mark or mark_of(asked.method, asked.host, asked.target)
        wants_json = "json" in _accepted(asked)
        return _offer(forgery.made_up(_path(asked), mark, asked.host, wants_json), mark, False)

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
_PROTOCOLS = ("application/ocsp-request", _DNS)
_KINDS = {"json": "application/json", "xml": "application/xml", "text": "text/plain"}
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


def _path(asked: Asked) -> str:
    return urlsplit(asked.target).path if asked.target.startswith("/") else asked.target


def _accepted(asked: Asked) -> str:
    return asked.headers.get("accept", "") + asked.headers.get("content-type", "")


_UPDATE = re.compile(
    r"updat|upgrad|download|latest|releas|version|patch|defs|defin|signat|rule|engine|databas", re.I
)
"""In a path: an answer to what is posted there may be an update."""


def _is_for_an_update(asked: Asked) -> bool:
    """In an update, whatever is fetched; what is sent, only where the path says so: the rest is telemetry."""
    path = _path(asked)
    if path in _CHECKS or path.endswith("/generate_204") or asked.headers.get("content-type") in _PROTOCOLS:
        return False
    return asked.method == "GET" or (asked.method == "POST" and _UPDATE.search(path) is not None)


def _whole_wanted(asked: Asked) -> Asked:
    """The request for all of it, whatever the client has already."""
    headers = {name: value for name, value in asked.headers.items() if not name.startswith(("if-", "range"))}
    return replace(asked, headers=headers)


def _offer(made: Forgery, mark: str, varies: bool) -> Response:
    offered = Offered(kind=made.kind, varies=varies, digests=made.digests, mark=mark)
    kind = _KINDS.get(made.kind, "application/octet-stream")
    return Response(200, (("Content-Type", kind),), made.body, offered=offered)


def _somebody_elses(response: Response, varies: bool) -> Response:
    """An answer from a forged channel."""
    if response.status != 200:
        return response
    digest = hashlib.sha256()
    for chunk in response.chunks():
        digest.update(chunk)
    offered = Offered(kind="file of a channel", varies=varies, digests=(digest.hexdigest(),))
    return replace(response, offered=offered)


def _plausible(asked: Asked) -> Response:
    """Nothing is known of this host: what would keep a program going?"""
    path, accepted = _path(asked), _accepted(asked)
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
