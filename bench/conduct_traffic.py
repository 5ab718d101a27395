"""What products send, as the sink writes it down: for the finder's benchmark. The same for the same seed."""

from __future__ import annotations

import base64
import gzip
import json
import random
import uuid
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from overt.conduct.canary.texts import SENTENCES
from overt.conduct.evidence.records import Request

HOSTS = 12
MAX_REQUESTS = 8
"""Of one connection."""
UPLOAD_SHARE, MAX_UPLOAD_BYTES = 0.1, 1 << 18
"""Of requests; of one of them."""
SMALL_BYTES = 1_500
"""Unreadable, in each request of the worst kind: 2 kB once they are written in base64."""


class Conversation(NamedTuple):
    """One connection to a host."""

    host: str
    sent: bytes
    requests: tuple[Request, ...]


def realistic(limit: int, seed: int, files: Sequence[bytes]) -> Iterator[Conversation]:
    """About `limit` bytes: telemetry, logs, forms and uploads of `files`, to several hosts."""
    chance = random.Random(seed)
    while limit > 0:
        bodies = [_body(chance, files) for _ in range(chance.randint(1, MAX_REQUESTS))]
        made = _conversation(f"host{chance.randrange(HOSTS)}.example", bodies, chance)
        limit -= len(made.sent)
        yield made


def unreadable(limit: int, seed: int) -> Iterator[Conversation]:
    """About `limit` bytes of connections with one small request each, which is base64 of chance: the finder's worst."""
    chance = random.Random(seed)
    while limit > 0:
        made = _conversation("up.example", [base64.b64encode(chance.randbytes(SMALL_BYTES))], chance)
        limit -= len(made.sent)
        yield made


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _body(chance: random.Random, files: Sequence[bytes]) -> bytes:
    if chance.random() < UPLOAD_SHARE:
        upload = chance.choice(files)[:MAX_UPLOAD_BYTES]
        return chance.choice((bytes, _gzip, base64.b64encode))(upload)
    return chance.choice((_telemetry, _log, _packed, _form))(chance)


def _telemetry(chance: random.Random) -> bytes:
    return json.dumps(
        {
            "installation": str(uuid.UUID(int=chance.getrandbits(128))),
            "version": f"4.{chance.randrange(9)}.{chance.randrange(99)}",
            "events": [
                {
                    "event": "file checked",
                    "at": f"2026-11-22T10:{chance.randrange(60):02}:00Z",
                    "sha256": f"{chance.getrandbits(256):064x}",
                    "bytes": chance.randrange(1 << 20),
                }
                for _ in range(chance.randrange(1, 20))
            ],
        }
    ).encode()


def _log(chance: random.Random) -> bytes:
    lines = chance.choices(
        [line for lines in SENTENCES.values() for line in lines], k=chance.randrange(1, 40)
    )
    return "".join(f"Nov 22 10:{chance.randrange(60):02}:17 scanner: {line}\n" for line in lines).encode()


def _packed(chance: random.Random) -> bytes:
    inner = _gzip(_log(chance) + _telemetry(chance))
    return json.dumps({"data": base64.b64encode(inner).decode()}).encode()


def _form(chance: random.Random) -> bytes:
    return b"product=scanner&os=Debian+GNU%%2FLinux+12&lang=en_GB&id=%016x" % chance.getrandbits(64)


def _conversation(host: str, bodies: Sequence[bytes], chance: random.Random) -> Conversation:
    sent, requests = [], []
    for body in bodies:
        target = f"/v1/report?n={chance.randrange(1 << 20)}"
        headers = (("Host", host), ("User-Agent", "Scanner/4.2.1"), ("Content-Length", str(len(body))))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        sent.append(f"POST {target} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        requests.append(
            Request(at_s=0.0, method="POST", target=target, headers=headers, sent_bytes=len(body))
        )
    return Conversation(host, b"".join(sent), tuple(requests))
