"""Documents and scripts around the payload: PDF through qpdf, the others by small writers after their
specifications."""

from __future__ import annotations

import base64
import binascii
import codecs
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from tests.formats.compound_writer import compound
from tests.formats.encryption_writer import agile
from tests.payload import PAYLOAD

TEXT_PAYLOAD = PAYLOAD.split(b"\r\n")[0]
"""The part of the payload that its rule looks for, as a line of text."""

CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
)

MACRO = b'Attribute VB_Name = "Module1"\r\nSub AutoOpen()\r\n  x = "' + TEXT_PAYLOAD + b'"\r\nEnd Sub\r\n'


# Office


def vba_compress(source: bytes) -> bytes:
    """A compressed container ([MS-OVBA] 2.4.1.3.6), greedy matches included."""
    return b"\x01" + b"".join(_vba_chunk(source[at : at + 4096]) for at in range(0, len(source), 4096))


def _vba_chunk(chunk: bytes) -> bytes:
    out, position = bytearray(), 0
    while position < len(chunk):
        flags, tokens = 0, bytearray()
        for bit in range(8):
            if position >= len(chunk):
                break
            bits = max((position - 1).bit_length(), 4) if position else 4
            distance, length = _longest(chunk, position, (0xFFFF >> bits) + 3)
            if length >= 3:
                flags |= 1 << bit
                tokens += struct.pack("<H", (distance - 1) << (16 - bits) | (length - 3))
                position += length
            else:
                tokens.append(chunk[position])
                position += 1
        out += bytes([flags]) + tokens
    return struct.pack("<H", 0xB000 | (len(out) - 1)) + bytes(out)


def _longest(chunk: bytes, position: int, most: int) -> tuple[int, int]:
    best = (0, 0)
    for length in range(3, min(most, len(chunk) - position) + 1):
        found = chunk.rfind(chunk[position : position + length], 0, position + length - 1)
        if found < 0 or found >= position:
            break
        best = (position - found, length)
    return best


def vba_project(folder: str = "", source: bytes = MACRO) -> dict[str, bytes]:
    """The streams of a VBA project of one module, its source after 300 bytes of compiled code."""
    records = [
        (0x0001, struct.pack("<I", 1)),
        (0x0003, struct.pack("<H", 1252)),
        (0x0004, b"VBAProject"),
        (0x0009, struct.pack("<IH", 1, 2)),
        (0x000F, struct.pack("<H", 1)),
        (0x0019, b"Module1"),
        (0x001A, b"Module1"),
        (0x0032, "Module1".encode("utf-16-le")),
        (0x0031, struct.pack("<I", 300)),
        (0x0021, b""),
        (0x002B, b""),
        (0x0010, b""),
    ]
    packed = b"".join(
        struct.pack("<HI", kind, 4 if kind == 9 else len(value)) + value for kind, value in records
    )
    return {
        f"{folder}VBA/dir": vba_compress(packed),
        f"{folder}VBA/_VBA_PROJECT": b"\xcc\x61" + bytes(30),
        f"{folder}VBA/Module1": bytes(300) + vba_compress(source),
    }


def ole10native(payload: bytes = PAYLOAD, name: bytes = b"invoice.bin") -> bytes:
    """The stream of a packaged file."""
    packed = _package(payload, name)
    return struct.pack("<I", len(packed)) + packed


def _package(payload: bytes, name: bytes) -> bytes:
    path = b"C:\\Temp\\" + name + b"\0"
    head = struct.pack("<H", 2) + name + b"\0" + path + struct.pack("<HHI", 0, 3, len(path)) + path
    return head + struct.pack("<I", len(payload)) + payload


def word(streams: dict[str, bytes]) -> bytes:
    """A Word 97 document's compound file with more `streams`."""
    return compound({"WordDocument": struct.pack("<H", 0xA5EC) + bytes(600), **streams})


def packaged() -> bytes:
    """A document with a packaged file."""
    return word({"ObjectPool/_1279313719/\x01Ole10Native": ole10native()})


def presentation() -> bytes:
    """A presentation whose object storage is compressed ([MS-PPT] 2.10.34)."""
    inner = compound({"\x01Ole10Native": ole10native(), "\x01CompObj": bytes(40)})
    packed = struct.pack("<I", len(inner)) + zlib.compress(inner)
    record = struct.pack("<HHI", 0x0010, 0x1011, len(packed)) + packed
    return compound({"PowerPoint Document": bytes(700) + record, "Current User": bytes(40)})


def workbook(*, encrypted: bool = False) -> bytes:
    """A workbook ([MS-XLS]) with a very hidden Excel 4.0 macro sheet that holds the payload's text."""
    text = TEXT_PAYLOAD
    formula = bytes(20) + struct.pack("<H", 3 + len(text)) + b"\x17" + bytes([len(text), 0]) + text
    start = _biff(0x0809, bytes(16))
    if encrypted:
        start += _biff(0x002F, bytes(54))
    sheet_at = len(start) + 4 + 8 + 6 + 4
    start += _biff(0x0085, struct.pack("<IBB", sheet_at, 2, 1) + b"\x06\x00Macro1") + _biff(0x000A, b"")
    sheet = _biff(0x0809, bytes(16)) + _biff(0x0006, formula) + _biff(0x000A, b"")
    return compound({"Workbook": (start + sheet).ljust(4096, b"\0")})


def _biff(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def ooxml() -> bytes:
    """A docm: a zip with a VBA project and a packaged file."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        archive.writestr("word/document.xml", "<w:document/>")
        archive.writestr("word/vbaProject.bin", compound(vba_project()))
        archive.writestr("word/embeddings/oleObject1.bin", compound({"\x01Ole10Native": ole10native()}))
    return out.getvalue()


def active_mime() -> bytes:
    """The file that Word puts into a page saved as MHTML."""
    inner = zlib.compress(compound(vba_project()))
    return b"ActiveMime\0\0\x01\xf0\x04\0\0\0\xff\xff\xff\xff".ljust(50, b"\0") + inner


def ole1(class_name: bytes, native: bytes) -> bytes:
    """An OLE 1.0 embedded object ([MS-OLEDS] 2.2.5)."""
    name = class_name + b"\0"
    head = struct.pack("<III", 0x0501, 2, len(name)) + name + struct.pack("<II", 0, 0)
    return head + struct.pack("<I", len(native)) + native


def rtf(payload: bytes = PAYLOAD, *, bent: bool = False) -> bytes:
    """A document with a packaged object; `bent` breaks up its digits as exploit kits do."""
    digits = binascii.hexlify(ole1(b"Package", _package(payload, b"invoice.bin")))
    if bent:
        noise = (b"\n\t", b"{\\*\\junk ab12cd}", b"\\par ", b"\\'41", b"{\\nothing}", b"\r\n ")
        pieces = [digits[at : at + 7] + noise[at // 7 % len(noise)] for at in range(0, len(digits), 7)]
        digits = b"".join(pieces)
    lines = b"\r\n".join(digits[at : at + 128] for at in range(0, len(digits), 128)) if not bent else digits
    return b"{\\rtf1\\ansi Hello{\\object\\objemb{\\*\\objclass Package}{\\*\\objdata " + lines + b"}}}"


def rtf_binary() -> bytes:
    """The object's bytes as they are, after `\\bin`."""
    data = ole1(b"Package", _package(PAYLOAD, b"invoice.bin"))
    return b"{\\rt{\\object\\objemb{\\*\\objdata 0105\\bin%d %s}}}" % (len(data) - 2, data[2:])


def onenote(payload: bytes = PAYLOAD) -> bytes:
    """A section with one embedded file ([MS-ONESTORE] 2.6.13)."""
    head = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3") + bytes(1008)
    begin = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
    end = bytes.fromhex("22a7fb714d0b3b48a9a2 3a1f2bd0b6f1".replace(" ", ""))
    return head + begin + struct.pack("<QIQ", len(payload), 0, 0) + payload + end + bytes(64)


def shortcut(arguments: str = TEXT_PAYLOAD.decode(), appended: bytes = b"") -> bytes:
    """A shortcut ([MS-SHLLINK]) to the command processor with `arguments`."""
    flags = 0x02 | 0x08 | 0x20 | 0x80
    head = (
        b"\x4c\0\0\0"
        + bytes.fromhex("0114020000000000c000000000000046")
        + struct.pack("<I", flags)
        + bytes(52)
    )
    path = b"C:\\Windows\\System32\\cmd.exe\0"
    info = struct.pack("<IIIIII", 28 + len(path), 28, 1, 0, 28, 0) + bytes(4) + path
    strings = b"".join(
        struct.pack("<H", len(text)) + text.encode("utf-16-le") for text in ("..\\cmd.exe", arguments)
    )
    return head + info + strings + struct.pack("<I", 0) + appended


# PDF


def pdf(objects: Iterable[bytes], trailer: bytes = b"") -> bytes:
    """A PDF file of `objects`, numbered from 1; the first is the catalog."""
    out, places = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(places) + 1, table)
    return out + b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(places) + 1,
        trailer,
        out.rindex(b"xref\n0 "),
    )


def stream(data: bytes, dictionary: bytes = b"") -> bytes:
    """A stream object."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), dictionary, data)


def pdf_attachment(data: bytes = PAYLOAD, filters: bytes = b"") -> bytes:
    """A document with one page and one embedded file."""
    return pdf(
        (
            b"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [(f) 4 0 R] >> >> >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>",
            b"<< /Type /Filespec /F (invoice.bin) /UF (invoice.bin) /EF << /F 5 0 R >> >>",
            stream(data, b"/Type /EmbeddedFile " + filters),
        )
    )


def pdf_script(value: bytes) -> bytes:
    """A document that runs the script `value` (a PDF string) when it is opened."""
    return pdf(
        (
            b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS " + value + b" >> >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>",
        )
    )


def qpdf(folder: Path, document: bytes, *options: str) -> bytes:
    """`document` rewritten by qpdf."""
    (folder / "in.pdf").write_bytes(document)
    command = ["qpdf", "--warning-exit-0", *options, str(folder / "in.pdf"), str(folder / "out.pdf")]
    subprocess.run(command, check=True, capture_output=True)
    return (folder / "out.pdf").read_bytes()


def pdf_encrypted(folder: Path, *options: str, password: str = "", document: bytes = b"") -> bytes:
    """A document with an embedded file that `password` opens."""
    encryption = ("--allow-weak-crypto", "--encrypt", password, "owner", *options, "--")
    return qpdf(folder, document or pdf_attachment(), "--object-streams=generate", *encryption)


def lzw_encode(data: bytes) -> bytes:
    """LZW as PDF has it (EarlyChange 1)."""
    table = {bytes([byte]): byte for byte in range(256)}
    codes, width, word, following = [(256, 9)], 9, b"", 258
    for byte in data:
        if word + bytes([byte]) in table:
            word += bytes([byte])
            continue
        codes.append((table[word], width))
        table[word + bytes([byte])] = following
        following += 1
        if following >= 1 << width and width < 12:
            width += 1
        if following > 4093:
            codes.append((256, width))
            table = {bytes([value]): value for value in range(256)}
            width, following = 9, 258
        word = bytes([byte])
    codes += [(table[word], width), (257, width if following + 1 < 1 << width else min(width + 1, 12))]
    bits = "".join(f"{code:0{size}b}" for code, size in codes)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


# Pages and scripts


def page() -> bytes:
    """A web page with an inline script."""
    return b"<!DOCTYPE html>\n<html><head><script>var a = '" + TEXT_PAYLOAD + b"';</script></head></html>"


def data_uri(payload: bytes = PAYLOAD) -> bytes:
    """A style sheet with a file in it."""
    encoded = base64.b64encode(payload)
    return b"body { background: url('data:application/octet-stream;base64," + encoded + b"'); }\n"


def encoded_command() -> bytes:
    """A PowerShell one-liner."""
    command = "Write-Output '" + TEXT_PAYLOAD.decode() + "'"
    return b"powershell -nop -enc " + base64.b64encode(command.encode("utf-16-le")) + b"\r\n"


def php() -> bytes:
    """Three layers as PHP droppers have them."""
    inner = b"echo '" + TEXT_PAYLOAD + b"';"
    rotated = codecs.encode(inner.decode("latin-1"), "rot13").encode("latin-1")
    deflated = zlib.compress(rotated)[2:-4]
    return b"<?php eval(str_rot13(gzinflate(base64_decode('" + base64.b64encode(deflated) + b"'))));"


def python() -> bytes:
    """zlib and base64, the string broken over lines."""
    encoded = base64.b64encode(zlib.compress(PAYLOAD))
    lines = b"\n".join(b"    b'%s'" % encoded[at : at + 60] for at in range(0, len(encoded), 60))
    return b"import base64, zlib\nexec(zlib.decompress(base64.b64decode(\n" + lines + b"\n)))\n"


def shell() -> bytes:
    """A pipe through base64."""
    return b"#!/bin/sh\necho " + base64.b64encode(TEXT_PAYLOAD) + b" | base64 -d | sh\n"


def here_document() -> bytes:
    """A block of lines for base64."""
    return b"#!/bin/sh\nbase64 -d > /tmp/x <<END\n" + base64.encodebytes(PAYLOAD) + b"END\n"


def char_codes() -> bytes:
    """JavaScript from character codes."""
    return b"eval(String.fromCharCode(" + b", ".join(b"%d" % byte for byte in TEXT_PAYLOAD) + b"));"


def visual_basic() -> bytes:
    """VBScript from character codes."""
    return b"Execute " + b" & ".join(b"Chr(%d)" % byte for byte in TEXT_PAYLOAD)


def hexadecimal() -> bytes:
    """A string of hex escapes."""
    return b'x = "' + b"".join(b"\\x%02x" % byte for byte in TEXT_PAYLOAD) + b'"'


FIXTURES = {
    "office": lambda _folder: word(vba_project("Macros/")),
    "office: package": lambda _folder: packaged(),
    "office: presentation": lambda _folder: presentation(),
    "office: macro sheet": lambda _folder: workbook(),
    "office: ooxml": lambda _folder: ooxml(),
    "office: default password": lambda _folder: agile(ooxml(), "VelvetSweatshop"),
    "activemime": lambda _folder: active_mime(),
    "rtf": lambda _folder: rtf(),
    "rtf: bent": lambda _folder: rtf(bent=True),
    "rtf: binary": lambda _folder: rtf_binary(),
    "onenote": lambda _folder: onenote(),
    "lnk": lambda _folder: shortcut(),
    "pdf": lambda folder: qpdf(folder, pdf_attachment(), "--compress-streams=y", "--object-streams=generate"),
    "pdf: javascript": lambda folder: qpdf(
        folder, pdf_script(b"(" + TEXT_PAYLOAD + b")"), "--object-streams=generate"
    ),
    "pdf: encrypted": lambda folder: pdf_encrypted(folder, "256"),
    "html": lambda _folder: page(),
    "data-uri": lambda _folder: data_uri(),
    "script": lambda _folder: encoded_command(),
    "script: php": lambda _folder: php(),
    "script: python": lambda _folder: python(),
    "script: shell": lambda _folder: shell(),
    "script: here document": lambda _folder: here_document(),
    "script: character codes": lambda _folder: char_codes(),
    "script: visual basic": lambda _folder: visual_basic(),
    "script: hex": lambda _folder: hexadecimal(),
    "script: utf-16": lambda _folder: b"\xff\xfe" + TEXT_PAYLOAD.decode().encode("utf-16-le"),
}
