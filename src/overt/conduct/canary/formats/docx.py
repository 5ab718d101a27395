"""Word documents (ECMA-376, Office Open XML): text, and a picture of noise, stored."""

from __future__ import annotations

from xml.sax.saxutils import escape

from overt.conduct.canary.formats import jpeg
from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.formats.zipped import Member, container
from overt.conduct.canary.noise import Noise

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
PARTS = "application/vnd.openxmlformats-officedocument.wordprocessingml"

TYPES = (
    f'{XML}<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Default Extension="jpg" ContentType="image/jpeg"/>'
    f'<Override PartName="/word/document.xml" ContentType="{PARTS}.document.main+xml"/></Types>'
)
RELATIONS = (
    f'{XML}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
)
PICTURE = (
    f'{XML}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{OFFICE}/image" Target="media/image1.jpg"/></Relationships>'
)
SHAPE = (
    f'<w:p><w:r><w:drawing><wp:inline xmlns:wp="{DRAWING}/wordprocessingDrawing"><wp:extent cx="1219200" cy="1219200"/>'
    f'<wp:docPr id="1" name="Picture 1"/><a:graphic xmlns:a="{DRAWING}/main"><a:graphicData uri="{DRAWING}/picture">'
    f'<pic:pic xmlns:pic="{DRAWING}/picture"><pic:nvPicPr><pic:cNvPr id="0" name="image1.jpg"/><pic:cNvPicPr/>'
    f'</pic:nvPicPr><pic:blipFill><a:blip xmlns:r="{OFFICE}" r:embed="rId1"/><a:stretch><a:fillRect/></a:stretch>'
    '</pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="1219200" cy="1219200"/></a:xfrm>'
    '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline>'
    "</w:drawing></w:r></w:p>"
)


def build(content: Content, noise: Noise) -> bytes:
    """A letter with a picture."""
    said = [content.marking, f"Ref. {content.token}", *content.sentences]
    body = "".join(f"<w:p><w:r><w:t>{escape(line)}</w:t></w:r></w:p>" for line in said) + SHAPE
    document = f'{XML}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
    return container(
        (
            Member("[Content_Types].xml", TYPES.encode()),
            Member("word/media/image1.jpg", jpeg.picture(noise, content.noise_bytes, ()), stored=True),
            Member("_rels/.rels", RELATIONS.encode()),
            Member("word/document.xml", document.encode()),
            Member("word/_rels/document.xml.rels", PICTURE.encode()),
        )
    )


FORMATS = (Format("docx", ".docx", build),)
