"""PDF (ISO 32000-1): one page of deflated text, and a picture of noise as it is."""

from __future__ import annotations

import zlib

from overt.conduct.canary.formats import jpeg
from overt.conduct.canary.formats.base import Content, Format, plain_ascii
from overt.conduct.canary.noise import Noise


def build(content: Content, noise: Noise) -> bytes:
    """A page with a picture; the text is drawn in Helvetica, without accents."""
    said = [content.marking, f"Ref. {content.token}", *content.sentences]
    shown = " T* ".join(f"({_escaped(plain_ascii(line))}) Tj" for line in said)
    page = zlib.compress(
        f"BT /F1 10 Tf 14 TL 50 780 Td {shown} ET\nq 200 0 0 200 50 450 cm /I1 Do Q".encode()
    )
    picture = jpeg.picture(noise, content.noise_bytes, ())
    rows = int.from_bytes(picture[picture.index(b"\xff\xc0") + 5 :][:2], "big")
    across = jpeg.BLOCKS_ACROSS * 8
    return _file(
        (
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
            b" /Resources << /Font << /F1 4 0 R >> /XObject << /I1 6 0 R >> >> >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            _stream(b"/Filter /FlateDecode", page),
            _stream(
                b"/Type /XObject /Subtype /Image /Filter /DCTDecode /ColorSpace /DeviceGray /BitsPerComponent 8"
                b" /Width %d /Height %d" % (across, rows),
                picture,
            ),
        )
    )


def _file(objects: tuple[bytes, ...]) -> bytes:
    said = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    starts = []
    for number, item in enumerate(objects, 1):
        starts.append(len(said))
        said += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(said))
    return said + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer


def _stream(entries: bytes, data: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


FORMATS = (Format("pdf", ".pdf", build),)
