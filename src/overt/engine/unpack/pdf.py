"""PDF (ISO 32000-1): every stream decoded, embedded files under their names, JavaScript as text.

Objects are found by their keywords, not through the cross-reference table: damaged and deliberately bent files
are read as viewers read them, and nothing that a table leaves out stays hidden.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from overt.core.model import Reason
from overt.engine.unpack.base import Child, Format, Room
from overt.engine.unpack.pdfcrypt import Cipher, open_document
from overt.engine.unpack.pdffilters import FILTERS, IMAGES, is_zlib, lzw, undo_predictor
from overt.engine.unpack.pdfstrings import from_hex, literal, text_of

HEAD_BYTES = 1024
"""Bytes in which the header must be (ISO 32000-1, annex H, 3.4.1)."""
DICTIONARY_BYTES = 32 * 1024
BLANK_BYTES = 64
"""White space at most between a stream's dictionary and its keyword."""
MIN_STREAM_BYTES = 8
MAX_FILTERS = 16
INFLATES_BYTES = 4096
"""Bytes of a stream that tell whether it is deflated or encrypted."""
MAX_ENCRYPTIONS = 4
"""Encryption dictionaries tried: a document has one, a bent one may show several."""

_STREAM = re.compile(rb"(?<!end)stream(?:\r\n|\n|\r|(?=[ \t]{1,8}\r?\n))")
_OBJECT = re.compile(rb"(?:^|[^0-9])([0-9]{1,10})\s{1,8}([0-9]{1,5})\s{1,8}obj\Z")
_LENGTH = re.compile(rb"/Length\s{0,8}([0-9]{1,12})(?!\s{1,8}[0-9]{1,5}\s{1,8}R)")
_FILTER = re.compile(
    rb"/Filter\s{0,80}(?:\[([^\]]{0,1000})\]|(/[^\s/<>\[\]()]{1,100})|([0-9]{1,10})\s{1,8}[0-9]{1,5}\s{1,8}R)"
)
_NAME = re.compile(rb"/([^\s/<>\[\]()]{1,100})")
_SMALL_OBJECT = re.compile(rb"([0-9]{1,10})\s{1,8}[0-9]{1,5}\s{1,8}obj\s{0,8}(\[[^\]]{0,400}\]|/\w{1,40})")
_ENCRYPT = re.compile(rb"/Encrypt\s{0,8}(?:<<|([0-9]{1,10})\s{1,8}[0-9]{1,5}\s{1,8}R)")
_SCRIPT = re.compile(rb"/JS\s{0,80}(?:(\()|<(?!<)([0-9A-Fa-f\s]*+)>|([0-9]{1,10})\s{1,8}[0-9]{1,5}\s{1,8}R)")
_EMBEDDED = re.compile(rb"/EF\s{0,8}<<[^>]{0,400}?/(?:UF|F)\s{0,8}([0-9]{1,10})\s{1,8}[0-9]{1,5}\s{1,8}R")
_FILE_NAME = re.compile(rb"/(U?F)\s{0,8}(?:(\()|<(?!<)([0-9A-Fa-f\s]{0,2000})>)")
_SPECIFICATION_BYTES = 1000
_HEX_IN_NAME = re.compile(rb"#([0-9A-Fa-f]{2})")
_CLEAR = re.compile(rb"/Type\s{0,8}/XRef")
_METADATA = re.compile(rb"/Type\s{0,8}/Metadata")
_BEGIN = re.compile(rb"(?<![0-9])([0-9]{1,10})\s{1,8}([0-9]{1,5})\s{1,8}obj")
_PREDICTOR = re.compile(rb"/Predictor\s{0,8}1[0-5]")
_EARLY = re.compile(rb"/EarlyChange\s{0,8}0")
_NUMBERS = {
    key: re.compile(rb"/%s\s{0,8}([0-9]{1,6})" % key) for key in (b"Columns", b"Colors", b"BitsPerComponent")
}
_OBJECT_STREAM = re.compile(rb"/Type\s{0,8}/ObjStm")


@dataclass(frozen=True, slots=True)
class _Stream:
    number: int
    generation: int
    dictionary: bytes
    data: bytes


@dataclass(slots=True)
class _Document:
    """What was carved: the streams, and the text outside them."""

    streams: list[_Stream] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    objects: list[bytes] = field(default_factory=list)
    """What the object streams hold."""
    encrypted: bool = False
    cipher: Cipher | None = None
    small: dict[bytes, bytes] | None = None
    """Object number → array or name, for filters that are given by reference."""


def sniff(data: bytes) -> bool:
    """The header, which viewers accept anywhere in the first kilobyte."""
    return data.find(b"%PDF-", 0, HEAD_BYTES) >= 0


def unpack(data: bytes, room: Room) -> Iterator[Child]:
    """Object streams, JavaScript, then every other stream decoded. A document that no password opens is a gap; what
    is not encrypted in it all the same is decoded."""
    document = _carve(data)
    _unlock(document, room)
    others = []
    for stream in document.streams:
        if _OBJECT_STREAM.search(stream.dictionary):
            name = f"objects of {stream.number}"
            content = _decode(stream, document, room, name)
            document.objects.append(content)
            yield Child(name, content)
        else:
            others.append(stream)
    names: dict[int, str] = {}
    for text in document.objects if document.encrypted else (*document.texts, *document.objects):
        text = _plain_names(text)
        names |= _file_names(text)
        yield from _scripts(text, names, room)
    if document.cipher is not None:
        yield from _encrypted_scripts(document, room)
    for stream in others:
        name = names.get(stream.number) or f"stream {stream.number}"
        content = _decode(stream, document, room, name)
        if len(content) >= MIN_STREAM_BYTES:
            yield Child(name, content)


def _unlock(document: _Document, room: Room) -> None:
    """Find the encryption dictionary if there is one, and the key if the password is empty or known."""
    texts = (*document.texts, *(stream.dictionary for stream in document.streams))
    places = [text for text in texts if b"/Encrypt" in text]
    dictionaries = list(islice(_encryption(places, document), MAX_ENCRYPTIONS))
    if not document.encrypted:
        return
    trailers = b"".join(text for text in (*places, *document.texts[-1:]) if b"/ID" in text)
    for dictionary in dictionaries:
        document.cipher = open_document(dictionary[:DICTIONARY_BYTES], trailers, room.passwords)
        if document.cipher is not None:
            return
    room.gap(Reason.ENCRYPTED, "the document needs a password")


def _encryption(places: list[bytes], document: _Document) -> Iterator[bytes]:
    """What may be the encryption dictionary, the one that the last trailer names first."""
    for text in reversed(places):
        if match := _ENCRYPT.search(text):
            document.encrypted = True
            yield from [text[match.end() :]] if match[1] is None else _definitions(match[1], document)


def _definitions(number: bytes, document: _Document) -> Iterator[bytes]:
    """Texts that follow `number 0 obj`."""
    pattern = re.compile(rb"(?<![0-9])%s\s{1,8}[0-9]{1,5}\s{1,8}obj" % number)
    for text in document.texts:
        if match := pattern.search(text):
            yield text[match.end() : match.end() + DICTIONARY_BYTES]


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
        number, generation = (int(header[1]), int(header[2])) if header else (0, 0)
        document.streams.append(
            _Stream(number, generation, _plain_names(dictionary), data[match.end() : end])
        )
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
    data = _decrypted(stream, document, filters)
    if data is None:
        return b""
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


def _decrypted(stream: _Stream, document: _Document, filters: list[bytes]) -> bytes | None:
    """A stream's data without encryption; None when there is no key for it."""
    if not document.encrypted or _CLEAR.search(stream.dictionary) or b"Crypt" in filters:
        return stream.data
    if _METADATA.search(stream.dictionary) and stream.data.lstrip().startswith(b"<"):
        return stream.data
    deflated = filters[:1] in ([b"FlateDecode"], [b"Fl"]) and _inflates(stream.data)
    if document.cipher is None:
        return stream.data if deflated else None
    data = document.cipher.decrypt(stream.data, stream.number, stream.generation)
    return stream.data if deflated and not is_zlib(data) else data


def _inflates(data: bytes) -> bool:
    """Whether `data` is deflated as it is; one in a thousand encrypted streams only begins as if it were."""
    try:
        return is_zlib(data) and bool(zlib.decompressobj().decompress(data[:INFLATES_BYTES], INFLATES_BYTES))
    except zlib.error:
        return False


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
        raw, position = literal(text, position) if match[1] else (from_hex(match[2]), position)
        if raw:
            number += 1
            name = f"JavaScript string {number}.js"
            script = text_of(raw).encode("utf-8", "replace")
            yield Child(name, room.gather(iter((script,)), name))


def _encrypted_scripts(document: _Document, room: Room) -> Iterator[Child]:
    """JavaScript strings outside object streams: each is encrypted with its object's key."""
    assert document.cipher is not None
    for text in document.texts:
        if b"/JS" not in text:
            continue
        begins = list(_BEGIN.finditer(text))
        for begin, end in zip(begins, [*(match.start() for match in begins[1:]), len(text)], strict=True):
            match = _SCRIPT.search(text, begin.end(), end)
            if match and not match[3]:
                raw = literal(text[:end], match.end())[0] if match[1] else from_hex(match[2])
                name = f"JavaScript of {int(begin[1])}.js"
                script = text_of(document.cipher.decrypt(raw, int(begin[1]), int(begin[2])))
                yield Child(name, room.gather(iter((script.encode("utf-8", "replace"),)), name))


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
            raw = literal(window, name.end())[0] if name[2] else from_hex(name[3])
            found.setdefault(name[1], text_of(raw))
        chosen = found.get(b"UF") or found.get(b"F")
        if chosen:
            names[int(match[1])] = chosen.replace("\\", "/").rsplit("/", 1)[-1]
    return names


FORMATS = (Format("pdf", "PDF: streams, embedded files, JavaScript", sniff=sniff, unpack=unpack),)
