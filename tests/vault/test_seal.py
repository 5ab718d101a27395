"""Into the vault: what is kept, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

import overt.vault.original
from overt.core.errors import VaultError
from overt.core.model import Finding, Severity
from overt.vault import Vault
from overt.vault.record import MAX_FINDINGS
from tests.conftest import require
from tests.vault.conftest import FINDINGS, names


@pytest.mark.parametrize(
    "name",
    [
        "plain.exe",
        "two\nlines\r\t.exe",
        os.fsdecode(b"latin-\xe9\xff.exe"),
        "x" * 255,
        "-rf",
        "日本語 🦠",
        "'\"$`\\",
        "..hidden",
    ],
)
def test_round_trip(name: str, vault: Vault, world: Path) -> None:
    content = hashlib.shake_256(name.encode("utf-8", "surrogateescape")).digest(2_500_000)
    file = world / name
    file.write_bytes(content)
    file.chmod(0o6751)
    os.utime(file, ns=(1_000_000_000_000_000_001, 999_999_999_999_999_999))
    exhibit = vault.seal(str(file), FINDINGS)
    assert names(world) == []
    assert names(vault.folder) == [f"{exhibit.id}.overtq"]
    assert vault.entries() == (exhibit,)
    assert exhibit.findings == FINDINGS
    assert exhibit.path == str(file)
    assert exhibit.sha256 == hashlib.sha256(content).hexdigest()
    restored = vault.restore(exhibit.id[:4])
    assert (restored.path, restored.notes) == (str(file), ())
    status = file.stat()
    assert file.read_bytes() == content
    assert status.st_mode & 0o7777 == 0o6751
    assert (status.st_mtime_ns, status.st_nlink) == (999_999_999_999_999_999, 1)
    assert exhibit.atime_ns == 1_000_000_000_000_000_001
    assert names(world) == [name]
    assert names(vault.folder) == []


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1])
def test_sizes(size: int, vault: Vault, world: Path) -> None:
    file = world / "file"
    content = hashlib.shake_256(b"").digest(size)
    file.write_bytes(content)
    vault.restore(vault.seal(str(file), ()).id)
    assert file.read_bytes() == content


def test_nothing_in_the_vault_is_readable_or_runnable_by_others(vault: Vault, world: Path) -> None:
    vault.folder.mkdir(parents=True, mode=0o777)
    file = world / "file"
    file.write_bytes(b"MZ" + b"overt-test-marker" * 100)
    file.chmod(0o777)
    id = vault.seal(str(file), FINDINGS).id
    sealed = vault.folder / f"{id}.overtq"
    assert vault.folder.stat().st_mode & 0o777 == 0o700
    assert sealed.stat().st_mode & 0o7777 == 0o600
    content = sealed.read_bytes()
    assert content.startswith(b"OVERTQ1\n")
    for secret in (b"overt-test-marker", b"test_rule", b"world"):
        assert secret not in content


def test_same_content_is_sealed_differently(vault: Vault, world: Path) -> None:
    sealed = []
    for name in "ab":
        (world / name).write_bytes(bytes(100))
        sealed.append((vault.folder / f"{vault.seal(str(world / name), ()).id}.overtq").read_bytes())
    assert sealed[0][88:188] != sealed[1][88:188]


def test_hard_links_keep_the_content_and_the_record_says_so(vault: Vault, world: Path) -> None:
    file, other = world / "file", world / "other"
    file.write_bytes(b"linked")
    other.hardlink_to(file)
    scanned = file.stat()
    exhibit = vault.seal(str(file), (), expected=scanned)
    assert (exhibit.links, exhibit.other_names) == (2, 1)
    assert other.read_bytes() == b"linked"
    second = vault.seal(str(other), (), expected=scanned)
    assert second.other_names == 0
    assert names(world) == []


def test_sealed_through_the_descriptor_it_was_scanned_with(vault: Vault, world: Path) -> None:
    file = world / "file"
    file.write_bytes(b"scanned")
    with file.open("rb") as stream:
        exhibit = vault.seal(str(file), (), os.fstat(stream.fileno()), stream.fileno())
        assert stream.fileno() >= 0
    assert exhibit.sha256 == hashlib.sha256(b"scanned").hexdigest()


def test_a_file_replaced_since_the_scan_is_left_alone(vault: Vault, world: Path) -> None:
    file = world / "file"
    file.write_bytes(b"scanned")
    expected = file.stat()
    with file.open("rb") as scanned:
        os.rename(file, world / "moved")
        file.write_bytes(b"another")
        for fd in (None, scanned.fileno()):
            with pytest.raises(VaultError, match="no longer the file that was scanned"):
                vault.seal(str(file), (), expected, fd)
    assert file.read_bytes() == b"another"
    assert names(vault.folder) == []


def test_a_file_changed_in_place_with_its_time_set_back_is_left_alone(vault: Vault, world: Path) -> None:
    file = world / "file"
    file.write_bytes(b"scanned")
    expected = file.stat()
    file.write_bytes(b"changed")
    os.utime(file, ns=(expected.st_atime_ns, expected.st_mtime_ns))
    with pytest.raises(VaultError, match="no longer the file that was scanned"):
        vault.seal(str(file), (), expected)


@pytest.mark.parametrize("change", ["grows", "shrinks", "is replaced", "vanishes"])
def test_a_file_that_changes_while_it_is_sealed(
    change: str, vault: Vault, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = world / "file"
    file.write_bytes(bytes(3_000_000))
    read = overt.vault.original.Original._read

    def reading(original: overt.vault.original.Original, length: int, offset: int) -> bytes:
        data = read(original, length, offset)
        match change if offset == 0 else "":
            case "grows":
                with file.open("ab") as stream:
                    stream.write(b"more")
            case "shrinks":
                os.truncate(file, 1_500_000)
            case "is replaced":
                (world / "new").write_bytes(b"new")
                os.rename(world / "new", file)
            case "vanishes":
                file.unlink()
        return data

    monkeypatch.setattr(overt.vault.original.Original, "_read", reading)
    with pytest.raises(VaultError, match="changed while it was quarantined"):
        vault.seal(str(file), ())
    assert names(vault.folder) == []
    assert names(world) == ([] if change == "vanishes" else ["file"])
    if change == "is replaced":
        assert file.read_bytes() == b"new"


def test_symbolic_links_folders_and_special_files_are_refused(vault: Vault, world: Path) -> None:
    (world / "target").write_bytes(b"target")
    (world / "link").symlink_to("target")
    (world / "folder").mkdir()
    os.mkfifo(world / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(world / "socket"))
    before = names(world)
    for name in ("link", "folder", "pipe", "socket", "missing"):
        with pytest.raises(VaultError, match=name):
            vault.seal(str(world / name), ())
    with pytest.raises(VaultError, match="only regular files"):
        vault.seal("/", ())
    assert names(world) == before
    assert names(vault.folder) == []


def test_the_record_holds_the_real_folder(vault: Vault, world: Path) -> None:
    (world / "real").mkdir()
    (world / "link").symlink_to("real")
    (world / "real" / "file").write_bytes(b"x")
    exhibit = vault.seal(str(world / "link" / "file"), ())
    assert exhibit.path == str(world / "real" / "file")


def test_a_sealed_file_is_not_sealed_again(vault: Vault, world: Path) -> None:
    (world / "file").write_bytes(b"x")
    id = vault.seal(str(world / "file"), ()).id
    with pytest.raises(VaultError, match="belongs to the vault"):
        vault.seal(str(vault.folder / f"{id}.overtq"), ())
    assert vault.entry(id)


def test_holes_stay_holes_and_memory_stays_small(vault: Vault, world: Path) -> None:
    file = world / "sparse"
    with file.open("wb") as stream:
        stream.truncate(600 * 1024 * 1024)
        stream.seek(300 * 1024 * 1024 + 5)
        stream.write(b"island")
    exhibit = vault.seal(str(file), ())
    assert exhibit.size == 600 * 1024 * 1024
    assert exhibit.stored_bytes <= 2 * 1024 * 1024
    vault.restore(exhibit.id)
    status = file.stat()
    assert status.st_size == exhibit.size
    assert status.st_blocks * 512 <= 2 * 1024 * 1024
    with file.open("rb") as stream:
        assert stream.seek(300 * 1024 * 1024) and stream.read(12) == bytes(5) + b"island" + bytes(1)


def test_a_record_stays_small(vault: Vault, world: Path) -> None:
    (world / "file").write_bytes(b"x")
    many = [Finding(f"rule{index}", "p", Severity.LOW) for index in range(5_000)]
    assert len(vault.seal(str(world / "file"), many).findings) == MAX_FINDINGS


@pytest.mark.parametrize("flag", ["+i", "+a"])
def test_immutable_files_stay_where_they_are(flag: str, vault: Vault, world: Path) -> None:
    require(shutil.which("chattr") is not None and os.geteuid() == 0, "chattr as root")
    file = world / "file"
    file.write_bytes(b"immutable")
    done = subprocess.run(["chattr", flag, str(file)], capture_output=True, check=False)
    require(done.returncode == 0, "a file system with inode flags")
    try:
        with pytest.raises(VaultError, match=r"is where it was.*lsattr"):
            vault.seal(str(file), ())
    finally:
        subprocess.run(["chattr", "-ia", str(file)], check=True)
    assert file.read_bytes() == b"immutable"
    assert names(vault.folder) == []
