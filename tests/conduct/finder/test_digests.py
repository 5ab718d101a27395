"""Digests of canaries and of what is in them are found; those of templates and of anybody's files are not."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
import zlib

import pytest

from overt.conduct.finder.digests import ALGORITHMS, HEADS_BYTES
from tests.conduct.finder.known import canaries, examine, one


def digests(data: bytes) -> set[tuple[int, str]]:
    return {(hit.canary, hit.matched) for hit in examine(data).hits if hit.form == "digest"}


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_of_what_is_packed_in_it_at_any_depth(algorithm: str) -> None:
    packed = next(item for item in canaries() if item.detected and item.format == "zip")
    document = members(packed.data)["report.docx"]
    for part in (
        document,
        members(document)["word/document.xml"],
        members(document)["word/media/image1.jpg"],
    ):
        digest = hashlib.new(algorithm, part).hexdigest().encode()
        found = digests(b"hash=" + digest)
        assert {canary for canary, _ in found} == {packed.number}
        assert any(matched.startswith(f"{algorithm} hex of ") for _, matched in found)


def test_of_a_mails_attachment_and_of_a_pdfs_page() -> None:
    mail, pdf = one("mail"), one("pdf")
    encoded = mail.data.split(b"base64")[1].split(b"\r\n\r\n")[1].split(b"--=_")[0]
    page = pdf.data.split(b"/FlateDecode")[1].split(b"stream\n")[1]
    for item, part in ((mail, base64.b64decode(encoded)), (pdf, zlib.decompressobj().decompress(page))):
        assert {canary for canary, _ in digests(hashlib.sha256(part).digest())} == {item.number}


@pytest.mark.parametrize("size", [size for size in HEADS_BYTES if size < 1 << 14])
def test_of_its_beginning(size: int) -> None:
    item = next(item for item in canaries() if item.pair and item.format == "text")
    found = digests(hashlib.sha256(item.data[:size]).digest())
    assert found == {(item.number, f"sha256 of its first {size:,} bytes")}


def test_cut_to_eight_bytes() -> None:
    item = one("docx")
    digest = hashlib.sha256(item.data).digest()
    written = (digest[:8], digest.hex()[:16].encode(), digest.hex()[:16].upper().encode())
    for sent in (*written, base64.b64encode(digest)[:12], base64.urlsafe_b64encode(digest)[:12]):
        assert {canary for canary, _ in digests(b"x=" + sent + b"&y")} == {item.number}


def test_what_is_a_template_or_anybodys_is_nobodys() -> None:
    docx, database = one("docx"), one("sqlite")
    test_file = next(item for item in canaries() if item.format == "eicar")
    types = members(docx.data)["[Content_Types].xml"]
    for data in (types, database.data[:64], b""):
        assert digests(hashlib.sha256(data).hexdigest().encode()) == set()
    for algorithm in ALGORITHMS:
        assert digests(hashlib.new(algorithm, test_file.data).hexdigest().encode()) == set()


def test_an_ordinary_file_is_known_by_content_name_and_digest_and_settings_not_by_name() -> None:
    ordinary = [item for item in canaries() if not (item.pair or item.secret or item.detected)]
    for item in ordinary:
        own = {(hit.canary, hit.form) for hit in examine(b"x" + item.data + b"y").hits}
        assert (item.number, "content") in own and {number for number, _ in own} == {item.number}
        assert {canary for canary, _ in digests(hashlib.sha256(item.data).digest())} == {item.number}
        stem = item.path.rsplit("/", 1)[1].split(".")[0]
        named = {hit.canary for hit in examine(f"file={stem}.".encode()).hits}
        assert named == ({item.number} if stem else set())
    assert any(item.path.endswith("/.profile") for item in ordinary)
