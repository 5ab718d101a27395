"""Streams and tapes: exact limits, damage, what hides between and after, bombs in bounded memory, mutations."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from overt.core.limits import Limits
from overt.core.model import Examination, Reason, Verdict
from overt.engine.unpack.base import Budget, Child, Room
from overt.engine.unpack.registry import FORMATS, identify
from overt.engine.unpack.stream import AFTER_END, CONTENT
from tests.formats.make_streams import COMPRESSORS, FIXTURES, cpio, piped, tar, tree
from tests.payload import PAYLOAD, examine

FUZZ = int(os.environ.get("OVERT_FUZZ", "300"))
SIZE = 3_000_000
STREAMS = sorted(COMPRESSORS.keys() - {"compress"})
"""Those whose end can be told: compress has none."""
JOINING = sorted(COMPRESSORS.keys() - {"compress", "lzma"})
"""Formats whose streams may follow each other."""


def children(data: bytes, limits: Limits | None = None) -> tuple[list[Child], Budget]:
    """The members that the first format claiming `data` yields."""
    budget = Budget(limits or Limits(), len(data))
    form = identify(data)[0]
    assert form.unpack is not None
    return list(form.unpack(data, Room(budget))), budget


def reasons(examination: Examination) -> set[Reason]:
    return {gap.reason for gap in examination.gaps}


def compressed(name: str, content: bytes) -> bytes:
    return piped(*COMPRESSORS[name], content=content)


@pytest.mark.parametrize("name", sorted(COMPRESSORS))
def test_limits_are_exact_to_the_byte(name: str) -> None:
    content = random.Random(1).randbytes(1000) * (SIZE // 1000)
    data = compressed(name, content)
    [child], budget = children(data, Limits(max_member_bytes=SIZE))
    assert child.data == content and not budget.gaps
    [cut], budget = children(data, Limits(max_member_bytes=SIZE - 1))
    assert [gap.reason for gap in budget.gaps] == [Reason.MEMBER_BYTES]
    assert budget.unpacked_bytes == SIZE - 1 and cut.data == content[:-1]


@pytest.mark.parametrize("name", STREAMS)
def test_total_limit_counts_all_members(name: str) -> None:
    data = compressed(name, bytes(SIZE))
    _, budget = children(data, Limits(max_unpacked_bytes=SIZE - 1))
    assert budget.spent and budget.unpacked_bytes == SIZE - 1
    assert [gap.reason for gap in budget.gaps] == [Reason.UNPACKED_BYTES]


@pytest.mark.parametrize("name", sorted(COMPRESSORS))
def test_a_finding_before_the_limit_counts(name: str) -> None:
    examination = examine(compressed(name, PAYLOAD + bytes(SIZE)), Limits(max_member_bytes=SIZE))
    assert examination.verdict is Verdict.INFECTED
    assert reasons(examination) == {Reason.MEMBER_BYTES}


@pytest.mark.parametrize("name", sorted(COMPRESSORS))
def test_truncated_is_damaged_and_the_start_is_examined(name: str) -> None:
    noise = random.Random(2).randbytes(2_000_000)
    data = compressed(name, PAYLOAD + noise)
    examination = examine(data[:-1_000])
    assert examination.verdict is Verdict.INFECTED
    assert name == "compress" or Reason.DAMAGED in reasons(examination)


@pytest.mark.parametrize("bits", [10, 12, 16])  # what compress -b 9 writes, uncompress rejects
def test_compress_with_codes_of_every_length(bits: int) -> None:
    chance = random.Random(bits)
    words = [chance.randbytes(chance.randrange(1, 9)) for _ in range(300)]
    content = (
        b"".join(chance.choice(words) for _ in range(60_000)) + bytes(99_999) + chance.randbytes(200_000)
    )
    [child], budget = children(piped("compress", "-fc", "-b", str(bits), content=content))
    assert child.data == content and not budget.gaps


@pytest.mark.parametrize("name", JOINING)
def test_streams_after_each_other_are_joined(name: str) -> None:
    half = len(PAYLOAD) // 2
    empty = compressed(name, b"")
    data = compressed(name, PAYLOAD[:half]) + empty + compressed(name, PAYLOAD[half:]) + empty
    [child], budget = children(data)
    assert child.data == PAYLOAD and not budget.gaps


@pytest.mark.parametrize("name", STREAMS)
def test_data_after_the_end_is_examined(name: str) -> None:
    other = bz2 if name == "gzip" else gzip
    examination = examine(compressed(name, b"harmless") + bytes(64) + other.compress(PAYLOAD))
    assert examination.findings[0].inside == (AFTER_END, CONTENT)


@pytest.mark.parametrize("name", STREAMS)
def test_padding_with_zeros_is_no_gap(name: str) -> None:
    [child], budget = children(compressed(name, b"harmless") + bytes(512))
    assert child.data == b"harmless" and not budget.gaps


@pytest.mark.parametrize("name", sorted({"gzip", "bzip2", "xz", "lz4", "lzip", "zstd"}))
def test_wrong_checksum_is_damaged(name: str) -> None:
    data = bytearray(piped(*COMPRESSORS[name], *(["--check"] if name == "zstd" else [])))
    if name == "xz":
        data = bytearray(lzma.compress(PAYLOAD, check=lzma.CHECK_CRC32))
        data[-12 - 4 - 8 - 4] ^= 1
    else:
        data[{"bzip2": 11, "lzip": -20, "gzip": -8}.get(name, -1)] ^= 1
    assert Reason.DAMAGED in reasons(examine(bytes(data)))


def test_zstd_window_past_the_bound_is_unsupported() -> None:
    frame = b"\x28\xb5\x2f\xfd" + bytes([0x00, (31 - 10) << 3]) + b"\x01\x00\x00"
    assert reasons(examine(frame)) == {Reason.UNSUPPORTED}


def test_lzip_dictionary_past_the_bound_is_unsupported() -> None:
    assert reasons(examine(b"LZIP\x01\x1d" + bytes(40))) == {Reason.UNSUPPORTED}


@pytest.mark.parametrize("name", ["zstd", "lz4"])
def test_skippable_frames_are_skipped(name: str) -> None:
    skippable = b"\x53\x2a\x4d\x18" + struct.pack("<I", 5) + b"12345"
    data = compressed(name, PAYLOAD[:9]) + skippable + compressed(name, PAYLOAD[9:])
    assert children(data)[0][0].data == PAYLOAD
    if name == "zstd":
        assert examine(skippable + skippable + compressed(name, PAYLOAD)).verdict is Verdict.INFECTED


@pytest.mark.parametrize(
    "data", [b"\x5d\0\0", b"\x5d\0\0\x80\0" + b"\xff" * 30, b"BZh", b"BZhello world, of ours"]
)
def test_weak_signatures_need_more(data: bytes) -> None:
    assert identify(data) == ()


def bomb_builders() -> dict[str, bytes]:
    """About 10 GB of zeros each, built from repeated streams so that no test compresses 10 GB."""
    zeros = bytes(100_000_000)
    parts = {"bzip2": bz2.compress(zeros), "xz": lzma.compress(zeros, preset=0), "gzip": gzip.compress(zeros)}
    parts |= {name: compressed(name, zeros) for name in ("zstd", "lz4", "lzip")}
    return {name: part * 100 for name, part in parts.items()}


@pytest.mark.slow
def test_bombs_take_bounded_memory(tmp_path: Path) -> None:
    """Each bomb in a child process of its own: incomplete, and no more than the member limit doubled."""
    script = """
import re, sys
from tests.payload import examine
from overt.core.limits import Limits
def peak():  # ru_maxrss would include what the parent had before exec
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
data = open(sys.argv[1], "rb").read()
base = peak()
result = examine(data, Limits(max_member_bytes=64 << 20))
print(result.verdict.value, peak() - base)
"""
    for name, data in bomb_builders().items():
        (tmp_path / name).write_bytes(data)
        command = [sys.executable, "-c", script, str(tmp_path / name)]
        out = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split()
        assert out[0] == "incomplete", name
        assert int(out[1]) < 64 * 2 + 40, f"{name} took {out[1]} MiB"
        (tmp_path / name).unlink()


@pytest.mark.parametrize("form", ["gnu", "posix", "ustar", "v7"])
def test_tar_members_have_their_names(form: str, tmp_path: Path) -> None:
    options = [f"--format={form}"] + (["--exclude=long*"] if form in ("ustar", "v7") else [])
    found, budget = children(tar(tmp_path, *options))
    names = {child.name: child.data for child in found}
    assert names["tree/sub/payload.bin"] == PAYLOAD and names["tree/empty"] == b""
    assert ("tree/" + "long" * 40 in names) == (form in ("gnu", "posix"))
    assert budget.entries == 3 and not budget.gaps  # two folders and a link


@pytest.mark.parametrize("form", ["gnu", "pax 0.0", "pax 0.1", "pax 1.0"])
def test_sparse_members_are_expanded(form: str, tmp_path: Path) -> None:
    content = bytes(1 << 20) + PAYLOAD + bytes(1 << 20) + b"end" + bytes(5000)
    root = tree(tmp_path)
    (root / "sparse").write_bytes(content)
    subprocess.run(["fallocate", "-d", str(root / "sparse")], check=True)
    options = ["--format=gnu"] if form == "gnu" else ["--format=posix", f"--sparse-version={form[4:]}"]
    command = ["tar", "-C", str(tmp_path), "-S", "--hole-detection=raw", *options, "-cf", "-", "tree/sparse"]
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    assert len(data) < 100_000
    [child], budget = children(data)
    assert child == Child("tree/sparse", content) and not budget.gaps


def test_tar_damage_costs_one_member_only(tmp_path: Path) -> None:
    data = bytearray(tar(tmp_path, "--format=ustar", "--exclude=long*", "--sort=name"))
    data[data.index(b"tree/empty")] ^= 0xFF
    examination = examine(bytes(data))
    assert examination.verdict is Verdict.INFECTED and reasons(examination) == {Reason.DAMAGED}


def test_a_tar_cut_short_is_damaged(tmp_path: Path) -> None:
    data = tar(tmp_path, "--format=gnu")
    cut = data[: data.index(PAYLOAD) + len(PAYLOAD) - 1]
    examination = examine(cut)
    assert examination.verdict is Verdict.INFECTED and reasons(examination) == {Reason.DAMAGED}


def test_members_after_tars_end_marker_are_examined(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir(), second.mkdir()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("harmless"), io.BytesIO())
    joined = buffer.getvalue() + tar(second, "--format=gnu")
    assert examine(joined).verdict is Verdict.INFECTED
    hidden = examine(buffer.getvalue() + gzip.compress(PAYLOAD))
    assert hidden.findings[0].inside == (AFTER_END, CONTENT)


def test_a_million_empty_members_hit_the_limit() -> None:
    header = tarfile.TarInfo("x").tobuf()
    data = header * 300_000
    examination = examine(data, Limits(max_entries=100_000))
    assert examination.verdict is Verdict.INCOMPLETE and reasons(examination) == {Reason.ENTRIES}
    assert examination.entries == 100_001


@pytest.mark.parametrize("form", ["newc", "crc", "odc", "bin"])
def test_cpio_members_and_what_follows_the_trailer(form: str, tmp_path: Path) -> None:
    data = cpio(tmp_path, form)
    found, budget = children(data)
    assert Child("tree/sub/payload.bin", PAYLOAD) in found and not budget.gaps
    assert examine(data[: data.index(b"tree/sub/payload")]).verdict is Verdict.INCOMPLETE
    hidden = examine(
        cpio(_empty(tmp_path), form).replace(PAYLOAD, bytes(len(PAYLOAD))) + gzip.compress(PAYLOAD)
    )
    assert hidden.findings[0].inside == (AFTER_END, CONTENT)


def test_old_cpio_of_the_other_byte_order(tmp_path: Path) -> None:
    words = bytearray(struct.pack(">13H", 0o070707, 1, 1, 0o100644, 0, 0, 1, 0, 0, 0, 4, 0, len(PAYLOAD)))
    end = struct.pack(">13H", 0o070707, 0, 0, 0, 0, 0, 1, 0, 0, 0, 11, 0, 0) + b"TRAILER!!!\0\0"
    found, budget = children(bytes(words) + b"abc\0" + PAYLOAD + bytes(len(PAYLOAD) & 1) + end)
    assert found == [Child("abc", PAYLOAD)] and not budget.gaps


def test_ar_with_bsd_names_and_a_broken_header() -> None:
    header = b"#1/12".ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + b"644".ljust(8)
    member = header + str(12 + len(PAYLOAD)).encode().ljust(10) + b"`\nlong name 12" + PAYLOAD
    found, budget = children(b"!<arch>\n" + member + b"\n" * (len(PAYLOAD) & 1))
    assert found == [Child("long name 12", PAYLOAD)] and not budget.gaps
    assert reasons(examine(b"!<arch>\n" + member + b"?" * 61)) == {Reason.DAMAGED}


def _empty(folder: Path) -> Path:
    (folder / "again").mkdir()
    return folder / "again"


def test_mutations_always_get_a_verdict(tmp_path: Path) -> None:
    seeds = []
    for number, name in enumerate(sorted(FIXTURES)):
        (tmp_path / str(number)).mkdir()
        seeds.append(FIXTURES[name](tmp_path / str(number)))
    chance = random.Random(20)
    limits = Limits(max_unpacked_bytes=8 << 20, max_entries=2_000)
    for _ in range(FUZZ):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 2, 8))):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        assert examine(bytes(data), limits).verdict in Verdict


def test_all_formats_of_this_file_are_listed() -> None:
    assert {name.split()[0] for name in FIXTURES} <= {form.name for form in FORMATS}
