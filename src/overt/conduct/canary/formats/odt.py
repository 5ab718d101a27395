"""OpenDocument text (ISO/IEC 26300): text, and a picture of noise, stored."""

from __future__ import annotations

from xml.sax.saxutils import escape

from overt.conduct.canary.formats import jpeg
from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.formats.zipped import Member, container
from overt.conduct.canary.noise import Noise

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMES = "urn:oasis:names:tc:opendocument:xmlns"
TYPE = "application/vnd.oasis.opendocument.text"
MANIFEST = (
    f'{XML}<manifest:manifest xmlns:manifest="{NAMES}:manifest:1.0" manifest:version="1.2">'
    f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{TYPE}"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
    '<manifest:file-entry manifest:full-path="Pictures/1.jpg" manifest:media-type="image/jpeg"/></manifest:manifest>'
)
PICTURE = (
    '<text:p><draw:frame svg:width="3cm" svg:height="3cm"><draw:image xlink:href="Pictures/1.jpg" xlink:type="simple"/>'
    "</draw:frame></text:p>"
)


def build(content: Content, noise: Noise) -> bytes:
    """A letter with a picture."""
    said = [content.marking, f"Ref. {content.token}", *content.sentences]
    body = "".join(f"<text:p>{escape(line)}</text:p>" for line in said) + PICTURE
    document = (
        f'{XML}<office:document-content xmlns:office="{NAMES}:office:1.0" xmlns:text="{NAMES}:text:1.0"'
        f' xmlns:draw="{NAMES}:drawing:1.0" xmlns:svg="{NAMES}:svg-compatible:1.0"'
        ' xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.2">'
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    return container(
        (
            Member("mimetype", TYPE.encode(), stored=True),
            Member("Pictures/1.jpg", jpeg.picture(noise, content.noise_bytes, ()), stored=True),
            Member("content.xml", document.encode()),
            Member("META-INF/manifest.xml", MANIFEST.encode()),
        )
    )


FORMATS = (Format("odt", ".odt", build),)
