"""ClamAV's signatures match what ClamAV matches; what can't be said is reported with its reason."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.rules.imports.clamav_logic import Subsignature, condition
from overt.rules.imports.clamav_pattern import NotCarried, yara_string
from tests.conftest import require
from tests.rules.executables import elf, pe
from tests.rules.intake import Imported

NDB = {
    "Plain": "0:*:6e6565646c65",
    "AtFour": "0:4:6e6565646c65",
    "Floating": "0:2,4:6e6565646c65",
    "AtEnd": "0:EOF-6:6e6565646c65",
    "FloatingAtEnd": "0:EOF-10,4:6e6565646c65",
    "AnyByte": "0:*:6e65??646c65",
    "HighNibble": "0:*:6e65?5646c65",
    "LowNibble": "0:*:6e656?646c65",
    "Gap": "0:*:6e6565{2}646c65",
    "GapRange": "0:*:6e6565{1-3}646c65",
    "GapUpTo": "0:*:6e6565{-2}646c65",
    "GapFrom": "0:*:6e6565{2-}646c65",
    "Star": "0:*:6e6565*646c65",
    "Choice": "0:*:6e65(65|66|67)646c65",
    "LongChoice": "0:*:6e65(6565|6666)646c65",
    "NotByte": "0:*:6e65!(65)646c65",
    "NotBytes": "0:*:6e65!(65|66)646c65",
    "Near": "0:*:6e[1-3]6565646c65",
    "Pe": "1:*:6e6565646c65",
    "PeEntry": "1:EP+2:6e6565646c65",
    "PeSection": "1:S0+2:6e6565646c65",
    "PeLast": "1:SL+2:6e6565646c65",
    "PeWhole": "1:SE0:6e6565646c65",
    "Elf": "6:*:6e6565646c65",
    "ElfEntry": "6:EP+2:6e6565646c65",
}
LDB = {
    "And": "0&1;6e6565646c65;7468726561643a",
    "Or": "0|1;6e6565646c65;7468726561643a",
    "Grouped": "(0|1)&2;6e6565646c65;7468726561643a;656e64696e67",
    "Twice": "0=2;6e6565646c65",
    "More": "0>1;6e6565646c65",
    "Fewer": "0<3&0>0;6e6565646c65",
    "Never": "1&0=0;6e6565646c65;7468726561643a",
    "BlockMore": "(0|1)>2;6e6565646c65;7468726561643a",
    "BlockDifferent": "(0|1)>1,2;6e6565646c65;7468726561643a",
    "NoCase": "0;6e6565646c65::i",
    "Wide": "0;6e6565646c65::w",
    "WideAscii": "0;6e6565646c65::wa",
    "NoCaseWild": "0;6e65??646c65::i",
    "Offset": "0;4:6e6565646c65",
}
BODIES = (
    b"needle", b"xxxxneedle", b"xxneedle--", b"----------needle", b"needle needle", b"needle needle needle",
    b"NEEDLE!!", b"nefdle", b"ne\xf5dle", b"nexdle", b"nee..dle", b"nee.dle", b"nee....dle", b"needleneeffdle",
    b"neeedle",
    b"neffdle", b"n.eedle", b"n...eedle", b"n....eedle", b"thread:", b"needle thread:", b"thread: thread: needle",
    b"needle ending", b"n\0e\0e\0d\0l\0e\0", b"NeXdLe", b"nothing at all", b"needle thread: ending", b"thread: ending",
)  # fmt: skip
FILES = (
    *(body + b"\n" if index % 2 else body for index, body in enumerate(BODIES)),
    pe(b"..needle".ljust(512, b"\x90")),
    pe(b"needle".ljust(512, b"\x90")),
    pe(b"\x90" * 506 + b"needle"),
    pe(),
    elf(b"..needle".ljust(64, b"\x90")),
    elf(b"needle".ljust(64, b"\x90")),
)


def test_the_same_files_match_as_with_clamav(tmp_path: Path) -> None:
    require(shutil.which("clamscan") is not None, "clamscan")
    signatures = tmp_path / "signatures"
    files = tmp_path / "files"
    signatures.mkdir()
    files.mkdir()
    ndb = "".join(f"{name}:{rest}\n" for name, rest in NDB.items())
    ldb = "".join(f"{name};Engine:51-255,Target:0;{rest}\n" for name, rest in LDB.items())
    (signatures / "t.ndb").write_text(ndb)
    (signatures / "t.ldb").write_text(ldb)
    for number, data in enumerate(FILES):
        (files / str(number)).write_bytes(data)
    theirs = _clamscan(signatures, files)
    imported = [Imported("t.ndb", ndb.encode()), Imported("t.ldb", ldb.encode())]
    assert not [problem for each in imported for problem in each.problems]
    ours = {
        (str(number), name)
        for number, data in enumerate(FILES)
        for each in imported
        for name in each.names(data)
    }
    assert ours == theirs


def _clamscan(signatures: Path, files: Path) -> set[tuple[str, str]]:
    command = [
        "clamscan",
        "-d",
        str(signatures),
        "--allmatch",
        "--normalize=no",
        "--no-summary",
        "-r",
        str(files),
    ]
    output = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    return set(re.findall(r"/(\d+): (\w+)\.UNOFFICIAL FOUND", output))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Vi:1:VI:6e6565646c65", "offset VI"),
        ("Mac:13:*:6e6565646c65", "target type 13"),
        ("Word:0:*:(B)6e6565646c65", "boundary marker (B)"),
        ("Half:0:*:6e6565646c6", "malformed pattern"),
        ("Vague:0:*:6e??65??64", "fewer than 2 known bytes in a row"),
        ("Short:0", "malformed line"),
    ],
)
def test_what_yara_cannot_say_is_reported(line: str, reason: str) -> None:
    imported = Imported("some.ndb", f"# comment\n{line}\nFine:0:*:6e6565646c65\n".encode())
    (problem,) = imported.problems
    assert problem.startswith(f"some.ndb:2: {line.split(':')[0]}: {reason}")
    assert imported.names(b"needle") == {"Fine"}


@pytest.mark.parametrize(
    "line",
    [
        "Bytes;Engine:81-255,Target:1;0&1;6e65;0(>>26#ib2#>512)",
        "Icon;Engine:51-255,Target:1,IconGroup1:x;0;6e6565646c65",
        "Index;Target:0;0&3;6e6565646c65",
        "Open;Target:0;(0&0;6e6565646c65",
        "Flag;Target:0;1;6e6565646c65;0/nee(?=dle)/",
    ],
)
def test_logical_signatures_that_cannot_be_said_are_reported(line: str) -> None:
    imported = Imported("some.ldb", line.encode())
    assert len(imported.problems) == 1 and line.split(";")[0] in imported.problems[0]


def test_regular_expressions_with_their_trigger() -> None:
    imported = Imported("some.ldb", b"Re;Target:0;1;6e6565646c65;0/thr[a-z]+d\\//i")
    assert imported.names(b"needle THREAD/") == {"Re"}
    assert not imported.names(b"THREAD/") and not imported.names(b"needle thread")


def test_hashes_of_files_and_of_sections() -> None:
    body = b"\x90" * 512
    text = f"{hashlib.md5(b'known').hexdigest()}:5:Known\n{hashlib.sha256(b'any').hexdigest()}:*:AnySize:73\nbad:1:B\n"
    files = Imported("x.hsb", text.encode())
    assert files.names(b"known") == {"Known"} and files.names(b"any") == {"AnySize"}
    assert files.problems == ["x.hsb:3: malformed line"]
    sections = Imported("x.mdb", f"512:{hashlib.md5(body).hexdigest()}:Section\n".encode())
    assert sections.names(pe(body)) == {"Section"} and not sections.names(body)


def container(members: dict[str, bytes], checksum: str = "") -> bytes:
    """A `.cvd` of these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    body = buffer.getvalue()
    checksum = checksum or hashlib.md5(body).hexdigest()
    return (
        f"ClamAV-VDB:01 Jan 2026 00-00 +0000:7:2:90:{checksum}:sig:builder:1767225600".encode().ljust(512)
        + body
    )


def test_a_container_is_read_and_what_it_holds_besides_is_counted() -> None:
    members = {"a.ndb": b"A:0:*:6e6565646c65\n", "a.cdb": b"x\ny\n", "COPYING": b"l\n"}
    imported = Imported("daily.cvd", container(members))
    assert imported.names(b"needle") == {"A"}
    assert any("2 lines of .cdb" in problem for problem in imported.problems)
    assert any("signature was not checked" in fact for fact in imported.intake.notes)


@pytest.mark.parametrize(
    "data", [container({}, "0" * 32), container({"a.ndb": b"x"})[:-9], b"ClamAV-VDB", b""]
)
def test_a_damaged_container_is_a_problem(data: bytes) -> None:
    imported = Imported("daily.cvd", data)
    assert len(imported.problems) == 1 and "daily.cvd" in imported.problems[0]


@given(st.text(alphabet="0123456789abcdef?*{}[]()|!-BLW", max_size=40), st.text(alphabet="iwfa", max_size=3))
def test_no_pattern_makes_it_fail(pattern: str, modifiers: str) -> None:
    try:
        yara_string(pattern, modifiers)
    except NotCarried as error:
        assert str(error)


@given(st.text(alphabet="0123()&|=<>,", max_size=40))
def test_no_expression_makes_it_fail(expression: str) -> None:
    try:
        assert condition(expression, [Subsignature("$a", "#a"), Subsignature("$b", None)])
    except NotCarried as error:
        assert str(error)
