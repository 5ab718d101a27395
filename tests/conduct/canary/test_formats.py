"""Every format is opened by a reader of its own, which finds marking and token in it."""

from __future__ import annotations

import email
import gzip
import io
import re
import shutil
import sqlite3
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from email.policy import default
from pathlib import Path

import docx
import openpyxl
import pypdf
import pytest
from odf import teletype
from odf.opendocument import load
from odf.text import P

from overt.conduct.canary.eicar import eicar
from overt.conduct.canary.formats.base import Content, Format
from overt.conduct.canary.formats.registry import DETECTED, FORMATS
from overt.conduct.canary.noise import Noise
from overt.conduct.canary.texts import SENTENCES
from tests.conftest import require

CONTENT = Content("ovt0123456789abcdefghijklmn", "UK TOP SECRET STRAP 1", "en", SENTENCES["en"], 6_000)
JPEG_DECODED = re.compile(rb"^P5\s")


def read_docx(data: bytes) -> str:
    document = docx.Document(io.BytesIO(data))
    assert len(document.inline_shapes) == 1
    return "\n".join(paragraph.text for paragraph in document.paragraphs)


def read_xlsx(data: bytes) -> str:
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert sheet is not None
    return "\n".join(str(cell) for row in sheet.iter_rows(values_only=True) for cell in row)


def read_odt(data: bytes) -> str:
    document = load(io.BytesIO(data))
    return "\n".join(teletype.extractText(part) for part in document.getElementsByType(P))


def read_pdf(data: bytes) -> str:
    page = pypdf.PdfReader(io.BytesIO(data), strict=True).pages[0]
    assert page["/Resources"]["/XObject"]["/I1"]["/Width"] == 128  # type: ignore[index]
    return page.extract_text()


def read_mail(data: bytes) -> str:
    mail = email.message_from_bytes(data, policy=default)
    body = mail.get_body()
    assert body is not None
    (attachment,) = mail.iter_attachments()
    assert attachment.get_content().startswith(b"\x89PNG")
    return f"{mail['Subject']}\n{body.get_content()}"


def read_zip(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return archive.read("letter.txt").decode()


def read_tar(data: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as archive:
        member = archive.extractfile("letter.txt")
        assert member is not None
        return member.read().decode()


def unpack_7z(data: bytes, folder: Path) -> Path:
    program = shutil.which("7z") or shutil.which("7za")
    require(program is not None, "7z (p7zip-full)")
    (folder / "a.7z").write_bytes(data)
    subprocess.run([str(program), "x", "-y", "a.7z"], cwd=folder, check=True, capture_output=True)
    return folder


def read_source(data: bytes) -> str:
    names: dict[str, object] = {}
    exec(compile(data, "canary", "exec"), names)
    assert isinstance(names["TABLE"], tuple) and names["BUILD"] == CONTENT.token
    return data.decode()


def read_sqlite(data: bytes) -> str:
    connection = sqlite3.connect(":memory:")
    connection.deserialize(data)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert all(len(blob) == 1_000 for (blob,) in connection.execute("SELECT picture FROM scans"))
    return "\n".join(f"{title} {reference}" for title, reference in connection.execute("SELECT * FROM notes"))


def read_key(data: bytes) -> str:
    program = shutil.which("gpg")
    require(program is not None, "gpg")
    packets = subprocess.run(
        [str(program), "--homedir", "/nonexistent", "--no-options", "--list-packets"],
        input=data,
        capture_output=True,
        check=False,
    )
    assert b"literal data packet" in packets.stdout and CONTENT.token.encode() in packets.stdout
    return data.decode()


def read_image(data: bytes) -> str:
    return data.decode("latin-1")


READERS: dict[str, Callable[[bytes], str]] = {
    "text": bytes.decode,
    "docx": read_docx,
    "xlsx": read_xlsx,
    "odt": read_odt,
    "pdf": read_pdf,
    "mail": read_mail,
    "zip": read_zip,
    "tar.gz": read_tar,
    "source": read_source,
    "sqlite": read_sqlite,
    "key": read_key,
    "png": read_image,
    "jpeg": read_image,
}


def built(form: Format, key: str = "k", content: Content = CONTENT) -> bytes:
    return form.build(content, Noise(key))


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_its_own_reader_finds_marking_and_token(form: Format, tmp_path: Path) -> None:
    data = built(form)
    text = (
        (unpack_7z(data, tmp_path) / "letter.txt").read_text()
        if form.name == "7z"
        else READERS[form.name](data)
    )
    assert CONTENT.marking in text and CONTENT.token in text


def test_every_format_has_a_reader_here() -> None:
    assert {form.name for form in FORMATS} == {*READERS, "7z"}


@pytest.mark.parametrize("form", (*FORMATS, *DETECTED), ids=lambda form: f"{form.name}-{form.extension}")
def test_the_same_noise_gives_the_same_bytes_and_a_tenth_of_the_size_is_template_at_most(
    form: Format,
) -> None:
    noise = Noise("one")
    data = form.build(CONTENT, noise)
    assert data == form.build(CONTENT, Noise("one"))
    assert data != form.build(CONTENT, Noise("two"))
    assert 0.6 * CONTENT.noise_bytes < len(data) < 2.2 * CONTENT.noise_bytes


@pytest.mark.parametrize("name", ["png", "jpeg"])
def test_pictures_are_decoded_by_a_picture_library(name: str) -> None:
    image = pytest.importorskip("PIL.Image")
    (form,) = (form for form in FORMATS if form.name == name)
    with image.open(io.BytesIO(built(form))) as picture:
        picture.load()
        assert len(set(picture.tobytes())) > 100


@pytest.mark.parametrize("form", DETECTED, ids=lambda form: form.name)
def test_the_key_cases_archive_holds_the_test_file_and_a_document(form: Format, tmp_path: Path) -> None:
    data = built(form)
    if form.name == "7z":
        folder = unpack_7z(data, tmp_path)
        members = {name: (folder / name).read_bytes() for name in ("sample.com", "report.docx")}
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    assert members["sample.com"] == eicar() and len(eicar()) == 68
    assert CONTENT.marking in read_docx(members["report.docx"])
