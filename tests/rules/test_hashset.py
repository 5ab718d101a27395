"""Hash sets: every hash is found, nothing else is, and a damaged file is refused."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import PackError
from overt.core.model import Severity
from overt.engine.hashset import HashFile, HashSets, Label
from overt.engine.pesections import pe_sections
from overt.rules import hashfile
from overt.rules.hashfile import HashFileWriter
from tests.rules.executables import elf, pe

CONTENTS = [f"file {number}".encode() * (number % 7 + 1) for number in range(3_000)]


def digest(data: bytes, algorithm: str = "sha256") -> bytes:
    return hashlib.new(algorithm, data).digest()


def written(tmp_path: Path, writer: HashFileWriter) -> bytes:
    path = tmp_path / "set.hashes"
    with open(path, "w+b") as target:
        writer.write(target, "ours", author="us", licence="CC0")
    return path.read_bytes()


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_every_hash_is_found_with_its_label(tmp_path: Path, algorithm: str) -> None:
    writer = HashFileWriter(algorithm, tmp_path)
    for number, data in enumerate(CONTENTS):
        writer.add(digest(data, algorithm), Label(f"name {number % 50}", severity=Severity.LOW), len(data))
    sets = HashSets([HashFile(written(tmp_path, writer), "here")])
    assert sets.count == len(CONTENTS)
    for number, data in enumerate(CONTENTS):
        (finding,) = sets.match(data)
        assert (finding.rule, finding.pack, finding.author) == (f"name {number % 50}", "ours", "us")
        assert finding.severity is Severity.LOW
    assert not any(sets.match(data + b"?") for data in CONTENTS)


def test_spilled_buckets_give_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build() -> bytes:
        writer = HashFileWriter("sha256", tmp_path)
        for number in random.Random(1).sample(range(3_000), 3_000):
            writer.add(digest(CONTENTS[number]), Label("one"), number)
        return written(tmp_path, writer)

    whole = build()
    monkeypatch.setattr(hashfile, "SPILL_BYTES", 100)
    assert build() == whole


def test_a_hash_given_twice_counts_once_and_keeps_its_first_name(tmp_path: Path) -> None:
    writer = HashFileWriter("md5", tmp_path)
    writer.add(digest(b"x", "md5"), Label("first"))
    writer.add(digest(b"x", "md5"), Label("second"))
    sets = HashSets([HashFile(written(tmp_path, writer), "here")])
    assert sets.count == 1
    assert [finding.rule for finding in sets.match(b"x")] == ["first"]


def test_files_of_other_sizes_are_not_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = HashFileWriter("sha256", tmp_path)
    writer.add(digest(b"1234"), Label("four"), 4)
    sets = HashSets([HashFile(written(tmp_path, writer), "here")])
    hashed: list[int] = []
    new = hashlib.new
    monkeypatch.setattr(
        hashlib, "new", lambda name, data, **more: hashed.append(len(data)) or new(name, data, **more)
    )
    assert sets.match(b"1234") and not sets.match(b"abcd") and not sets.match(b"12345")
    assert hashed == [4, 4]


def test_no_set_means_no_finding() -> None:
    assert HashSets().match(b"anything") == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A hash file of one entry."""
    folder = tmp_path_factory.mktemp("whole")
    writer = HashFileWriter("sha256", folder)
    writer.add(digest(b"known"), Label("known"))
    return written(folder, writer)


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(st.integers(0, 400), st.integers(262_000, 262_500)), st.sampled_from(("cut", "more", "flip"))
)
def test_a_damaged_file_is_refused_or_finds_nothing_wrong(whole: bytes, at: int, how: str) -> None:
    at = min(at, len(whole) - 1)
    flipped = whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :]
    damaged = {"cut": whole[:at], "more": whole + b"x", "flip": flipped}[how]
    try:
        sets = HashSets([HashFile(damaged, "here")])
    except PackError as error:
        assert "here" in str(error)
    else:
        assert all(finding.pack == "ours" for finding in sets.match(b"known") + sets.match(b"other"))


@pytest.mark.parametrize("cut", [0, 7, 43, 44, 100, 262_000, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, cut: int) -> None:
    writer = HashFileWriter("sha256", tmp_path)
    writer.add(digest(b"known"), Label("known"))
    with pytest.raises(PackError, match="here"):
        HashFile(written(tmp_path, writer)[:cut], "here")


def test_sections_of_executables_are_known_by_their_hash(tmp_path: Path) -> None:
    body = b"\x90" * 500 + b"\xc3" * 12
    writer = HashFileWriter("md5", tmp_path, of_sections=True)
    writer.add(digest(body, "md5"), Label("section"), len(body))
    sets = HashSets([HashFile(written(tmp_path, writer), "here")])
    assert [finding.rule for finding in sets.match(pe(body))] == ["section"]
    assert not sets.match(body) and not sets.match(pe(body[::-1])) and not sets.match(elf(body))


@given(st.binary(max_size=200), st.integers(0, 1_000), st.binary(max_size=4))
def test_damaged_executables_have_no_sections_outside(tail: bytes, at: int, patch: bytes) -> None:
    data = pe()
    mangled = data[:at] + patch + data[at + len(patch) :] + tail
    assert all(start >= 0 and start + size <= len(mangled) for start, size in pe_sections(mangled))
