"""Mail as it comes, broken mail too: parts under their names, nothing hidden behind bad structure, honest gaps."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from overt.core.limits import Limits
from overt.core.model import Reason, Verdict
from overt.engine.unpack import lzfu, mail, mbox, uuencode
from tests.formats.make_mail import binhex, message, nested, outlook, rtf_body, tnef, uuencoded
from tests.payload import PAYLOAD, examine

CLAMAV = Path("/usr/share/clamav-testfiles")
ENCODED = base64.encodebytes(PAYLOAD)


def paths(data: bytes) -> set[tuple[str, ...]]:
    """Where the payload was found; there must be no gap."""
    examination = examine(data)
    assert not examination.gaps
    return {finding.inside for finding in examination.findings}


def test_parts_have_their_names() -> None:
    assert paths(message().as_bytes()) == {("invoice.bin",)}
    assert paths(nested()) == {("part 2.eml", "invoice.bin")}
    assert paths(message(name="résumé ☃.exe").as_bytes()) == {("résumé ☃.exe",)}
    assert paths(message(name="../../etc/passwd").as_bytes()) == {("passwd",)}


def test_encoded_words_in_names() -> None:
    header = b'Content-Disposition: attachment; filename="=?utf-8?B?aW52b2ljZS5leGU=?="\n'
    data = b"From: a@b\nMIME-Version: 1.0\n" + header + b"Content-Transfer-Encoding: base64\n\n" + ENCODED
    assert paths(data) == {("invoice.exe",)}


@pytest.mark.parametrize(
    "header",
    [
        b'Content-Type: multipart/mixed; boundary="B"',
        b"Content-Type: multipart/mixed; boundary=B",
        b"content-type: MULTIPART/mixed;\n\tboundary=B",
        b"Content-Type: multipart/mixed; boundary*=B",
        b"Content-Type: multipart/mixed; boundary=other; boundary=B",
        b"Content-Type: multipart/mixed; boundary=wrong",
        b"Content-Type: multipart/mixed",
    ],
)
@pytest.mark.parametrize("end", [b"\n--B--\n", b"\n--B\n", b"\n", b"", b"\n--B--\nepilogue\n"])
def test_boundaries_as_mail_clients_read_them(header: bytes, end: bytes) -> None:
    part = b"Content-Type: application/x; name=a.exe\nContent-Transfer-Encoding: base64\n\n" + ENCODED.strip()
    data = b"From: a@b\nMIME-Version: 1.0\n" + header + b"\n\npreamble\n--B\n" + part + end
    for ending in (b"\n", b"\r\n"):
        assert ("a.exe",) in paths(data.replace(b"\n", ending))


@pytest.mark.parametrize(
    "body",
    [
        ENCODED.replace(b"\n", b""),
        ENCODED.rstrip().rstrip(b"="),
        ENCODED.replace(b"\n", b"!\n*"),
        b"\n\n" + ENCODED.replace(b"\n", b" \n "),
        ENCODED + b"\n____\nlist footer\n",
    ],
)
def test_base64_as_mail_clients_read_it(body: bytes) -> None:
    data = b"From: a@b\nMIME-Version: 1.0\nContent-Transfer-Encoding: Base64\n\n" + body
    assert paths(data) == {("part 1.txt",)}


def test_quoted_printable_and_old_macintosh_line_ends() -> None:
    text = b"payload: overt=2Dtest-payload:3f9a51c0=\n7be2d846 end"
    data = b"From: a@b\nMIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\n" + text
    assert paths(data) == {("part 1.txt",)}
    plain = b"From: a@b\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n" + ENCODED
    assert paths(plain.replace(b"\n", b"\r"))


def test_utf7_and_utf16_bodies_are_read() -> None:
    text = PAYLOAD[:60].split(b"\r")[0].decode()
    head = b"From: a@b\nMIME-Version: 1.0\nContent-Type: text/html; charset="
    body = base64.b64encode(text.encode("utf-16-le"))
    assert paths(head + b"utf-16le\nContent-Transfer-Encoding: base64\n\n" + body)
    assert paths(head + b"utf-7\n\n" + text.replace("-", "+AC0-").encode())


def test_deep_nesting_is_said_not_followed() -> None:
    data = b"From: a@b\nMIME-Version: 1.0\n"
    for level in range(40):
        data += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
    examination = examine(data + b"\ntext")
    assert {gap.reason for gap in examination.gaps} == {Reason.DEPTH}


def test_encrypted_mail_is_incomplete() -> None:
    pgp = b"From: a@b\nMIME-Version: 1.0\nContent-Type: multipart/encrypted; boundary=B\n\n--B\n\nx\n--B--\n"
    smime = (
        b"From: a@b\nMIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nx"
    )
    for data in (pgp, smime):
        assert [gap.reason for gap in examine(data).gaps] == [Reason.ENCRYPTED]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"Hello,\nthis is text: and more.\n",
        b"Package: overt\nVersion: 1.0\nArchitecture: all\nMaintainer: a@b\n\n",
        b"Metadata-Version: 2.1\nName: overt\nVersion: 1\n\nFrom: here on\n",
        b"#!/usr/bin/env python\nimport mail\nfrom: int = 1\n",
        b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
        b"Nov 22 03:31:00 host kernel: From: x\nNov 22 03:31:01 host kernel: To: y\nSubject: z\nDate: d\n",
        b"key: value\nto: x\nsubject: y\nother\nlines\nthat are\nno fields\n",
        b"From here on\nit is prose\n",
    ],
)
def test_ordinary_text_is_not_mail(text: bytes) -> None:
    assert not mail.sniff(text)
    assert not mbox.sniff(text)
    assert not uuencode.sniff(text)


def test_mailbox_with_quoted_from_lines() -> None:
    body = b"x\n>From now on\n>>From then on\n"
    data = b"From a@b Thu Jul 31 13:49:50 2008\nFrom: a@b\nMIME-Version: 1.0\n\n" + body
    second = data + b"\nFrom a@b Thu Jul 31 13:49:50 2008\nFrom: a@b\nMIME-Version: 1.0\n\n" + PAYLOAD
    assert paths(second) == {(), ("message 2",), ("message 2", "part 1.txt")}


def test_uuencode_variants() -> None:
    assert paths(uuencoded()) == {("payload.bin",)}
    assert ("payload.bin",) in paths(uuencoded("-m"))
    assert paths(uuencoded().replace(b"`", b" ").replace(b"\n", b"\r\n")) == {("payload.bin",)}
    assert len(paths(uuencoded() + uuencoded().replace(b"payload.bin", b"other"))) == 2


def test_uuencode_that_breaks_is_incomplete() -> None:
    lines = uuencoded().split(b"\n")
    lines[20] = b"this is not a line of uuencode at all"
    examination = examine(b"\n".join(lines))
    assert [gap.reason for gap in examination.gaps] == [Reason.DAMAGED]


@pytest.mark.parametrize(
    "payload", [PAYLOAD, PAYLOAD + b"\x90" * 700, PAYLOAD + bytes(3000), b"\x90" + PAYLOAD]
)
def test_binhex_runs_and_forks(payload: bytes) -> None:
    assert paths(binhex(payload)) == {("file",)}
    assert paths(binhex(b"harmless", payload)) == {("file (resource fork)",)}


def test_binhex_with_a_wrong_check_sum_is_incomplete() -> None:
    data = bytearray(binhex())
    data[400] = data[400] - 1 if data[400] != 33 else 34
    assert Reason.DAMAGED in {gap.reason for gap in examine(bytes(data)).gaps}


@pytest.mark.parametrize("packed", [True, False])
def test_compressed_rtf_bodies(packed: bool) -> None:
    text = b"{\\rtf1 " + b"word " * 30_000 + b"}"
    assert b"".join(lzfu.decompress(rtf_body(text, packed=packed))) == text


def test_tnef_is_what_the_tnef_tool_reads(tmp_path: Path) -> None:
    data = tnef()
    (tmp_path / "winmail.dat").write_bytes(data)
    command = ["tnef", "-C", str(tmp_path), str(tmp_path / "winmail.dat")]
    subprocess.run(command, check=True, capture_output=True)
    assert PAYLOAD in {path.read_bytes() for path in tmp_path.iterdir()}
    assert ("invoice.bin",) in paths(data)


def test_tnef_cut_short_is_incomplete() -> None:
    gaps = examine(tnef()[:-200]).gaps
    assert [gap.reason for gap in gaps] == [Reason.DAMAGED]


def test_outlook_attachments_have_their_names() -> None:
    assert {("invoice.bin",), ("fwd.msg/inner.bin",)} <= paths(outlook())


def test_limits_are_exact_on_mail() -> None:
    limits = Limits(max_member_bytes=100)
    examination = examine(message(b"x" * 5000).as_bytes(), limits)
    assert [(gap.reason, gap.inside) for gap in examination.gaps] == [(Reason.MEMBER_BYTES, ("invoice.bin",))]
    assert examination.verdict is Verdict.INCOMPLETE


@pytest.mark.skipif(not CLAMAV.is_dir(), reason="the package clamav-testfiles is not installed")
@pytest.mark.parametrize(
    "name", ["clam.mail", "clam.exe.mbox.base64", "clam.exe.mbox.uu", "clam.exe.binhex", "clam.tnef"]
)
def test_the_program_inside_debian_s_test_files(name: str) -> None:
    from tests.formats.test_documents import contents

    program = (CLAMAV / "clam.exe").read_bytes()
    assert program in contents((CLAMAV / name).read_bytes())
