"""The one list of formats, and recognition by content. No discovery: a format exists when it is listed here."""

from __future__ import annotations

from collections.abc import Container

from overt.engine.unpack import (
    activemime,
    ar,
    arj,
    autoit,
    binhex,
    bz2,
    cab,
    chm,
    compress,
    cpio,
    cramfs,
    dmg,
    ext,
    fat,
    gz,
    hfs,
    html,
    installshield,
    iso,
    lnk,
    lz4,
    lzh,
    lzip,
    lzma,
    mail,
    mbox,
    msg,
    nsis,
    ntfs,
    ole,
    onenote,
    packed,
    partitions,
    pdf,
    rar,
    rpm,
    rtf,
    script,
    selfextract,
    sevenz,
    sis,
    squashfs,
    swf,
    szdd,
    tar,
    tnef,
    upx,
    uuencode,
    vdisk,
    wim,
    xar,
    xz,
    zip,
    zstd,
)
from overt.engine.unpack.base import Format

FORMATS: tuple[Format, ...] = (
    *zip.FORMATS,
    *gz.FORMATS,
    *ole.FORMATS,
    *msg.FORMATS,
    *bz2.FORMATS,
    *xz.FORMATS,
    *lzma.FORMATS,
    *zstd.FORMATS,
    *lz4.FORMATS,
    *lzip.FORMATS,
    *compress.FORMATS,
    *tar.FORMATS,
    *cpio.FORMATS,
    *ar.FORMATS,
    *sevenz.FORMATS,
    *rar.FORMATS,
    *arj.FORMATS,
    *cab.FORMATS,
    *chm.FORMATS,
    *szdd.FORMATS,
    *nsis.FORMATS,
    *iso.FORMATS,
    *dmg.FORMATS,
    *hfs.FORMATS,
    *wim.FORMATS,
    *squashfs.FORMATS,
    *cramfs.FORMATS,
    *ext.FORMATS,
    *ntfs.FORMATS,
    *fat.FORMATS,
    *partitions.FORMATS,
    *vdisk.FORMATS,
    *lzh.FORMATS,
    *rpm.FORMATS,
    *xar.FORMATS,
    *swf.FORMATS,
    *selfextract.FORMATS,
    *installshield.FORMATS,
    *mail.FORMATS,
    *mbox.FORMATS,
    *uuencode.FORMATS,
    *binhex.FORMATS,
    *tnef.FORMATS,
    *rtf.FORMATS,
    *pdf.FORMATS,
    *onenote.FORMATS,
    *lnk.FORMATS,
    *html.FORMATS,
    *script.FORMATS,
    *packed.FORMATS,
    *autoit.FORMATS,
    *sis.FORMATS,
    *upx.FORMATS,
    *activemime.FORMATS,
)
"""In order of trust: the first that claims a file names its type, all that claim it unpack it."""

DATA = Format("data", "anything else: matched as it is")

_BY_FIRST: dict[bytes, list[Format]] = {}
_ELSEWHERE: list[Format] = []
for _form in FORMATS:
    if _form.magics and all(magic.offset == 0 for magic in _form.magics):
        for _first in {magic.value[:2] for magic in _form.magics}:
            _BY_FIRST.setdefault(_first, []).append(_form)
    else:
        _ELSEWHERE.append(_form)


def identify(data: bytes, without: Container[str] = ()) -> tuple[Format, ...]:
    """All formats that claim `data`, those with a signature at its start first, and none `without` those of these
    names; empty when none does."""
    candidates = [*_BY_FIRST.get(data[:2], ()), *_ELSEWHERE]
    return tuple(form for form in candidates if form.name not in without and form.claims(data))
