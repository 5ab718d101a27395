"""Spreadsheets (ECMA-376, Office Open XML): rows of text and of noise, and a picture's part of noise, stored."""

from __future__ import annotations

from xml.sax.saxutils import escape

from overt.conduct.canary.formats import jpeg
from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.formats.docx import OFFICE, PACKAGE, XML
from overt.conduct.canary.formats.zipped import Member, container
from overt.conduct.canary.noise import Noise

SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PARTS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
NOISY_ROWS = 12
TYPES = (
    f'{XML}<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Default Extension="jpg" ContentType="image/jpeg"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{PARTS}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{PARTS}.worksheet+xml"/></Types>'
)
RELATIONS = (
    f'{XML}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    f'<Relationship Id="rId2" Type="{PACKAGE}/relationships/metadata/thumbnail" Target="docProps/thumbnail.jpg"/>'
    "</Relationships>"
)
WORKBOOK = (
    f'{XML}<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>'
    '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
SHEETS = (
    f'{XML}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
)


def build(content: Content, noise: Noise) -> bytes:
    """A sheet of one column of text and one of references."""
    said = [(content.marking, content.token), *((line, "") for line in content.sentences)]
    said += [(f"{number:04}", noise.letters(32)) for number in range(NOISY_ROWS)]
    rows = "".join(_row(number, cells) for number, cells in enumerate(said, 1))
    sheet = f'{XML}<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData></worksheet>'
    return container(
        (
            Member("[Content_Types].xml", TYPES.encode()),
            Member("docProps/thumbnail.jpg", jpeg.picture(noise, content.noise_bytes, ()), stored=True),
            Member("_rels/.rels", RELATIONS.encode()),
            Member("xl/workbook.xml", WORKBOOK.encode()),
            Member("xl/_rels/workbook.xml.rels", SHEETS.encode()),
            Member("xl/worksheets/sheet1.xml", sheet.encode()),
        )
    )


def _row(number: int, cells: tuple[str, ...]) -> str:
    inside = "".join(
        f'<c r="{column}{number}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'
        for column, text in zip("AB", cells, strict=True)
    )
    return f'<row r="{number}">{inside}</row>'


FORMATS = (Format("xlsx", ".xlsx", build),)
