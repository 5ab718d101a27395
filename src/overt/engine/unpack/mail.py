"""Internet mail (RFC 5322) and its MIME parts (RFC 2045, 2046, 2231): attachments, bodies, nested messages.

Parts are split here, iteratively and in linear time; values of header fields are read by the standard library.
Broken structure is read the way mail clients read it, so that nothing hides behind it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from email.header import decode_header
from email.message import Message

from overt.core.model import Reason
from overt.engine.unpack.base import Child, Format, Room
from overt.engine.unpack.text import base64_lenient

MAX_NESTING = 32
"""Multiparts inside multiparts of one message."""
HEAD_BYTES = 64 * 1024
"""Bytes at the beginning in which a message's header is recognised."""
MAX_FIELD_BYTES = 4096
"""Of one header field, the bytes looked at for a file's name."""
PREAMBLE_BYTES = 256
"""A text before the first part that is not longer is the usual courtesy to old clients."""

_START = re.compile(rb"\s{0,16}+(?:>From [^\n]{0,400}\n)?[A-Za-z][A-Za-z0-9-]{1,60}+[ \t]{0,8}+:")
_FIELD = re.compile(rb"^([!-9;-~]{1,80}+)[ \t]*+:")
_STRONG = frozenset(
    b"received message-id mime-version return-path delivered-to x-mailer content-type x-original-to "
    b"content-transfer-encoding content-disposition x-originating-ip dkim-signature reply-to".split()
)
_WEAK = frozenset(b"from to subject date cc bcc sender organization".split())
_CONTENT = re.compile(rb"(?im)^(content-[a-z-]{1,40}+)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)")
_BOUNDARY = re.compile(rb'(?i)boundary\*?(?:0\*?)?[ \t]*=[ \t]*(?:"([^"]{1,400})"|([^\s;"]{1,400}))')
_GUESS = re.compile(rb"(?im)^--(\S[^\r\n]{0,199})\r?\n(?=content-)")
_END_OF_HEADER = re.compile(rb"\r?\n[ \t]*+\r?\n")
_SUFFIX = {"text/plain": ".txt", "text/html": ".html", "message/rfc822": ".eml", "text/calendar": ".ics"}


def sniff(data: bytes) -> bool:
    """Whether `data` begins with a mail header: only fields, and enough of those that only mail has."""
    if not _START.match(data):
        return False
    head = _unix(data[:HEAD_BYTES].lstrip())
    end = _END_OF_HEADER.search(head)
    lines = head[: end.start() if end else len(head)].split(b"\n")
    fields: set[bytes] = set()
    strangers = 0
    for line in lines:
        if match := _FIELD.match(line):
            fields.add(match[1].lower())
        elif not line.startswith((b" ", b"\t")):
            strangers += 1
    strong, weak = len(fields & _STRONG), len(fields & _WEAK)
    return strangers <= 1 and (strong * 2 + weak >= 3 if strong else weak >= 3)


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """One child per part that is not itself a multipart, decoded; a nested message is a child too."""
    pending = [(_unix(data.lstrip()), 0)]
    number = 0
    while pending:
        part, level = pending.pop()
        header, body = _split(part)
        kind = header.get_content_type()
        if kind == "multipart/encrypted":
            room.gap(Reason.ENCRYPTED, "the message is encrypted (RFC 1847)")
        if kind.startswith("multipart/") and (pieces := _pieces(header, body)):
            if level >= MAX_NESTING:
                room.gap(Reason.DEPTH, f"more than {MAX_NESTING} multiparts inside one another")
                continue
            pending.extend((piece, level + 1) for piece in reversed(pieces))
            continue
        if kind.startswith("message/") and not sniff(body) and level < MAX_NESTING and _CONTENT.search(body):
            pending.append((body, level + 1))
            continue
        if body.strip():
            number += 1
            yield _leaf(header, body, number, room)


def _unix(data: bytes) -> bytes:
    """Old Macintosh line ends are read too; the others stay as they are."""
    return data if b"\n" in data[:HEAD_BYTES] else data.replace(b"\r", b"\n")


def _split(part: bytes) -> tuple[Message, bytes]:
    """The content fields of a part's header, and its body."""
    if part.startswith((b"\n", b"\r\n")):
        return Message(), part
    end = _END_OF_HEADER.search(part)
    head, body = (part[: end.start()], part[end.end() :]) if end else (part, b"")
    header = Message()
    seen: set[bytes] = set()
    for match in _CONTENT.finditer(head):
        if match[1].lower() not in seen:
            seen.add(match[1].lower())
            value = match[2][:MAX_FIELD_BYTES].decode("latin-1")
            header[match[1].decode("ascii")] = value.replace("\r", "").replace("\n", "").strip()
    boundaries = [found[1] or found[2] for found in _BOUNDARY.finditer(head)]
    if boundaries:
        header.preamble = b"\n".join(boundaries[:8]).decode("latin-1")
    return header, body if end or "content-type" in header else part


def _pieces(header: Message, body: bytes) -> list[bytes]:
    """The parts of a multipart's body, preamble and epilogue included when there is something in them."""
    boundaries = [name.encode("latin-1") for name in (header.preamble or "").split("\n") if name]
    separators = _separators(boundaries, body)
    if not separators and (guess := _GUESS.search(body)):
        separators = _separators([guess[1].rstrip()], body)
    if not separators:
        return []
    starts = [0, *(end for _, end in separators)]
    ends = [*(start for start, _ in separators), len(body)]
    pieces = [body[start:end] for start, end in zip(starts, ends, strict=True)]
    outside = [b"\n" + text for text in (pieces[0],) if len(text.strip()) > PREAMBLE_BYTES]
    return outside + [piece for piece in pieces[1:] if not piece.isspace() and piece]


def _separators(boundaries: list[bytes], body: bytes) -> list[tuple[int, int]]:
    if not boundaries:
        return []
    names = b"|".join(re.escape(name.rstrip()) for name in boundaries)
    pattern = re.compile(rb"(?:^|\r?\n)--(?:%s)(?:--)?[ \t]*+\r?(?:(?=\n)|$)" % names)
    return [(match.start(), min(match.end() + 1, len(body))) for match in pattern.finditer(body)]


def _leaf(header: Message, body: bytes, number: int, room: Room) -> Child:
    kind = header.get_content_type()
    if kind.endswith("pkcs7-mime") and "enveloped" in str(header.get("content-type", "")).lower():
        room.gap(Reason.ENCRYPTED, "the message is encrypted (RFC 8551)")
    name = _filename(header) or f"part {number}{_SUFFIX.get(kind, '')}"
    encoding = str(header.get("content-transfer-encoding", "")).strip().lower()
    return Child(name, room.gather(iter((_decoded(encoding, body, header),)), name))


def _decoded(encoding: str, body: bytes, header: Message) -> bytes:
    if encoding == "base64":
        body = base64_lenient(body)
    elif encoding == "quoted-printable":
        body = binascii.a2b_qp(body)
    charset = (header.get_content_charset() or "") if header.get_content_maintype() == "text" else ""
    if charset in ("utf-7", "utf-16", "utf-16le", "utf-16be", "utf-32"):
        return body.decode(charset, "replace").encode("utf-8", "replace")
    return body


def _filename(header: Message) -> str:
    """The attachment's name as a client shows it (RFC 2231, and RFC 2047 words where they don't belong)."""
    try:
        name = header.get_filename("")
        words = decode_header(name) if "=?" in name else [(name, None)]
        text = "".join(
            word if isinstance(word, str) else word.decode(codec or "ascii", "replace")
            for word, codec in words
        )
    except (ValueError, LookupError, TypeError, IndexError):  # a malformed or unknown encoding is only a name
        return ""
    return text.replace("\\", "/").rsplit("/", 1)[-1].strip()


FORMATS = (Format("mail", "mail messages (RFC 5322, MIME, MHTML)", sniff=sniff, unpack=unpack),)
