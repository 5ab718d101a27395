"""Archives: zip, tar.gz and 7z of a letter and a picture; and those of the key case, with a test file in them."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Callable, Sequence
from io import BytesIO

from overt.conduct.canary.eicar import eicar
from overt.conduct.canary.formats import docx, jpeg, text
from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.formats.sevenz import archive as sevenz
from overt.conduct.canary.formats.zipped import Member, container
from overt.conduct.canary.noise import Noise

MTIME = 1_773_739_800
"""Seconds since 1970: 2026-03-17 09:30 UTC."""
LETTER_NOISE_BYTES = 1_000

Pack = Callable[[Sequence[Member]], bytes]


def tar_gz(members: Sequence[Member]) -> bytes:
    """A gzipped tar file (POSIX ustar) of `members`."""
    target = BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member in members:
            entry = tarfile.TarInfo(member.name)
            entry.size, entry.mtime = len(member.data), MTIME
            archive.addfile(entry, BytesIO(member.data))
    return gzip.compress(target.getvalue(), mtime=MTIME)


def _letters(content: Content, noise: Noise) -> list[Member]:
    letter = "\n".join(text.lines(content, noise, LETTER_NOISE_BYTES)) + "\n"
    picture = jpeg.picture(noise, content.noise_bytes - LETTER_NOISE_BYTES, ())
    return [Member("letter.txt", letter.encode()), Member("picture.jpg", picture, stored=True)]


def _plainly(pack: Pack) -> Callable[[Content, Noise], bytes]:
    def build(content: Content, noise: Noise) -> bytes:
        return _noted(pack(_letters(content, noise)), noise)

    return build


def _detected(pack: Pack) -> Callable[[Content, Noise], bytes]:
    def build(content: Content, noise: Noise) -> bytes:
        document = Member("report.docx", docx.build(content, noise), stored=True)
        return _noted(pack([Member("sample.com", eicar(), stored=True), document]), noise)

    return build


def _noted(data: bytes, noise: Noise) -> bytes:
    noise.remember(data)
    return data


FORMATS = (
    Format("zip", ".zip", _plainly(container)),
    Format("tar.gz", ".tar.gz", _plainly(tar_gz)),
    Format("7z", ".7z", _plainly(sevenz)),
)
DETECTED = (
    Format("7z", ".7z", _detected(sevenz)),
    Format("zip", ".zip", _detected(container)),
)
"""The key case: a malware test file and a document in one archive."""
