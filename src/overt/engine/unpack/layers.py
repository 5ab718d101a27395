"""Undoing the layers that scripts are wrapped in: base64, hex, deflate, rot13 and their like, in the order in which
the script's own calls name them."""

from __future__ import annotations

import bz2
import codecs
import lzma
import re
import zlib
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from overt.engine.unpack.text import base64_lenient, from_utf16, is_printable

MIN_PRINTABLE_BYTES = 16
MIN_PROGRAM_BYTES = 64
HEAD_BYTES = 32
_PROGRAMS = tuple(
    b"MZ \x7fELF PK\x03\x04 %PDF- \x1f\x8b\x08 BZh9 \xfd7zXZ 7z\xbc\xaf\x27 Rar!\x1a {\\rtf MSCF\0 "
    b"\xd0\xcf\x11\xe0 \xca\xfe\xba\xbe dex\n03 L\x00\x00\x00\x01\x14 FWS CWS \xfc\xe8\x82\x00 \xfc\x48\x83\xe4 ITSF "
    b"\xe4\x52\x5c\x7b".split(b" ")
)
_HEX = re.compile(rb"[0-9A-Fa-f]++")
_ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_BEGINNINGS = _PROGRAMS + _ZLIB

Step = Callable[[bytes, int], bytes]
"""One layer: encoded bytes and the most bytes wanted, to decoded bytes; raises `ValueError` or a decoder's error."""
ERRORS = (ValueError, zlib.error, lzma.LZMAError, OSError, EOFError)


def _hex(data: bytes, _: int) -> bytes:
    return bytes.fromhex(data.decode("ascii"))


def _inflate(data: bytes, cap: int) -> bytes:
    wrapped = data.startswith(_ZLIB) or data.startswith(b"\x1f\x8b")
    return zlib.decompressobj(47 if wrapped else -15).decompress(data, cap)


STEPS: dict[str, Step] = {
    "base64": lambda data, _: base64_lenient(data),
    "hex": _hex,
    "inflate": _inflate,
    "bz2": lambda data, cap: bz2.BZ2Decompressor().decompress(data, cap),
    "lzma": lambda data, cap: lzma.LZMADecompressor().decompress(data, cap),
    "rot13": lambda data, _: codecs.encode(data.decode("latin-1"), "rot13").encode("latin-1"),
    "reverse": lambda data, _: data[::-1],
    "percent": lambda data, _: unquote_to_bytes(data),
}
"""Each layer by name."""

_CALLS = (
    (
        rb"base64_decode|b64decode|decodestring|decodebytes|frombase64string|atob|decode64|base64_to_bin",
        "base64",
    ),
    (rb"hex2bin|unhexlify|fromhex", "hex"),
    (
        rb"gzinflate|gzuncompress|gzdecode|zlib\.decompress|gzip\.decompress|deflatestream|gzipstream",
        "inflate",
    ),
    (rb"bz2\.decompress|bzdecompress", "bz2"),
    (rb"lzma\.decompress", "lzma"),
    (rb"str_rot13|rot13|rot_13", "rot13"),
    (rb"strreverse|strrev|array::reverse", "reverse"),
    (rb"rawurldecode|urldecode|decodeuricomponent|unescape", "percent"),
)
CALL = re.compile(b"|".join(rb"(%s)" % names for names, _ in _CALLS))
"""Names of decoding functions, lower-case; the number of the group is the layer's place in `_CALLS`."""


def named(context: bytes) -> list[str]:
    """The layers that the calls in `context` (lower-case) undo, innermost first."""
    return [_CALLS[(match.lastindex or 1) - 1][1] for match in CALL.finditer(context)][::-1]


def plausible(data: bytes) -> bool:
    """Whether `data` looks like something one would wrap: a program, an archive, a document, text. A signature alone
    is a constant of a program that reads such files."""
    if data.startswith(_PROGRAMS):
        return len(data) >= MIN_PROGRAM_BYTES
    return from_utf16(data) is not None or (
        len(data) >= MIN_PRINTABLE_BYTES and is_printable(data[:HEAD_BYTES])
    )


def promising(head: bytes) -> bool:
    """Whether the first characters of a run, taken for base64 or hex, begin something plausible or deflated."""
    content = base64_lenient(head)
    if content.startswith(_BEGINNINGS) or plausible(content):
        return True
    if not _HEX.fullmatch(head):
        return False
    content = _hex(head[: len(head) // 2 * 2], 0)
    return content.startswith(_BEGINNINGS) or plausible(content)


def unwrap(run: bytes, steps: list[str], cap: int, *, deflated: bool = False) -> bytes | None:
    """`run` with the `steps` undone, at most about `cap` bytes; None when the result is nothing one would wrap.

    Without a step that decodes text, hex or base64 is tried first. Whatever then begins like zlib is inflated,
    and with `deflated` (the script inflates somewhere) anything implausible is.
    """
    told = "base64" in steps or "hex" in steps
    if not told:
        steps = ["hex" if len(run) % 2 == 0 and _HEX.fullmatch(run) else "base64", *steps]
    data = run
    for step in steps:
        try:
            data = STEPS[step](data, cap)
        except ERRORS:
            continue
    if data.startswith(_ZLIB) or (deflated and not plausible(data)):
        try:
            data = _inflate(data, cap)
        except ERRORS:
            pass
    if not data or not (told or plausible(data)):
        return None
    return from_utf16(data) or data
