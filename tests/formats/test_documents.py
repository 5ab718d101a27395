"""Documents and scripts: what they hide is found under its name, obfuscation changes nothing, encryption is said."""

from __future__ import annotations

import base64
import binascii
import os
import random
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.core.errors import Damaged
from overt.core.limits import Limits
from overt.core.model import Reason
from overt.engine.unpack import aes, script, vba
from overt.engine.unpack.base import Budget, Room
from overt.engine.unpack.compound import unpack as unpack_compound
from overt.engine.unpack.registry import identify
from tests.formats import make_documents as make
from tests.formats import make_mail
from tests.formats.compound_writer import compound
from tests.formats.encryption_writer import agile, standard
from tests.payload import PAYLOAD, examine, examiner

CLAMAV = Path("/usr/share/clamav-testfiles")
TEXT = make.TEXT_PAYLOAD


def contents(data: bytes, limits: Limits | None = None) -> set[bytes]:
    """Every member at every depth."""
    found: set[bytes] = set()
    pending = [data]
    room = Room(Budget(limits or Limits(), len(data)))
    while pending:
        content = pending.pop()
        for form in identify(content):
            if form.unpack is not None:
                children = [child.data for child in form.unpack(content, room)]
                pending.extend(child for child in children if child not in found)
                found.update(children)
    return found


def paths(data: bytes) -> set[tuple[str, ...]]:
    """Where the payload was found; there must be no gap."""
    examination = examine(data)
    assert not examination.gaps
    return {finding.inside for finding in examination.findings}


@pytest.mark.skipif(not CLAMAV.is_dir(), reason="the package clamav-testfiles is not installed")
@pytest.mark.parametrize("name", ["clam.exe.html", "clam.exe.rtf", "clam.ole.doc", "clam.pdf", "clam.ppt"])
def test_the_program_inside_debian_s_test_files(name: str) -> None:
    assert (CLAMAV / "clam.exe").read_bytes() in contents((CLAMAV / name).read_bytes())


# Office


def test_macro_source_under_its_name() -> None:
    assert ("VBA/Module1.bas",) in paths(make.word(make.vba_project("Macros/")))
    assert ("word/vbaProject.bin", "VBA/Module1.bas") in paths(make.ooxml())


@pytest.mark.parametrize("size", [1, 9, 4095, 4096, 4097, 30_000])
def test_vba_source_decompresses(size: int) -> None:
    source = (make.MACRO * 200)[:size]
    assert b"".join(vba.decompress(make.vba_compress(source))) == source


def test_vba_example_of_the_specification() -> None:
    packed = bytes.fromhex("01 2f b0 00 23 61 61 61 62 63 64 65 82 66 00 70 61 67 68 69 6a 01 38 08 61 6b 6c")
    packed += bytes.fromhex("00 30 6d 6e 6f 70 06 71 02 70 04 10 72 73 74 75 76 10 77 78 79 7a 00 3c")
    expected = b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa"
    assert b"".join(vba.decompress(packed)) == expected


def test_macros_without_a_readable_directory_are_carved() -> None:
    streams = make.vba_project("Macros/")
    streams["Macros/VBA/dir"] = b"\xff" * 99
    assert ("VBA/Module1.bas",) in paths(make.word(streams))


def test_macro_sheets_are_named_with_their_strings() -> None:
    found = contents(make.workbook())
    assert any(b"Macro1 (very hidden)" in content and TEXT in content for content in found)


def test_packages_in_documents_and_presentations() -> None:
    assert ("invoice.bin",) in paths(make.packaged())
    assert ("object 1", "invoice.bin") in paths(make.presentation())


@pytest.mark.parametrize(
    "data",
    [
        compound({"EncryptionInfo": bytes(99), "EncryptedPackage": bytes(5000)}),
        compound({"WordDocument": b"\xec\xa5" + bytes(8) + b"\x00\x01" + bytes(600)}),
        compound(
            {"PowerPoint Document": bytes(9), "Current User": bytes(12) + b"\xdf\xc4\xd1\xf3" + bytes(9)}
        ),
        make.workbook(encrypted=True),
    ],
)
def test_encrypted_office_documents_are_incomplete(data: bytes) -> None:
    assert [gap.reason for gap in examine(data).gaps] == [Reason.ENCRYPTED]


@pytest.mark.parametrize("write", [agile, standard])
def test_encrypted_packages_open_with_known_passwords(write: Callable[[bytes, str], bytes]) -> None:
    data = write(make.ooxml(), "infected")
    assert [gap.reason for gap in examine(data).gaps] == [Reason.ENCRYPTED]
    opened = examine(data, passwords=("wrong", "infected"))
    assert not opened.gaps
    assert ("document", "word/vbaProject.bin", "VBA/Module1.bas") in {f.inside for f in opened.findings}


def bent_header(data: bytes) -> bytes:
    """A compound file as careless writers make it: 7-Zip refuses its count of small-sector tables."""
    return data[:64] + b"\x07" + data[65:]


def test_compound_files_that_7zip_refuses_are_read() -> None:
    whole = {"Macros/x/deep": PAYLOAD, "WordDocument": b"\xa5" * 9000, **make.vba_project("Macros/")}
    whole |= {f"stream {number}": bytes([number]) * number * 50 for number in range(99)}
    data = bent_header(compound(whole))
    with pytest.raises(Damaged):
        list(unpack_compound(data, Room(Budget(Limits(), len(data)))))
    assert set(whole.values()) - {b""} <= contents(data)
    assert {("Macros/x/deep",), ("VBA/Module1.bas",)} <= paths(data)
    assert ("invoice.bin",) in paths(bent_header(make_mail.outlook()))


# RTF, OneNote, shortcuts


def test_rtf_objects_however_they_are_written() -> None:
    for data in (make.rtf(), make.rtf(bent=True), make.rtf_binary()):
        assert ("invoice.bin",) in paths(data)


def test_rtf_holds_compound_files() -> None:
    native = make.word({"\x01Ole10Native": make.ole10native()})
    digits = binascii.hexlify(make.ole1(b"Word.Document.8", native))
    assert ("Word.Document.8", "invoice.bin") in paths(b"{\\rtf1{\\object{\\*\\objdata " + digits + b"}}}")
    bent = binascii.hexlify(b"junk" * 9 + native)
    assert ("compound", "invoice.bin") in paths(b"{\\rtf1{\\object{\\*\\objdata " + bent + b"}}}")


def test_onenote_files_cut_short_are_incomplete() -> None:
    data = make.onenote()
    assert ("file 1",) in paths(data)
    cut = data[: data.index(PAYLOAD) + 700]
    assert [gap.reason for gap in examine(cut).gaps] == [Reason.DAMAGED]


def test_shortcut_says_what_it_starts_and_what_follows_it() -> None:
    found = contents(make.shortcut("/c echo hello", appended=b"appended " + PAYLOAD))
    assert b"appended " + PAYLOAD in found
    text = next(content for content in found if content.startswith(b"target"))
    assert (
        text
        == b"target: C:\\Windows\\System32\\cmd.exe\nrelative path: ..\\cmd.exe\narguments: /c echo hello"
    )
    assert [gap.reason for gap in examine(make.shortcut()[:150]).gaps] == [Reason.DAMAGED]


# PDF


@pytest.mark.parametrize(
    ("data", "filters"),
    [
        (PAYLOAD, b""),
        (zlib.compress(PAYLOAD), b"/Filter /FlateDecode"),
        (zlib.compress(PAYLOAD)[:-4], b"/Filter [/FlateDecode]"),
        (zlib.compress(PAYLOAD)[:-4] + b"oops", b"/Filter /Fl"),
        (make.lzw_encode(PAYLOAD * 20), b"/Filter /LZWDecode"),
        (base64.a85encode(PAYLOAD, wrapcol=70) + b"~>", b"/Filter /ASCII85Decode"),
        (binascii.hexlify(PAYLOAD, " ", 4) + b">", b"/Filter /ASCIIHexDecode"),
        (b"\x04" + PAYLOAD[:5] + b"\x7f" + PAYLOAD[5:133] + b"\x80", b"/Filter /RunLengthDecode"),
        (base64.a85encode(zlib.compress(PAYLOAD)) + b"~>", b"/Filter [ /ASCII85Decode /FlateDecode ]"),
        (zlib.compress(PAYLOAD), b"/F#69lter /Fl#61teDecode"),
        (b"\xff\xd8" + PAYLOAD, b"/Filter /DCTDecode /Subtype /Image"),
    ],
)
def test_pdf_filters(data: bytes, filters: bytes) -> None:
    assert ("invoice.bin",) in paths(make.pdf_attachment(data, filters))


def test_pdf_predictors_are_undone() -> None:
    rows = [PAYLOAD[at : at + 16].ljust(16, b"\0") for at in range(0, len(PAYLOAD), 16)]
    above, coded = bytes(16), b""
    for row in rows:
        coded += b"\x02" + bytes((here - up) & 255 for here, up in zip(row, above, strict=True))
        above = row
    filters = b"/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 16 >>"
    assert ("invoice.bin",) in paths(make.pdf_attachment(zlib.compress(coded), filters))


@pytest.mark.parametrize(
    "value",
    [
        b"(" + TEXT + b")",
        b"(a \\(b\\) (c) " + TEXT.replace(b":", b"\\072") + b")",
        b"<" + binascii.hexlify(TEXT) + b">",
        b"<FEFF" + binascii.hexlify(TEXT.decode().encode("utf-16-be")) + b">",
        b"(\xfe\xff" + TEXT.decode().encode("utf-16-be") + b")",
    ],
)
def test_pdf_javascript_strings(value: bytes) -> None:
    assert ("JavaScript string 1.js",) in paths(make.pdf_script(value))


def test_pdf_objects_are_found_without_their_table(tmp_path: Path) -> None:
    data = make.qpdf(tmp_path, make.pdf_attachment(), "--compress-streams=y", "--object-streams=generate")
    assert ("invoice.bin",) in paths(data)
    assert ("invoice.bin",) in paths(b"junk before\n" + data[: data.rindex(b"startxref")])
    wrong_length = data.replace(b"/Length ", b"/Length 9")
    assert any(finding.inside for finding in examine(wrong_length).findings)


CIPHERS = (
    ("40",),
    ("128", "--use-aes=n"),
    ("128", "--use-aes=n", "--force-V4"),
    ("128", "--use-aes=y"),
    ("256", "--force-R5"),
    ("256",),
    ("256", "--cleartext-metadata"),
)


@pytest.mark.parametrize("cipher", CIPHERS)
def test_pdf_that_everybody_can_open_is_examined(cipher: tuple[str, ...], tmp_path: Path) -> None:
    assert ("invoice.bin",) in paths(make.pdf_encrypted(tmp_path, *cipher))
    with_script = make.pdf_script(b"(" + TEXT + b")")
    assert ("JavaScript of 1.js",) in paths(make.pdf_encrypted(tmp_path, *cipher, document=with_script))


@pytest.mark.parametrize("cipher", CIPHERS)
def test_pdf_with_a_password_is_incomplete_or_opened(cipher: tuple[str, ...], tmp_path: Path) -> None:
    data = make.pdf_encrypted(tmp_path, *cipher, password="infected")
    examination = examine(data)
    assert [gap.reason for gap in examination.gaps] == [Reason.ENCRYPTED]
    assert not examination.findings
    opened = examine(data, passwords=("wrong", "infected"))
    assert opened.findings
    assert not opened.gaps


def test_pdf_that_only_pretends_to_be_encrypted_is_decoded() -> None:
    document = make.pdf_attachment(zlib.compress(PAYLOAD), b"/Filter /FlateDecode")
    examination = examine(document + b"\n% /Encrypt << /V 5 /R 6 >>\n")
    assert any(finding.inside for finding in examination.findings)
    assert [gap.reason for gap in examination.gaps] == [Reason.ENCRYPTED]


def test_aes_examples_of_the_standards() -> None:
    """FIPS 197, appendix C, and SP 800-38A, F.2."""
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    for size, expected in (
        (16, "69c4e0d86a7b0430d8cdb78070b4c55a"),
        (32, "8ea2b7ca516745bfeafc49904b496089"),
    ):
        cipher = aes.encrypt_cbc(bytes(range(size)), bytes(16), block)
        assert cipher == bytes.fromhex(expected)
        assert aes.decrypt_cbc(bytes(range(size)), bytes(16), cipher) == block
    key, text = (
        bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"),
        bytes.fromhex("6bc1bee22e409f96e93d7e117393172a" * 3),
    )
    assert aes.decrypt_cbc(key, block, aes.encrypt_cbc(key, block, text) + b"rest") == text
    first = aes.encrypt_cbc(key, bytes(range(16)), text[:16])
    assert first == bytes.fromhex("7649abac8119b246cee98e9b12e9197d")


def test_unknown_pdf_filters_are_said() -> None:
    gaps = examine(make.pdf_attachment(b"x" * 20, b"/Filter /Homemade")).gaps
    assert [gap.reason for gap in gaps] == [Reason.UNSUPPORTED]


def test_pdf_streams_stop_at_the_exact_limit() -> None:
    data = make.pdf_attachment(zlib.compress(bytes(10_000_000)), b"/Filter /FlateDecode")
    examination = examine(data, Limits(max_member_bytes=1000))
    assert [(gap.reason, gap.inside) for gap in examination.gaps] == [(Reason.MEMBER_BYTES, ("invoice.bin",))]


# Pages and scripts


@pytest.mark.parametrize(
    "text",
    [
        b"$b = [Convert]::FromBase64String('%s')" % base64.b64encode(PAYLOAD),
        b"eval(atob('%s'))" % base64.b64encode(TEXT),
        b'<?php eval(base64_decode("%s"));' % base64.b64encode(TEXT)[:60],
        b"<?php eval(base64_decode(strrev('%s')));" % base64.b64encode(TEXT)[::-1],
        b"exec(bytes.fromhex('%s'))" % binascii.hexlify(TEXT),
        b"var x = '%s' + '%s';" % (base64.b64encode(PAYLOAD)[:100], base64.b64encode(PAYLOAD)[100:]),
        b's = "%s"\r\ns = s & "%s"' % (base64.b64encode(PAYLOAD)[:100], base64.b64encode(PAYLOAD)[100:]),
        b"unescape('%s')" % b"".join(b"%%%02x" % byte for byte in TEXT),
        b"&#x6f;".join([b"", b""]) + b"<a href='%s'>" % b"".join(b"&#%d;" % byte for byte in TEXT),
        b"iex (" + b"+".join(b"[char]%d" % byte for byte in TEXT) + b")",
        b"<?php " + b".".join(b"chr(%d)" % byte for byte in TEXT) + b";",
        b"IO.Compression.DeflateStream([IO.MemoryStream][Convert]::FromBase64String('%s'))"
        % base64.b64encode(zlib.compress(PAYLOAD)[2:-4]),
        b"<script>document.write('x')</script><img src=\"DATA:image/png;base64,%s\">"
        % base64.b64encode(PAYLOAD),
        b"x = 'data:text/html,%s'" % b"".join(b"%%%02X" % byte for byte in TEXT),
    ],
)
def test_layers_of_scripts(text: bytes) -> None:
    assert any(inside for inside in paths(text))


def test_program_bytes_in_arrays() -> None:
    program = b"MZ" + bytes(60) + PAYLOAD[:64]
    sharp = b"byte[] b = {" + b", ".join(b"0x%02x" % byte for byte in program) + b"};"
    basic = b"b = Array(" + b", ".join(b"%d" % byte for byte in program) + b")"
    for text in (sharp, basic):
        assert program in contents(text)


@pytest.mark.parametrize(
    "text",
    [
        b"d41d8cd98f00b204e9800998ecf8427e  usr/share/doc/overt/copyright\n" * 50,
        b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n" * 50,
        b"/" * 300 + b"\n// base64 decode(hex)\n",
        b"usr/share/doc/some/very/long/path/that/only/has/letters/of/the/alphabet/in/it/and/goes/on\n" * 9,
        b"x = '%41' % y; z = \"\\x41\\x42\"; chr(65); String.fromCharCode(65)\n",
        b"from base64 import b64decode\nraw = b64decode(text)\n",
    ],
)
def test_ordinary_text_has_no_layers(text: bytes) -> None:
    assert not script.sniff(text)


# Hostile input


MEGABYTE = 1 << 20
PATHOLOGICAL: dict[str, bytes] = {
    "mail boundaries": b"From: a@b\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n"
    + b"--B\n" * 260_000,
    "mail fields": b"From: a@b\nMIME-Version: 1.0\n" + b"Content-Type: text/plain;;;;;;;;;;\n" * 30_000,
    "mail folded field": b"From: a@b\nMIME-Version: 1.0\nContent-Type: a/b;" + b"\n a=b;" * 170_000,
    "mail nesting": b"From: a@b\nMIME-Version: 1.0\n"
    + b"".join(b"Content-Type: multipart/x; boundary=%d\n\n--%d\n" % (n, n) for n in range(20_000)),
    "mailbox": b"From a 2008\nA: b\n\n" * 20_000,
    "uuencode begins": b"begin 644 x\n#86)C\n" * 58_000,
    "binhex": b"(This file must be converted with BinHex 4.0)\n:" + b"!" * MEGABYTE,
    "binhex banners": b"(This file must be converted with BinHex 4.0)\n:" * 20_000,
    "rtf objects": b"{\\rtf1" + b"\\objdata " * 110_000,
    "rtf groups": b"{\\rtf1\\objdata " + b"{a" * 500_000,
    "rtf words": b"{\\rtf1\\objdata " + b"\\a1 " * 260_000,
    "pdf streams": b"%PDF-1.4\n" + b"obj<<>>stream\n" * 75_000,
    "pdf words": b"%PDF-1.4\nobj<<" + b"stream\n" * 150_000,
    "pdf strings": b"%PDF-1.4\n" + b"/JS(" * 260_000,
    "pdf files": b"%PDF-1.4\n" + b"/EF<</F 1 0 R " * 70_000,
    "pdf filters": b"%PDF-1.4\n" + b"1 0 obj<</Filter 1 0 R>>stream\nxxxxxxxxxxxx\nendstream\n" * 18_000,
    "pdf encryption": b"%PDF-1.4\n"
    + b"1 0 obj<</V 5/R 6/U(%s)/UE(%s)>> /Encrypt 1 0 R " % (b"u" * 48, b"e" * 32) * 7_000,
    "html scripts": b"<html><script>" * 75_000,
    "data uris": b"data:," * 170_000,
    "data uri blanks": b"data:a;base64," + b"A" * 20 + (b" " * 70 + b"A" * 20) * 11_000,
    "base64 runs": b"base64 " + (b"A1b2" * 11 + b" ") * 23_000,
    "hex escapes": b"\\x41\\x42 " * 116_000,
    "calls": b"base64_decode(" * 74_000,
    "commands": b"powershell -enc " * 65_000,
    "percent": b"%41" * 350_000,
    "character codes": b"fromCharCode(1" + b",1" * 500_000,
    "rot13": b"str_rot13('" * 95_000,
    "onenote": make.onenote()[:1024] + bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac") * 65_000,
    "tnef": b"\x78\x9f\x3e\x22\x01\x00" + b"\x01\x03\x90\x06\x00\x00\x00\x00\x00\x00\x00" * 95_000,
}


@pytest.mark.parametrize("name", sorted(PATHOLOGICAL))
def test_a_hostile_megabyte_costs_seconds_at_most(name: str) -> None:
    """Processor time, so that a busy machine does not matter; what is quadratic takes minutes here."""
    engine = examiner()
    begin = time.process_time()
    engine.examine(PATHOLOGICAL[name])
    assert time.process_time() - begin < 5


def _encrypted() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return make.pdf_encrypted(Path(folder), "128", "--use-aes=y")


SEEDS: dict[str, Callable[[], bytes]] = {
    "mail": lambda: make_mail.nested(),
    "uuencode": lambda: make_mail.uuencoded(),
    "binhex": lambda: make_mail.binhex(),
    "tnef": lambda: make_mail.tnef(),
    "outlook": lambda: make_mail.outlook(),
    "macros": lambda: make.word(make.vba_project("Macros/")),
    "presentation": lambda: make.presentation(),
    "workbook": lambda: make.workbook(),
    "bent compound": lambda: bent_header(make.word(make.vba_project("Macros/"))),
    "encrypted package": lambda: agile(PAYLOAD, "VelvetSweatshop"),
    "rtf": lambda: make.rtf(bent=True),
    "onenote": lambda: make.onenote(),
    "shortcut": lambda: make.shortcut(appended=PAYLOAD),
    "pdf": lambda: make.pdf_attachment(zlib.compress(PAYLOAD), b"/Filter /FlateDecode"),
    "pdf script": lambda: make.pdf_script(b"(" + TEXT + b")"),
    "pdf encrypted": lambda: _encrypted(),
    "page": lambda: make.page() + make.data_uri(),
    "script": lambda: make.php() + make.python() + make.char_codes() + make.encoded_command(),
}


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """`seed` with bytes changed, pieces cut, repeated or moved."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 8)):
        at, size = chance.randrange(len(data) + 1), chance.choice((1, 1, 2, 4, 30, 300))
        action = chance.randrange(5)
        if action == 0:
            data[at : at + size] = chance.randbytes(size)
        elif action == 1:
            del data[at : at + size]
        elif action == 2:
            data[at:at] = data[at : at + size] * chance.randint(1, 9)
        elif action == 3:
            data[at : at + size] = chance.choice((b"\0", b"\xff", b"\x7f\xff\xff\xff", b"(", b"9" * 9)) * size
        else:
            data[at:at] = data[chance.randrange(len(data) + 1) :][:size]
    return bytes(data)


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_every_mutation_gets_an_examination(name: str) -> None:
    count = int(os.environ.get("OVERT_FUZZ", "300")) // len(SEEDS) + 1
    chance = random.Random(f"documents {name}")
    seed, engine = SEEDS[name](), examiner()
    for number in range(count):
        data = mutated(seed, chance)
        begin = time.process_time()
        examination = engine.examine(data)
        assert time.process_time() - begin < 5, number
        assert examination.bytes_examined == len(data)


@pytest.mark.parametrize("lead", [b"\0\n", b"\0" * 5000 + b"\n"])
def test_encoded_files_are_found_behind_bytes_that_are_no_text(lead: bytes) -> None:
    """`uudecode` and BinHex readers skip whatever comes before."""
    for encoded in (make_mail.uuencoded(), make_mail.uuencoded("-m"), make_mail.FIXTURES["binhex"](Path())):
        examination = examine(lead + encoded)
        assert any(finding.inside for finding in examination.findings)
