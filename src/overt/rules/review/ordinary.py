"""What innocent documents contain for technical reasons: it is no evidence of code that a rule needs it."""

from __future__ import annotations

from functools import lru_cache

from overt.core.limits import Limits
from overt.engine.unpack.base import Budget, Room
from overt.engine.unpack.registry import identify
from overt.rules.review.corpus import documents

SHORTEST = 3
"""Texts shorter than this are found anywhere, and say nothing."""
BEYOND = (
    "www.w3.org",
    "schemas.microsoft.com",
    "schemas.openxmlformats.org",
    "purl.org/dc",
    "/javascript",
    "/openaction",
    "/acroform",
    "/embeddedfile",
    "/objstm",
    "\\object",
    "\\objdata",
    "\\pard",
    "d0cf11e0a1b11ae1",
    "word/_rels/",
    "docprops/core.xml",
    "docprops/app.xml",
    "vbaproject.bin",
    "worddocument",
    "root entry",
    "summaryinformation",
    "microsoft office word",
    "microsoft excel",
    "message-id:",
    "x-mailer:",
    "x-originating-ip",
    "received: from",
    "return-path:",
    "content-disposition",
    "application/octet-stream",
    "application/pdf",
    "text/html",
    "<table",
    "<div",
    "</a>",
    "href=",
    "style=",
    "<br",
    "http://",
    "https://",
)
"""More of the kind, from real documents rather than the corpus' small ones, folded to lower case."""


def ordinary(text: str) -> bool:
    """Whether `text` is part of the documents' own machinery (or too short to be anything)."""
    folded = text.strip().lower()
    if len(folded) < SHORTEST:
        return True
    return folded in _machinery() or any(folded in known or known == folded.rstrip("/") for known in BEYOND)


@lru_cache(maxsize=1)
def _machinery() -> str:
    """The unmarked English documents and their members, one after another, folded to lower case."""
    parts = []
    for document in documents():
        if document.language == "en" and not document.marking and "utf-16" not in document.form:
            parts.extend(_contents(document.data))
    return "\x00".join(part.decode("latin-1").lower() for part in parts)


def _contents(data: bytes) -> list[bytes]:
    """The document and what it holds, one level deep."""
    found = [data]
    room = Room(Budget(Limits(), len(data)), (), ())
    for form in identify(data):
        if form.unpack is not None:
            found.extend(child.data for child in form.unpack(data, room))
    return found
