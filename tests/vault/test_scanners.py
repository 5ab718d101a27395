"""What is sealed sets nothing off: another scanner finds nothing in the vault, nor in an exported container."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from overt.core.model import Finding, PatternMatch, Severity
from overt.vault import Vault
from tests.conftest import require

TEST_FILES = Path("/usr/share/clamav-testfiles")


def eicar() -> bytes:
    """The EICAR test file, put together here so that no scanner objects to this one."""
    return b"".join(
        (
            b"X5O!P%@AP[4",
            bytes([92]),
            b"PZX54(P^)7CC)7}",
            b"$EICAR-STANDARD",
            b"-ANTIVIRUS-TEST-FILE!",
            b"$H+H*",
        )
    )


@pytest.fixture
def signatures(tmp_path: Path) -> Path:
    """Signatures for EICAR: its bytes anywhere, its start, and its hash."""
    folder = tmp_path / "signatures"
    folder.mkdir()
    content = eicar()
    (folder / "eicar.ndb").write_text(
        f"Test.Eicar.Anywhere:0:*:{content.hex()}\nTest.Eicar.Part:0:*:{content[20:50].hex()}\n"
    )
    (folder / "eicar.hdb").write_text(f"{hashlib.md5(content).hexdigest()}:{len(content)}:Test.Eicar.Hash\n")
    return folder


def infected(signatures: Path, folder: Path) -> bool:
    """Whether clamscan finds something."""
    require(shutil.which("clamscan") is not None, "clamscan")
    done = subprocess.run(
        ["clamscan", "--recursive", "--no-summary", f"--database={signatures}", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 1


def test_another_scanner_finds_nothing(vault: Vault, world: Path, tmp_path: Path, signatures: Path) -> None:
    content = eicar()
    (world / "eicar.com").write_bytes(content)
    (world / "large.bin").write_bytes(bytes(100_000) + content + bytes(100_000))
    assert infected(signatures, world)
    match = PatternMatch("$eicar", 0, len(content), content[:64])
    finding = Finding("EICAR", "test", Severity.HIGH, description=content.decode(), matches=(match,))
    ids = [vault.seal(str(file), (finding,)).id for file in sorted(world.iterdir())]
    exported = tmp_path / "exported"
    exported.mkdir()
    for id in ids:
        vault.export(id, exported)
    assert not infected(signatures, vault.folder)
    assert not infected(signatures, exported)
    vault.restore(ids[0])
    assert infected(signatures, world)
    assert (world / "eicar.com").read_bytes() == content


def test_clamavs_own_test_files_are_not_found(vault: Vault, world: Path, tmp_path: Path) -> None:
    require(TEST_FILES.is_dir(), "the package clamav-testfiles")
    signatures = tmp_path / "signatures"
    signatures.mkdir()
    sample = (TEST_FILES / "clam.exe").read_bytes() if (TEST_FILES / "clam.exe").exists() else b""
    require(bool(sample), "clam.exe among the test files")
    (signatures / "clam.hdb").write_text(f"{hashlib.md5(sample).hexdigest()}:{len(sample)}:Test.Clam\n")
    (signatures / "clam.ndb").write_text(f"Test.Clam.Part:0:*:{sample[256:320].hex()}\n")
    before = {}
    for source in sorted(TEST_FILES.iterdir()):
        if source.is_file():
            before[source.name] = source.read_bytes()
            (world / source.name).write_bytes(before[source.name])
    assert infected(signatures, world)
    ids = [vault.seal(str(world / name), ()).id for name in before]
    assert not infected(signatures, vault.folder)
    for id in ids:
        vault.restore(id)
    assert {name: (world / name).read_bytes() for name in before} == before
