"""Archives read whole: every method and cipher, what they hide, what is damaged, and exact limits."""

from __future__ import annotations

import gzip
import lzma
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.core.limits import Limits
from overt.core.model import Examination, Reason, Verdict
from overt.engine.unpack import cab, sevenz
from overt.engine.unpack.base import Budget, Room
from overt.engine.unpack.registry import identify
from tests.conftest import require
from tests.formats import archive_writers as write
from tests.formats.make_archives import MEMBER, PASSWORD, run, seven, tree
from tests.payload import PAYLOAD, examine

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CLAMAV = Path("/usr/share/clamav-testfiles")


def reasons(examination: Examination) -> set[Reason]:
    return {gap.reason for gap in examination.gaps}


def found_at(examination: Examination) -> set[tuple[str, ...]]:
    return {finding.inside for finding in examination.findings}


def zip_of(content: bytes, name: str = MEMBER) -> bytes:
    """A zip file with one stored entry."""
    return write.zip_of(name, 0, content, content)


# Methods and ciphers


@pytest.mark.parametrize("method", ["Copy", "Deflate", "Deflate64", "BZip2", "LZMA", "PPMd"])
def test_zip_methods(method: str, tmp_path: Path) -> None:
    examination = examine(seven(tmp_path, "-tzip", f"-mm={method}"))
    assert (MEMBER,) in found_at(examination)
    assert not examination.gaps


@pytest.mark.parametrize(("method", "compress"), [(93, zstd.compress), (95, lzma.compress)])
def test_zip_methods_of_later_years(method: int, compress: Callable[[bytes], bytes]) -> None:
    examination = examine(write.zip_of(MEMBER, method, compress(PAYLOAD), PAYLOAD))
    assert (MEMBER,) in found_at(examination)
    assert not examination.gaps


@pytest.mark.parametrize("method", ["Copy", "LZMA", "LZMA2", "PPMd", "BZip2", "Deflate", "Deflate64"])
def test_7z_methods(method: str, tmp_path: Path) -> None:
    examination = examine(seven(tmp_path, f"-m0={method}"))
    assert (MEMBER,) in found_at(examination)
    assert not examination.gaps


CIPHERS = {
    "ZipCrypto": ("-tzip", "-mem=ZipCrypto"),
    "AES-128": ("-tzip", "-mem=AES128"),
    "AES-256": ("-tzip", "-mem=AES256"),
    "stored AES-256": ("-tzip", "-mm=Copy", "-mem=AES256"),
    "7z": (),
    "7z, not solid": ("-ms=off",),
}


@pytest.mark.parametrize("cipher", CIPHERS)
def test_encrypted_members_need_a_password(cipher: str, tmp_path: Path) -> None:
    data = seven(tmp_path, f"-p{PASSWORD}", *CIPHERS[cipher])
    for passwords in ((), ("wrong", "also wrong")):
        examination = examine(data, passwords=passwords)
        assert examination.verdict is Verdict.INCOMPLETE
        assert {gap.inside for gap in examination.gaps} == {(MEMBER,), ("folder/text.txt",)}
        assert reasons(examination) == {Reason.ENCRYPTED}
    examination = examine(data, passwords=("wrong", PASSWORD, "also wrong"))
    assert found_at(examination) == {(MEMBER,)}
    assert not examination.gaps


def test_encrypted_headers(tmp_path: Path) -> None:
    data = seven(tmp_path, f"-p{PASSWORD}", "-mhe=on")
    assert reasons(examine(data, passwords=("wrong",))) == {Reason.ENCRYPTED}
    examination = examine(data, passwords=("wrong", PASSWORD))
    assert found_at(examination) == {(MEMBER,)}
    assert not examination.gaps


def test_a_mark_of_encryption_hides_nothing() -> None:
    assert found_at(examine(write.zip_of(MEMBER, 0, PAYLOAD, PAYLOAD, flags=1))) == {(), (MEMBER,)}


@pytest.mark.parametrize(
    "name",
    [
        "clam.7z",
        "clam.arj",
        "clam.cab",
        "clam.chm",
        "clam.zip",
        "clam.impl.zip",
        "clam.exe.szdd",
        "clam-nsis.exe",
    ],
)
def test_the_program_in_clamav_test_files(name: str) -> None:
    """Formats and methods (implode, LZX) that no free tool writes."""
    require(CLAMAV.is_dir(), "the package clamav-testfiles")
    program = (CLAMAV / "clam.exe").read_bytes()
    data = (CLAMAV / name).read_bytes()
    contents = []
    for form in identify(data):
        if form.unpack and form.name not in ("pe", "data"):
            contents += [child.data for child in form.unpack(data, Room(Budget(Limits(), len(data))))]
    assert program in contents


# What is hidden, contradicted or repeated


def test_data_before_a_zip_file() -> None:
    assert (MEMBER,) in found_at(examine(b"GIF89a" + bytes(5000) + zip_of(PAYLOAD)))


def test_the_first_of_two_joined_zip_files() -> None:
    examination = examine(_deflated(PAYLOAD) + zip_of(b"nothing", "other"))
    assert found_at(examination) == {(MEMBER,)}
    assert not examination.gaps


def test_entries_without_a_central_directory() -> None:
    local, _ = write.zip_entry(b"a", 8, _raw(PAYLOAD), PAYLOAD)
    examination = examine(local)
    assert found_at(examination) == {("a",)}
    assert reasons(examination) == {Reason.DAMAGED}


@pytest.mark.parametrize("header", [b"PK\x01\x02", b"PK\x03\x04"])
def test_headers_that_contradict_each_other(header: bytes) -> None:
    data = bytearray(_deflated(PAYLOAD))
    method_at = data.index(header) + (10 if header == b"PK\x01\x02" else 8)
    data[method_at] = 0
    examination = examine(bytes(data))
    assert found_at(examination) == {(MEMBER,)}
    assert reasons(examination) == {Reason.DAMAGED}


@pytest.mark.parametrize("archive", [zip_of(b"x"), write.rar5({"x": b"x"}), write.rar4("x", b"x")])
def test_data_after_the_end(archive: bytes) -> None:
    examination = examine(archive + bytes(100) + gzip.compress(PAYLOAD))
    assert found_at(examination) == {("[data after the end]", "content")}


def test_equal_names_in_one_decoding(tmp_path: Path) -> None:
    (tmp_path / "same.exe").write_bytes(PAYLOAD)
    (tmp_path / "same.exf").write_bytes(b"the same name")
    data = run(tmp_path, "gcab", "-cz", "made", "same.exe", "same.exf").replace(b"same.exf", b"same.exe")
    room = Room(Budget(Limits(), len(data)))
    children = list(cab.FORMATS[0].unpack(data, room))  # type: ignore[misc]
    assert [child.data for child in children] == [PAYLOAD, b"the same name"]
    assert not room.budget.gaps


@pytest.mark.parametrize("options", [(), (f"-p{PASSWORD}",)])
def test_solid_archives_are_decoded_once(options: tuple[str, ...], tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number}").write_bytes(bytes([number]) * 10_000)
    data = run(tmp_path, "7z", "a", "-bso0", *options, "made.7z", *map(str, range(50)), read="made.7z")
    room = Room(Budget(Limits(), len(data)), passwords=(PASSWORD,))
    children = list(sevenz.FORMATS[0].unpack(data, room))  # type: ignore[misc]
    assert len(children) == 50
    assert (room.budget.unpacked_bytes, room.budget.discarded_bytes) == (500_000, 0)


# Damage and missing volumes


def test_a_damaged_member_does_not_hide_the_others() -> None:
    data = bytearray(write.rar5({"first": b"A" * 500, MEMBER: PAYLOAD}))
    data[100] ^= 1
    examination = examine(bytes(data))
    assert (MEMBER,) in found_at(examination)
    assert [(gap.reason, gap.inside) for gap in examination.gaps] == [(Reason.DAMAGED, ("first",))]


def test_a_wrong_checksum_is_a_gap_and_the_content_is_examined() -> None:
    data = bytearray(_deflated(PAYLOAD))
    for header, at in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        data[data.index(header) + at] ^= 1
    examination = examine(bytes(data))
    assert found_at(examination) == {(MEMBER,)}
    assert reasons(examination) == {Reason.DAMAGED}


def test_an_unknown_method() -> None:
    examination = examine(write.zip_of("x", 77, b"harmless", b"harmless"))
    assert [(gap.reason, gap.inside) for gap in examination.gaps] == [(Reason.UNSUPPORTED, ("x",))]


def test_volumes_that_are_missing(tmp_path: Path) -> None:
    root = tree(tmp_path)
    first = run(root, "7z", "a", "-bso0", "-v200b", "../made.7z", ".", read="../made.7z.001")
    assert examine(first).verdict is Verdict.INCOMPLETE
    for split in (1, 2):
        examination = examine(write.rar4(MEMBER, PAYLOAD, flags=split))
        assert reasons(examination) == {Reason.UNSUPPORTED}
    data = bytearray(zip_of(b"harmless", "x"))
    data[data.index(b"PK\x01\x02") + 34] = 1
    assert reasons(examine(bytes(data))) == {Reason.UNSUPPORTED}


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_archives_cut_short_leave_a_gap(keep: float, tmp_path: Path) -> None:
    text = b"x" * 999
    archives = [write.rar5({"x": text}), write.lzh("x", text), write.xar("x", text), _deflated(text)]
    for data in (seven(tmp_path), *archives):
        assert examine(data[: int(len(data) * keep)]).gaps


# Exact limits


def test_member_bytes_to_the_byte(tmp_path: Path) -> None:
    size = len(PAYLOAD)
    for data in (_deflated(PAYLOAD), zip_of(PAYLOAD), seven(tmp_path), write.rar5({"x": PAYLOAD})):
        text = 1500
        assert not examine(data, Limits(max_member_bytes=max(size, text))).gaps
        examination = examine(data, Limits(max_member_bytes=size - 1))
        assert Reason.MEMBER_BYTES in reasons(examination)


@pytest.mark.parametrize(
    "compress", [lambda data: write.zip_of("x", 0, data, data), lambda data: _deflated(data)]
)
def test_unpacked_bytes_to_the_byte(compress: Callable[[bytes], bytes]) -> None:
    data = compress(bytes(3_000_000))
    whole = examine(data, Limits(max_unpacked_bytes=3_000_000))
    assert (whole.bytes_unpacked, whole.verdict) == (3_000_000, Verdict.CLEAN)
    cut = examine(data, Limits(max_unpacked_bytes=2_999_999))
    assert (cut.bytes_unpacked, reasons(cut)) == (2_999_999, {Reason.UNPACKED_BYTES})


def test_sizes_that_lie_gain_nothing() -> None:
    """A header that claims 10 bytes for 3 million, and one that claims 4 GB for 10."""
    small = bytearray(_deflated(bytes(3_000_000), size=10))
    examination = examine(bytes(small), Limits(max_unpacked_bytes=1_000_000))
    assert (examination.bytes_unpacked, reasons(examination)) == (1_000_000, {Reason.UNPACKED_BYTES})
    large = _deflated(PAYLOAD, size=0xFFFF_FFFE)
    assert found_at(examine(large, Limits(max_unpacked_bytes=2_000))) == {(MEMBER,)}


def test_entries_to_the_entry() -> None:
    data = write.rar5({f"{number}": b"x" for number in range(10)})
    assert not examine(data, Limits(max_entries=10)).gaps
    examination = examine(data, Limits(max_entries=9))
    assert reasons(examination) == {Reason.ENTRIES}


def test_depth_to_the_level() -> None:
    data = PAYLOAD
    for _ in range(5):
        data = _deflated(data)
    assert examine(data, Limits(max_depth=5)).verdict is Verdict.INFECTED
    examination = examine(data, Limits(max_depth=4))
    assert (examination.verdict, reasons(examination)) == (Verdict.INCOMPLETE, {Reason.DEPTH})


def test_ratio_is_looked_at_past_its_floor() -> None:
    data = _deflated(bytes(70 << 20))
    assert not examine(data, Limits(max_ratio=10_000)).gaps
    examination = examine(data, Limits(max_ratio=10))
    assert (examination.bytes_unpacked, reasons(examination)) == (64 << 20, {Reason.RATIO})


def test_a_finding_before_the_limit_stays() -> None:
    first, central = write.zip_entry(b"first", 0, PAYLOAD, PAYLOAD)
    second, other = write.zip_entry(b"second", 8, _raw(bytes(90_000)), bytes(90_000), offset=len(first))
    examination = examine(
        write.zip_file(first + second, central + other, 2), Limits(max_unpacked_bytes=9_000)
    )
    assert examination.verdict is Verdict.INFECTED
    assert ("first",) in found_at(examination)
    assert reasons(examination) == {Reason.UNPACKED_BYTES}


def _raw(content: bytes) -> bytes:
    return write.deflate(content)


def _deflated(content: bytes, size: int | None = None) -> bytes:
    """A zip file with one deflated entry, whose headers claim `size` bytes."""
    data = bytearray(write.zip_of(MEMBER, 8, _raw(content), content))
    if size is not None:
        for header, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
            start = data.index(header) + at
            data[start : start + 4] = size.to_bytes(4, "little")
    return bytes(data)
