"""PDF (ISO 32000-1): every stream decoded, embedded files under their names, JavaScript as text.

Objects are found by their keywords, not through the cross-reference table: damaged and deliberately bent files
are read as viewers read them, and nothing that a table leaves out stays hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from overt.core.model import Reason
from overt.engine.unpack.base import Child, Format, Room
from overt.engine.unpack.pdffilters import FILTERS, IMAGES, lzw, undo_predictor

HEAD_BYTES = 1024
"""Bytes in which the header must be (ISO 32000-1, annex H, 3.4.1)."""
DICTIONARY_BYTES = 32 * 1024
BLANK_BYTES = 64
"""White space at most between a stream's dictionary and its keyword."""
MIN_STREAM_BYTES = 8
MAX_FILTERS = 16

_STREAM = re.compile(rb"(?<!end)stream(?:\r\n|\n|\r|(?=[ \t]{1,8}\r?\n))")
_OBJECT = re.compile(rb"(?:^|[^0-9])([0-9]{1,10})\s{1,8}[0-9]{1,5}\s{1,8}obj\Z")
_LENGTH = re.compile(rb"/Length\s{0,8}([0-9]{1,12})(?!\s{1,8}[0-9]{1,5}\s{1,8}R)")
_FILTER = re.compile(
    rb"/Filter\s{0,80}(?:\[([^\]]{0,1000})\]|(/[^\s/<>\[\]()]{1,100})|([0-9]{1,10})\s{1,8}[0-9]{1,5}\s{1,8}R)"
)
_NAME = re.compile(rb"/([^\s/<>\[\]()]{1,100})")
_SMALL_OBJECT = re.compile(rb"([0-9]{1,10})\s{1,8}[0-9]{1,5}\s{1,8}obj\s{0,8}(\[[^\]]{0,400}\]|/\w{1,40})")
_ENCRYPT = re.compile(rb"/Encrypt\s{0,8}(?:<<|[0-9]{1,10}\s{1,8}[0-9]{1,5}\s{1,8}R)")
_SCRIPT = re.compile(rb"/JS\s{0,80}(?:(\()|<(?!<)([0-9A-Fa-f\s]*+)>|([0-9]{1,10})\s{1,8}[0-9]{1,5}\s{1,8}R)")
_EMBEDDED = re.compile(rb"/EF\s{0,8}<<[^>]{0,400}?/(?:UF|F)\s{0,8}([0-9]{1,10})\s{1,8}[0-9]{1,5}\s{1,8}R")
_FILE_NAME = re.compile(rb"/(U?F)\s{0,8}(?:(\()|<(?!<)([0-9A-Fa-f\s]{0,2000})>)")
_SPECIFICATION_BYTES = 1000
_PARENTHESIS = re.compile(rb"\\.|[()]", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|[\r\n])|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_HEX_IN_NAME = re.compile(rb"#([0-9A-Fa-f]{2})")
_PREDICTOR = re.compile(rb"/Predictor\s{0,8}1[0-5]")
_EARLY = re.compile(rb"/EarlyChange\s{0,8}0")
_NUMBERS = {
    key: re.compile(rb"/%s\s{0,8}([0-9]{1,6})" % key) for key in (b"Columns", b"Colors", b"BitsPerComponent")
}
_OBJECT_STREAM = re.compile(rb"/Type\s{0,8}/ObjStm")


@dataclass(frozen=True, slots=True)
class _Stream:
    number: int
    dictionary: bytes
    data: bytes


@dataclass(slots=True)
class _Document:
    """What was carved: the streams, and the text outside them."""

    streams: list[_Stream] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    small: dict[bytes, bytes] | None = None
    """Object number → array or name, for filters that are given by reference."""


def sniff(data: bytes) -> bool:
    """The header, which viewers accept anywhere in the first kilobyte."""
    return data.find(b"%PDF-", 0, HEAD_BYTES) >= 0


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Object streams, JavaScript, then every other stream decoded. An encrypted document is a gap."""
    document = _carve(data)
    if any(_ENCRYPT.search(text) for text in (*document.texts, *(s.dictionary for s in document.streams))):
        room.gap(Reason.ENCRYPTED, "the document is encrypted: its streams are not decoded")
        return
    others = []
    for stream in document.streams:
        if _OBJECT_STREAM.search(stream.dictionary):
            name = f"objects of {stream.number}"
            content = _decode(stream, document, room, name)
            document.texts.append(content)
            yield Child(name, content)
        else:
            others.append(stream)
    names: dict[int, str] = {}
    for text in document.texts:
        text = _plain_names(text)
        names |= _file_names(text)
        yield from _scripts(text, names, room)
    for stream in others:
        name = names.get(stream.number) or f"stream {stream.number}"
        content = _decode(stream, document, room, name)
        if len(content) >= MIN_STREAM_BYTES:
            yield Child(name, content)


def _carve(data: bytes) -> _Document:
    """Every stream by its keywords, in one pass."""
    document = _Document()
    position, last_end = 0, data.rfind(b"endstream")
    search = 0
    while match := _STREAM.search(data, search):
        search = match.end()
        if not data[max(match.start() - BLANK_BYTES, 0) : match.start()].rstrip().endswith(b">>"):
            continue
        floor = max(position, match.start() - DICTIONARY_BYTES)
        start = data.rfind(b"obj", floor, match.start())
        dictionary = data[start + 3 : match.start()] if start >= 0 else b""
        if b"<<" not in dictionary:
            continue
        header = _OBJECT.search(data[max(start - 24, 0) : start + 3])
        end = _end(data, match.end(), dictionary, last_end)
        document.texts.append(data[position : match.start()])
        number = int(header[1]) if header else 0
        document.streams.append(_Stream(number, _plain_names(dictionary), data[match.end() : end]))
        position = search = end
    document.texts.append(data[position:])
    return document


def _end(data: bytes, start: int, dictionary: bytes, last_end: int) -> int:
    """Where a stream's data end: where its length says if `endstream` is there, else at the next `endstream`."""
    length = _LENGTH.search(dictionary)
    if length:
        end = start + int(length[1])
        if data[end : end + 16].lstrip(b"\r\n\t ").startswith(b"endstream"):
            return end
    if last_end < start:
        return len(data)
    end = data.index(b"endstream", start)
    if data[end - 2 : end] == b"\r\n":
        return max(end - 2, start)
    return max(end - 1, start) if data[end - 1 : end] in (b"\r", b"\n") else end


def _plain_names(text: bytes) -> bytes:
    """`#xx` in names undone, so that `/J#53` is `/JS`."""
    if b"#" not in text:
        return text
    return _HEX_IN_NAME.sub(lambda match: bytes((int(match[1], 16),)), text)


def _decode(stream: _Stream, document: _Document, room: Room, name: str) -> bytes:
    """A stream's data with all its filters undone; what an image codec encodes is left as it is."""
    filters = _filters(stream.dictionary, document)
    data = stream.data
    admitted = False
    for number, wanted in enumerate(filters):
        if wanted in IMAGES or wanted == b"Crypt":
            continue
        decoder = FILTERS.get(wanted)
        if decoder is None or number >= MAX_FILTERS:
            room.gap(Reason.UNSUPPORTED, f"PDF filter {wanted.decode('latin-1')!r}", name)
            break
        chunks = lzw(data, 0) if decoder is lzw and _EARLY.search(stream.dictionary) else decoder(data)
        data = room.gather(chunks, name)
        admitted = True
    if not admitted:
        return room.gather(iter((data,)), name)
    if _PREDICTOR.search(stream.dictionary) and b"/Image" not in stream.dictionary:
        data = undo_predictor(data, _row_bytes(stream.dictionary))
    return data


def _filters(dictionary: bytes, document: _Document) -> list[bytes]:
    match = _FILTER.search(dictionary)
    if not match:
        return []
    if match[3]:
        if document.small is None:
            found = (small for text in document.texts for small in _SMALL_OBJECT.findall(text))
            document.small = dict(found)
        return _NAME.findall(document.small.get(match[3], b""))
    return _NAME.findall(match[1] or match[2] or b"")


def _row_bytes(dictionary: bytes) -> int:
    values = {key: pattern.search(dictionary) for key, pattern in _NUMBERS.items()}
    columns, colors, bits = (
        int(found[1]) if (found := values[key]) else default
        for key, default in ((b"Columns", 1), (b"Colors", 1), (b"BitsPerComponent", 8))
    )
    return max(columns * colors * bits // 8, 1)


def _scripts(text: bytes, names: dict[int, str], room: Room) -> Iterator[Child]:
    """JavaScript given as a string; where it is a stream, that stream gets its name."""
    position, number = 0, 0
    while match := _SCRIPT.search(text, position):
        position = match.end()
        if match[3]:
            names.setdefault(int(match[3]), f"JavaScript {int(match[3])}.js")
            continue
        raw, position = _literal(text, position) if match[1] else (_from_hex(match[2]), position)
        if raw:
            number += 1
            name = f"JavaScript string {number}.js"
            script = _string(raw).encode("utf-8", "replace")
            yield Child(name, room.gather(iter((script,)), name))


def _literal(text: bytes, start: int) -> tuple[bytes, int]:
    """A literal string's bytes (ISO 32000-1, 7.3.4.2) from after its parenthesis, and where it ends."""
    depth, end = 1, len(text)
    for match in _PARENTHESIS.finditer(text, start):
        depth += {b"(": 1, b")": -1}.get(match[0], 0)
        if not depth:
            end = match.start()
            break
    return _ESCAPE.sub(_unescape, text[start:end]), end


def _unescape(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes((int(match[1], 8) & 255,))
    return b"" if match[2] else _LETTERS.get(match[3], match[3])


def _from_hex(digits: bytes) -> bytes:
    clean = b"".join(digits.split())
    return bytes.fromhex((clean + b"0" * (len(clean) % 2)).decode("ascii"))


def _string(raw: bytes) -> str:
    """A text string (ISO 32000-1, 7.9.2.2): UTF-16 or UTF-8 by its mark, otherwise bytes."""
    if raw.startswith(b"\xfe\xff"):
        return raw[2:].decode("utf-16-be", "replace")
    if raw.startswith(b"\xff\xfe"):
        return raw[2:].decode("utf-16-le", "replace")
    return raw.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _file_names(text: bytes) -> dict[int, str]:
    """Object number of an embedded file's stream → the name its specification gives."""
    names: dict[int, str] = {}
    for match in _EMBEDDED.finditer(text):
        floor = max(match.start() - _SPECIFICATION_BYTES, 0)
        start = max(text.rfind(b"obj", floor, match.start()), floor)
        window = (
            text[start : match.start()]
            + b" "
            + text[match.end() : match.end() + _SPECIFICATION_BYTES].split(b"obj")[0]
        )
        found: dict[bytes, str] = {}
        for name in _FILE_NAME.finditer(window):
            raw = _literal(window, name.end())[0] if name[2] else _from_hex(name[3])
            found.setdefault(name[1], _string(raw))
        chosen = found.get(b"UF") or found.get(b"F")
        if chosen:
            names[int(match[1])] = chosen.replace("\\", "/").rsplit("/", 1)[-1]
    return names


FORMATS = (Format("pdf", "PDF: streams, embedded files, JavaScript", sniff=sniff, unpack=unpack),)
