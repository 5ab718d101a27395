"""All formats of canaries."""

from __future__ import annotations

from overt.conduct.canary.formats import (
    archive,
    docx,
    jpeg,
    key,
    mail,
    odt,
    pdf,
    png,
    source,
    sqlite,
    text,
    xlsx,
)

FORMATS = (
    *text.FORMATS,
    *docx.FORMATS,
    *pdf.FORMATS,
    *xlsx.FORMATS,
    *mail.FORMATS,
    *odt.FORMATS,
    *archive.FORMATS,
    *jpeg.FORMATS,
    *png.FORMATS,
    *source.FORMATS,
    *key.FORMATS,
    *sqlite.FORMATS,
)
DETECTED = archive.DETECTED
