"""Fixtures whose source is harmless to scanners: a middle dot breaks each word, and is taken out at run time."""

from __future__ import annotations

import base64
import re

_FILLER = base64.b64encode(b"nothing but harmless filler, again and again; ").decode()
_TOKEN = re.compile(r"«(\d+|ps:[^»]*)»")


def inert(marked: str) -> bytes:
    """The fixture's bytes: dots out (a dot at a line's end joins it to the next), `«80»` becomes 80 characters of
    base64, `«ps:…»` the base64 of UTF-16 that PowerShell takes."""
    return _TOKEN.sub(_encoded, marked.replace("·\n", "").replace("·", "")).encode()


def wide(marked: str) -> bytes:
    """The same in UTF-16LE."""
    return inert(marked).decode().encode("utf-16-le")


def hexed(marked: str) -> bytes:
    """Bytes from hexadecimal digits with dots between them."""
    return bytes.fromhex(marked.replace("·", ""))


def _encoded(token: re.Match[str]) -> str:
    value = token[1]
    if value.startswith("ps:"):
        return base64.b64encode(value[3:].encode("utf-16-le")).decode()
    return (_FILLER * (int(value) // len(_FILLER) + 1))[: int(value)]
