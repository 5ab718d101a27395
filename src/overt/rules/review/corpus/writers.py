"""One small writer per document format. A document is a title, paragraphs, and a marking that goes where markings go:
head, foot and body. Output depends on nothing but the input."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from collections.abc import Callable
from xml.sax.saxutils import escape

from overt.rules.review.corpus.texts import Language

Writer = Callable[[Language, str], bytes | None]
"""Language and marking (empty: unmarked) to the document's bytes; None where the format can't hold the language."""

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def _lines(language: Language, marking: str) -> list[str]:
    """The document as lines: marking, title, paragraphs, marking."""
    marks = [marking] if marking else []
    return [*marks, language.title, *language.paragraphs, *marks]


def _zip(members: dict[str, str], first: dict[str, str] | None = None) -> bytes:
    """A zip of text members with a fixed date; those in `first` lead, uncompressed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for method, group in ((zipfile.ZIP_STORED, first or {}), (zipfile.ZIP_DEFLATED, members)):
            for name, text in group.items():
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                info.compress_type = method
                archive.writestr(info, text.encode())
    return out.getvalue()


def _text(charset: str, mark: bytes = b"") -> Writer:
    def write(language: Language, marking: str) -> bytes | None:
        try:
            return mark + "\r\n\r\n".join(_lines(language, marking)).encode(charset)
        except UnicodeEncodeError:
            return None

    return write


def legacy_text(language: Language, marking: str) -> bytes | None:
    """Plain text in the language's own charset."""
    return _text(language.charset)(language, marking)


def html(language: Language, marking: str) -> bytes:
    """HTML with the marking in head and body."""
    body = "".join(f"<p>{escape(line)}</p>\n" for line in _lines(language, marking))
    return (
        f'<!DOCTYPE html>\n<html lang="{language.code}"><head><meta charset="utf-8"><title>{escape(marking)} '
        f"{escape(language.title)}</title></head>\n<body>\n{body}</body></html>\n"
    ).encode()


def csv(language: Language, marking: str) -> bytes:
    """A table with the marking in a cell of its own."""
    rows = [
        f'{number};"{line}";{number * 1250}.00' for number, line in enumerate(_lines(language, marking), 1)
    ]
    return ("no;text;amount\r\n" + "\r\n".join(rows) + "\r\n").encode()


def source_code(language: Language, marking: str) -> bytes:
    """Python with the marking in its licence header."""
    head = "".join(f"# {line}\n" for line in _lines(language, marking))
    return f'{head}\ndef total(amounts):\n    """Sum of the amounts."""\n    return sum(amounts)\n'.encode()


def mail(language: Language, marking: str) -> bytes:
    """A message with the marking in subject and body, the body in base64 and once more as text."""
    body = "\r\n".join(_lines(language, marking))
    encoded = base64.encodebytes(body.encode()).decode().replace("\n", "\r\n")
    subject = base64.b64encode(f"{marking} {language.title}".strip().encode()).decode()
    return (
        "From: Anna Eriksson <anna@example.org>\r\nTo: John Smith <john@example.com>\r\n"
        f"Subject: =?utf-8?B?{subject}?=\r\nDate: Tue, 14 Jan 2025 09:41:07 +0000\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="b1"\r\n\r\n--b1\r\nContent-Type: text/plain; '
        f"charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n--b1\r\nContent-Type: text/plain; "
        f"charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n--b1--\r\n"
    ).encode()


def rtf(language: Language, marking: str) -> bytes:
    """RTF with Unicode escapes, and the marking in header and footer too."""
    marked = "".join(
        "{\\" + part + " " + _rtf(marking) + "\\par}" for part in ("header", "footer") if marking
    )
    body = "".join(_rtf(line) + "\\par\n" for line in _lines(language, marking))
    return ("{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Arial;}}\n" + marked + body + "}\n").encode(
        "ascii"
    )


def _rtf(text: str) -> str:
    return "".join(
        "\\" + char if char in "\\{}" else char if char.isascii() else f"\\u{_signed(ord(char))}?"
        for char in text
    )


def _signed(code: int) -> int:
    return code - 65536 if code > 32767 else code


def docx(language: Language, marking: str) -> bytes:
    """Word: body, header and footer."""
    paragraphs = "".join(_word_paragraph(line) for line in _lines(language, marking))
    members = {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        'ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/'
        'vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": _relations("officeDocument", "word/document.xml"),
        "word/document.xml": f"{_XML}<w:document {_WORD}><w:body>{paragraphs}<w:sectPr/></w:body></w:document>",
        "word/header1.xml": f"{_XML}<w:hdr {_WORD}>{_word_paragraph(marking)}</w:hdr>",
        "word/footer1.xml": f"{_XML}<w:ftr {_WORD}>{_word_paragraph(marking)}</w:ftr>",
    }
    return _zip(members)


def _word_paragraph(text: str) -> str:
    return f'<w:p><w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def _relations(kind: str, target: str) -> str:
    return (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type="{_RELS}/{kind}" '
        f'Target="{target}"/></Relationships>'
    )


def xlsx(language: Language, marking: str) -> bytes:
    """Excel: shared strings, and the marking in the page header."""
    lines = _lines(language, marking)
    cells = "".join(
        f'<row r="{at + 1}"><c r="A{at + 1}" t="s"><v>{at}</v></c></row>' for at in range(len(lines))
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    strings = "".join(f"<si><t>{escape(line)}</t></si>" for line in lines)
    members = {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/'
        'vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": _relations("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{main}"><sheets><sheet name="1" sheetId="1"/></sheets></workbook>',
        "xl/worksheets/sheet1.xml": f'{_XML}<worksheet xmlns="{main}"><sheetData>{cells}</sheetData><headerFooter>'
        f"<oddHeader>&amp;C{escape(marking)}</oddHeader></headerFooter></worksheet>",
        "xl/sharedStrings.xml": f'{_XML}<sst xmlns="{main}">{strings}</sst>',
    }
    return _zip(members)


def odt(language: Language, marking: str) -> bytes:
    """OpenDocument text: content, and the marking in the page style."""
    spaces = (
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
        'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'
    )
    body = "".join(f"<text:p>{escape(line)}</text:p>" for line in _lines(language, marking))
    members = {
        "content.xml": f"{_XML}<office:document-content {spaces}><office:body><office:text>{body}</office:text>"
        "</office:body></office:document-content>",
        "styles.xml": f"{_XML}<office:document-styles {spaces}><office:master-styles><style:master-page "
        f"><style:footer><text:p>{escape(marking)}</text:p></style:footer></style:master-page>"
        "</office:master-styles></office:document-styles>",
        "META-INF/manifest.xml": f'{_XML}<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:'
        'manifest:1.0"/>',
    }
    return _zip(members, {"mimetype": "application/vnd.oasis.opendocument.text"})


def pdf_plain(language: Language, marking: str) -> bytes:
    """PDF with its page as it is."""
    return _pdf(language, marking, packed=False)


def pdf_packed(language: Language, marking: str) -> bytes:
    """PDF with its page compressed."""
    return _pdf(language, marking, packed=True)


def _pdf(language: Language, marking: str, packed: bool) -> bytes:
    """Literal strings where the text is Latin-1, else UTF-16 in hexadecimal; the marking is in the title too."""
    page = "BT /F1 11 Tf 50 800 Td 14 TL\n" + "".join(
        _pdf_string(line) + " Tj T*\n" for line in _lines(language, marking)
    )
    stream = (page + "ET\n").encode("latin-1")
    head = ""
    if packed:
        stream, head = zlib.compress(stream, 9), "/Filter /FlateDecode "
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< {head}/Length {len(stream)} >>\nstream\n".encode() + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Title {_pdf_string(f'{marking} {language.title}'.strip())} >>".encode("latin-1"),
    ]
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(out)


def _pdf_string(text: str) -> str:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return "<FEFF" + text.encode("utf-16-be").hex().upper() + ">"
    return "(" + text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") + ")"


WRITERS: dict[str, Writer] = {
    "utf-8.txt": _text("utf-8"),
    "utf-16.txt": _text("utf-16-le", b"\xff\xfe"),
    "utf-16be.txt": _text("utf-16-be", b"\xfe\xff"),
    "legacy.txt": legacy_text,
    "html": html,
    "csv": csv,
    "py": source_code,
    "eml": mail,
    "rtf": rtf,
    "docx": docx,
    "xlsx": xlsx,
    "odt": odt,
    "plain.pdf": pdf_plain,
    "packed.pdf": pdf_packed,
}
"""Ending of the file's name → writer."""
