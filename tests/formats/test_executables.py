"""Programs that carry something: where it lies, exact limits, damage, emulation's bounds, mutations."""

from __future__ import annotations

import gzip
import os
import random
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import pytest

from overt.core.errors import Damaged
from overt.core.limits import Limits
from overt.core.model import Examination, Reason, Verdict
from overt.engine.exe import elf_end, read_pe
from overt.engine.nrv import decompress
from overt.engine.unpack import carve, sevenzip, upx
from overt.engine.unpack import packed as packed_format
from overt.engine.unpack.autoit import EA05, EA06, Variant
from overt.engine.unpack.base import Budget, Room
from overt.engine.unpack.packed import UNPACKED, looks_packed
from overt.engine.unpack.registry import identify
from overt.engine.x86.machine import ESP, Machine
from overt.engine.x86.run import Run
from tests.conftest import require
from tests.formats import archive_writers as write
from tests.formats.make_executables import (
    BASE,
    CODE,
    DATA,
    FIXTURES,
    PAGE,
    autoit,
    cabinet,
    certificate,
    packed,
    pe,
    resource,
    upx_elf,
)
from tests.formats.nrv_writer import NrvWriter
from tests.payload import PAYLOAD, examine

FUZZ = int(os.environ.get("OVERT_FUZZ", "300"))


def reasons(examination: Examination) -> set[Reason]:
    return {gap.reason for gap in examination.gaps}


def zipped(content: bytes = PAYLOAD) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("payload.bin", content)
    return buffer.getvalue()


def test_what_a_finding_calls_each_place() -> None:
    plain = pe([(b".text", b"\xc3", CODE)])
    assert examine(plain + gzip.compress(PAYLOAD)).findings[0].inside == ("[overlay]", "content")
    assert examine(resource(gzip.compress(PAYLOAD))).findings[0].inside == ("[resource 10/1/1033]", "content")
    behind = examine(plain + b"settings;" + zipped())
    assert ("[overlay]", "[archive at 9]", "payload.bin") in {f.inside for f in behind.findings} or (
        "[archive at 9]",
        "payload.bin",
    ) in {f.inside for f in behind.findings}


def test_a_certificate_is_no_overlay() -> None:
    signed = certificate()
    assert examine(signed).entries == 0
    assert examine(certificate(gzip.compress(PAYLOAD))).verdict is Verdict.INFECTED
    after = examine(signed + gzip.compress(PAYLOAD))
    assert after.findings[0].inside == ("[overlay]", "content")


def test_a_program_inside_a_program_is_cut_out_exactly() -> None:
    inner = pe([(b".text", b"\xc3" + PAYLOAD, CODE)])
    outer = pe([(b".text", b"\xc3", CODE), (b".data", b"filler" + inner + b"more", 0xC000_0040)])
    found = {finding.inside: finding.sha256 for finding in examine(outer).findings}
    import_hash = examine(inner).findings[0].sha256
    assert found[(f"[program at {outer.index(inner)}]",)] == import_hash


def test_signatures_of_archives_in_code_are_no_damaged_archives() -> None:
    code = (
        b"7z\xbc\xaf\x27\x1cRar!\x1a\x07\x00PK\x03\x04MSCF\0\0\0\0\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + b"\x90" * 99
    )
    examination = examine(pe([(b".text", b"\xc3", CODE)]) + b"text " + code)
    assert examination.verdict is Verdict.CLEAN
    assert not examine(packed(Path(), code)).gaps


def test_setup_programs_that_cannot_be_read_are_reported() -> None:
    examination = examine(pe([(b".text", b"\xc3", CODE)]) + b"zlb\x1a" + bytes(range(200)))
    assert reasons(examination) == {Reason.UNSUPPORTED}
    assert "Inno Setup" in examination.gaps[0].detail


def test_ordinary_linux_programs_have_no_overlay() -> None:
    for name in ("/bin/sh", "/usr/bin/env", "/bin/ls"):
        data = Path(name).read_bytes()
        assert elf_end(data) == len(data)
        examination = examine(data)
        assert examination.kind == "elf" and examination.entries == 0 and not examination.gaps


def test_scripts_without_an_archive_are_not_carriers() -> None:
    assert identify(b"#!/bin/sh\necho hello\n" * 50) == ()


@pytest.mark.parametrize("size", [0, 1])
def test_limits_of_an_overlay_are_exact(size: int) -> None:
    data = pe([(b".text", b"\xc3", CODE)]) + b"x" * 5_000
    examination = examine(data, Limits(max_member_bytes=5_000 - size))
    assert reasons(examination) == ({Reason.MEMBER_BYTES} if size else set())
    assert examination.bytes_unpacked == 5_000 - size


def true() -> bytes:
    """A small Linux program."""
    return Path("/bin/true").read_bytes()


def seven(content: bytes) -> bytes:
    """An empty 7z archive with `content` where its streams would be: as small as a plausible one can be."""
    header = struct.pack("<QQI", len(content), 0, 0)
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(header)) + header + content


def test_the_archive_after_many_others_is_found() -> None:
    overlay = b"settings;" + seven(b"") * 64 + write.rar5({"payload.bin": PAYLOAD})
    assert examine(true() + overlay).verdict is Verdict.INFECTED
    assert examine(pe([(b".text", b"\xc3", CODE)]) + overlay).verdict is Verdict.INFECTED


@pytest.mark.parametrize("more", [0, 1])
def test_more_archives_than_are_carved_are_a_gap(more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carve, "MAX_CARVED", 3)
    examination = examine(true() + b"settings;" + seven(b"") * (3 + more))
    assert reasons(examination) == ({Reason.ENTRIES} if more else set())


@pytest.mark.parametrize("more", [0, 1])
def test_more_programs_than_are_carved_are_a_gap(more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carve, "MAX_CARVED", 3)
    inner = pe([(b".text", b"\xc3", CODE)])
    outer = pe([(b".text", b"\xc3", CODE), (b".data", b"filler" + inner * (3 + more), 0xC000_0040)])
    assert reasons(examine(outer)) == ({Reason.ENTRIES} if more else set())


def test_an_overlay_and_a_script_are_searched_to_their_end() -> None:
    junk = b"\x11" * (1 << 20)
    assert examine(true() + junk + zipped()).verdict is Verdict.INFECTED
    script = b"#!/bin/sh\n" + b"# nothing\n" * (1 << 17) + gzip.compress(PAYLOAD)
    assert examine(script).findings[0].inside == ("[after the script]", "content")


def test_tables_that_lie_about_the_end_hide_no_archive() -> None:
    assert read_pe(certificate()) is not None
    archive = b"settings;" + write.rar5({"payload.bin": PAYLOAD})
    longer = bytearray(true())
    (table,) = struct.unpack_from("<Q", longer, 32)
    struct.pack_into("<Q", longer, table + 32, 1 << 40)  # the size of the first segment
    assert examine(bytes(longer) + archive).verdict is Verdict.INFECTED
    plain = len(pe([(b".text", b"\xc3", CODE)]))
    table = b"\0" * 32 + struct.pack("<II", plain, len(archive))
    signed = pe([(b".text", b"\xc3", CODE)], directories=table) + archive
    assert examine(signed).verdict is Verdict.INFECTED


def test_a_million_false_starts_of_zips_take_no_time() -> None:
    start = b"PK\x03\x04\x14" + bytes(21) + b"\1\0\0\0x"
    assert not examine(true() + b"settings;" + start * 100_000).gaps


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (0x01, Reason.DAMAGED),
        (0x02, Reason.DAMAGED),
        (0x04, Reason.ENCRYPTED),
        (0x08, Reason.DAMAGED),
        (0x20, Reason.DAMAGED),
        (0x80, Reason.UNSUPPORTED),
        (0x100, Reason.UNSUPPORTED),
        (0x200, Reason.DAMAGED),
        (0x400, Reason.DAMAGED),
    ],
)
def test_what_7zip_says_of_the_whole_archive_is_a_gap(
    flags: int, reason: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sevenzip, "_error_flags", lambda _reader: flags)
    assert reasons(examine(write.rar5({"name": b"content"}))) == {reason}


def test_headers_encrypted_after_plain_ones_are_a_gap() -> None:
    plain = write.rar5({"name": b"content"})
    end = write.rar5({})[-8:]
    assert plain.endswith(end)
    encryption = write._rar5_block(write._vint(4, 0, 0, 0, 15) + bytes(16))
    examination = examine(plain[: -len(end)] + encryption + bytes(range(80)))
    assert reasons(examination) == {Reason.UNSUPPORTED}  # what 7-Zip says before a password is asked for


@pytest.mark.parametrize("variant", [EA05, EA06])
@pytest.mark.parametrize("compress", [True, False])
def test_autoit_limits_and_damage(variant: Variant, compress: bool) -> None:
    data = autoit(variant, compress=compress)
    assert examine(data).findings[0].inside == ("payload.bin",)
    limited = examine(data, Limits(max_member_bytes=len(PAYLOAD) - 1))
    assert reasons(limited) == {Reason.MEMBER_BYTES}
    cut = examine(data[:-200])
    assert Reason.DAMAGED in reasons(cut) and cut.verdict is Verdict.INFECTED


def test_cabinets_without_their_list_or_volume_are_reported() -> None:
    whole = cabinet()
    volume = whole[:16] + bytes(4) + whole[20:]
    assert reasons(examine(volume)) == {Reason.UNSUPPORTED}
    assert reasons(examine(whole[:0x5F0])) == {Reason.DAMAGED}
    assert reasons(examine(whole[:-50])) == {Reason.DAMAGED}


def test_a_packed_program_is_seen_unpacked() -> None:
    examination = examine(packed(Path()))
    assert [finding.inside for finding in examination.findings] == [(UNPACKED,)]
    archive = examine(packed(Path(), zipped()))
    assert archive.findings[0].inside[-1] == "payload.bin"


def test_upx_on_linux_gives_back_the_blocks_in_order() -> None:
    budget = Budget(Limits(), 1)
    form = next(form for form in identify(upx_elf()) if form.name == "upx elf")
    assert form.unpack is not None
    [child] = form.unpack(upx_elf(), Room(budget))
    assert child.data.startswith(Path("/bin/true").read_bytes()[:256] + b"\xe8\x34\x12\0\0\xc3")
    assert child.data.endswith(PAYLOAD + b"Q" * 99) and not budget.gaps


def first_block(data: bytes) -> int:
    return data.index(upx.MARK) + 8 + 12


def test_upx_blocks_after_its_own_code_are_decoded() -> None:
    whole = upx_elf()
    last = whole.rindex(struct.pack("<I", 99))
    budget = Budget(Limits(), 1)
    [child] = upx._elf(whole[:last] + b"\x90" * 401 + whole[last:], Room(budget))
    assert child.data.endswith(b"Q" * 99) and not budget.gaps


def test_damage_of_upx_on_linux_is_a_gap() -> None:
    whole = upx_elf()
    start, last = first_block(whole), whole.rindex(struct.pack("<I", 99))
    broken = {
        "cut at the end": whole[:-12],
        "cut in a block": whole[:-60],
        "the first block": whole[:start] + b"\xff" * 12 + whole[start + 12 :],
        "a method that is unknown": whole[: last + 8] + b"\x09" + whole[last + 9 :],
        "an early end": whole[:start] + bytes(4) + upx.MARK + whole[start:],
        "nothing": whole[: start + 4],
    }
    for name, data in broken.items():
        assert data != whole, name
        assert reasons(examine(data)) & {Reason.DAMAGED, Reason.UNSUPPORTED}, name


@pytest.mark.parametrize(("name", "value"), [("MAX_NRV_BYTES", 50), ("MAX_BLOCKS", 2)])
def test_bounds_of_upx_are_gaps(name: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upx, name, value)
    examination = examine(upx_elf())
    assert reasons(examination) == {Reason.UNSUPPORTED} and examination.verdict is Verdict.INFECTED


def test_emulation_that_is_cut_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_format, "MAX_INSTRUCTIONS", 50_000)
    examination = examine(pe([(b"a", b"\x40\xeb\xfd", DATA), (b"b", b"x", DATA)]))
    assert reasons(examination) == {Reason.UNSUPPORTED}
    assert "emulation stopped after" in examination.gaps[0].detail
    monkeypatch.setattr(packed_format, "MAX_INSTRUCTIONS", 0)
    assert reasons(examine(packed(Path()))) == {Reason.UNSUPPORTED}


def test_layers_of_packed_programs_past_the_bound_are_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_format, "MAX_LAYERS", 1)
    inside = packed(Path(), b"filler" + packed(Path()))
    assert Reason.UNSUPPORTED in reasons(examine(inside))
    monkeypatch.setattr(packed_format, "MAX_LAYERS", 2)
    assert examine(inside).verdict is Verdict.INFECTED


def test_a_windows_program_that_upx_packed_and_nobody_can_unpack_is_a_gap() -> None:
    ordinary = pe([(b".text", b"\xc3" + upx.MARK, CODE), (b".data", b"d", 0xC000_0040)])
    assert reasons(examine(ordinary)) == {Reason.UNSUPPORTED}


@pytest.mark.parametrize("variant", ["b", "d", "e"])
def test_nrv_copies_of_every_length(variant: str) -> None:
    writer, expected = NrvWriter(variant).literals(b"abcdefgh"), bytearray(b"abcdefgh")
    for length in range(2, 300):
        for offset in (3, 3, 8, 100 if len(expected) > 100 else 5):
            writer.copy(offset, length)
            for _ in range(length):
                expected.append(expected[-offset])
        writer.literals(b"!")
        expected += b"!"
    assert decompress(bytes(writer.out), variant, len(expected)) == expected
    assert decompress(bytes(writer.out), variant, 1000) == expected[:1000]
    with pytest.raises(Damaged):
        decompress(bytes(writer.out[:500]), variant, len(expected))


@pytest.mark.parametrize(("name", "method"), [("clam-upx.exe", "b"), ("clam.ea05.exe", "e")])
def test_upx_on_windows_is_what_the_program_itself_unpacks(name: str, method: str) -> None:
    folder = Path("/usr/share/clamav-testfiles")
    require(folder.is_dir(), "the package clamav-testfiles")
    data = (folder / name).read_bytes()
    headers = read_pe(data)
    assert headers is not None
    image = upx.unpacked_pe(data, headers)
    run = Run(data, headers)
    run.go(8_000_000)
    start, size = headers.sections[0].address, headers.sections[0].memory_size
    assert image is not None
    pairs = zip(image[start : start + size], run.image()[start : start + size])
    assert sum(one != other for one, other in pairs) < 64  # what the started program has written itself
    assert upx.NRV[data[data.find(upx.MARK) + 6]] == method


def test_compilers_do_not_make_packed_programs() -> None:
    plain = read_pe(pe([(b".text", b"\xc3", CODE), (b".data", b"d", 0xC000_0040)]))
    assert plain is not None and not looks_packed(plain)


def test_emulation_is_bounded_for_one_file_however_many_programs_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packed_format, "MAX_INSTRUCTIONS", 200_000)
    endless = pe([(b"a", b"\x40\xeb\xfd", DATA), (b"b", b"x", DATA)])
    budget = Budget(Limits(), len(endless))
    for _ in range(200):
        assert list(packed_format.unpack(endless, Room(budget))) == []
    assert 200_000 <= budget.emulated < 450_000


def machine(code: bytes, **registers: int) -> Machine:
    """Run `code` to its final `ret` (which leaves the program) and return the machine."""
    data = pe([(b"code", code, DATA)])
    headers = read_pe(data)
    assert headers is not None
    run = Run(data, headers)
    for name, value in registers.items():
        run.machine.regs[("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi").index(name)] = value
    run.go(100_000)
    return run.machine


@pytest.mark.parametrize(
    ("code", "eax"),
    [
        ("b878563412 0fc8 c3", 0x78563412),  # bswap
        ("b8ffffffff 83c001 19c0 c3", 0xFFFFFFFF),  # add sets the carry, sbb spreads it
        ("b801000000 c1e81f 13c0 c3", 0),
        ("b805000000 6bc0fd c3", 0xFFFFFFF1),  # imul by -3
        ("b807000000 99 b902000000 f7f9 c3", 3),  # idiv
        ("b8f9ffffff 99 b902000000 f7f9 c3", 0xFFFFFFFD),  # idiv rounds towards zero
        ("b880000000 d0c0 0fb6c0 c3", 1),  # rol al, 1
        ("b801000000 d1d8 d1d8 c3", 0x80000000),  # rcr through the carry
        ("66b8ff7f 6640 0f90c0 0fb6c0 c3", 1),  # inc ax overflows: seto
        ("31c0 b90a000000 01c8 e2fc c3", 55),  # loop
        ("b8785634 12 660fa4c008 c3", 0x12347856),  # shld ax, ax, 8
        ("31c0 40 90 68 00000000 58 c3", 0),
        ("b8000000ff 0fbdc0 c3", 31),  # bsr
        ("9c 58 83e000 c3", 0),
    ],
)
def test_instructions_do_what_the_processor_does(code: str, eax: int) -> None:
    assert machine(bytes.fromhex(code.replace(" ", ""))).regs[0] == eax


def test_repeated_moves_overlap_as_on_a_processor() -> None:
    code = b"\xbe" + struct.pack("<I", BASE + PAGE + 0x100) + b"\xbf" + struct.pack("<I", BASE + PAGE + 0x101)
    code += b"\xb9\x05\0\0\0\xf3\xa4\xa1" + struct.pack("<I", BASE + PAGE + 0x102) + b"\xc3"
    assert machine(code.ljust(0x100, b"\x90") + b"Zabcdefgh").regs[0] == 0x5A5A5A5A


def test_a_program_changes_its_own_code() -> None:
    code = b"\xc6\x05" + struct.pack("<I", BASE + PAGE + 8) + b"\x09\xb8\x01\0\0\0\xc3"
    again = b"\xb8\x02\0\0\0\xc6\x05" + struct.pack("<I", BASE + PAGE + 14) + b"\x40\x90\x90\xc3"
    assert machine(code).regs[0] == 9
    assert machine(again).regs[0] == 3


def test_a_program_handles_its_own_exceptions() -> None:
    handler = BASE + PAGE + 0x40
    code = b"\x68" + struct.pack("<I", handler) + b"\x64\xff\x35\0\0\0\0\x64\x89\x25\0\0\0\0\xcc"
    body = b"\x8b\x44\x24\x0c\x83\x80\xb8\0\0\0\x01\xc7\x80\xb0\0\0\0\x2a\0\0\0\x31\xc0\xc3"  # EIP += 1, EAX = 42
    ended = machine(
        (code + b"\x8f\x05" + struct.pack("<I", BASE) + b"\x58\xb8\x2a\0\0\0\xc3").ljust(0x40, b"\x90") + body
    )
    assert ended.regs[0] == 42
    assert ended.regs[ESP]


def test_mutations_always_get_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_format, "MAX_INSTRUCTIONS", 50_000)
    seeds = []
    for number, name in enumerate(sorted(FIXTURES)):
        (tmp_path / str(number)).mkdir()
        seeds.append(FIXTURES[name](tmp_path / str(number)))
    chance = random.Random(21)
    limits = Limits(max_unpacked_bytes=8 << 20, max_entries=2_000)
    for _ in range(FUZZ):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 2, 8, 64))):
            place = chance.randrange(min(len(data), chance.choice((512, 4096, len(data)))))
            data[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        assert examine(bytes(data), limits).verdict in Verdict
