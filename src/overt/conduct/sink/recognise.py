"""Which protocol a conversation's first bytes are: pure."""

from __future__ import annotations

import re
from enum import Enum

from overt.conduct.sink import mqtt, socks
from overt.conduct.sink.http2 import PREFACE

_HTTP_LINE = re.compile(rb"[A-Z][A-Z-]{0,23} [^\r\n ]+ HTTP/1\.[01]\r?\n")
_HTTP_BEGINNING = re.compile(rb"[A-Z][A-Z-]{0,23}( [^\r\n ]*( (H(T(T(P(/(1(\.([01]\r?)?)?)?)?)?)?)?)?)?)?$")
_DNS_PORTS = frozenset({53, 853})
_DNS_HEAD_BYTES = 14
_MAIL = (b"EHLO ", b"HELO ", b"LHLO ")


class Kind(Enum):
    """What the bytes are."""

    UNDECIDED = "more bytes are needed"
    TLS = "tls"
    HTTP1 = "http/1.1"
    HTTP2 = "h2"
    SMTP = "smtp"
    SSH = "ssh"
    DNS = "dns"
    SOCKS = "socks"
    MQTT = "mqtt"
    RAW = "raw"


def recognise(data: bytes, port: int) -> Kind:
    """What a client begins with, which talks to `port`. `UNDECIDED` while it may still become something."""
    if data[:1] == b"\x16" and (kind := _tls(data)) is not Kind.RAW:
        return kind
    if port in _DNS_PORTS and (kind := _dns(data)) is not Kind.RAW:
        return kind
    if PREFACE.startswith(data[: len(PREFACE)]):
        return Kind.HTTP2 if len(data) >= len(PREFACE) else Kind.UNDECIDED
    if b"SSH-".startswith(data[:4]):
        return Kind.SSH if len(data) >= 4 else Kind.UNDECIDED
    if socks.is_beginning(data):
        return Kind.SOCKS
    if mqtt.is_beginning(data):
        return Kind.MQTT
    if data[:5].upper() in _MAIL:
        return Kind.SMTP
    if _HTTP_LINE.match(data):
        return Kind.HTTP1
    return Kind.UNDECIDED if _HTTP_BEGINNING.match(data) else Kind.RAW


def _tls(data: bytes) -> Kind:
    if len(data) < 6:
        return Kind.UNDECIDED if data[1:2] in (b"", b"\x03") else Kind.RAW
    return Kind.TLS if data[1] == 3 and data[2] <= 4 and data[5] == 1 else Kind.RAW


def _dns(data: bytes) -> Kind:
    """A message after its length (RFC 1035 §4.2.2): a question with one to a few questions in it."""
    if len(data) < _DNS_HEAD_BYTES:
        return Kind.UNDECIDED
    size, is_answer, questions = (
        int.from_bytes(data[:2], "big"),
        data[4] & 0x80,
        int.from_bytes(data[6:8], "big"),
    )
    return Kind.DNS if size >= 12 and not is_answer and 0 < questions < 16 else Kind.RAW
