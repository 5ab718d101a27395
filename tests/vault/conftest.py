"""A vault, a place for files beside it, mounts that go away again, and other users."""

from __future__ import annotations

import os
import subprocess
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from overt.core.model import Finding, PatternMatch, Severity
from overt.vault import Vault
from tests.conftest import require
from tests.reach import open_the_way

NOBODY = 65534
FINDINGS = (
    Finding(
        "test_rule",
        "test",
        Severity.HIGH,
        author="An Author",
        inside=("a.zip", "odd\udcff\n.exe"),
        matches=(PatternMatch("$a", 3, 4, b"\x00\xff"),),
    ),
)

Mount = Callable[..., Path]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "home" / "vault")


@pytest.fixture
def world(tmp_path: Path) -> Path:
    folder = tmp_path / "world"
    folder.mkdir()
    return folder


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """`mount(name, *arguments of mount(8) before the folder)` returns the folder."""
    require(os.geteuid() == 0, "root, to mount file systems")
    mounted: list[Path] = []

    def act(name: str, *arguments: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        done = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True, check=False)
        require(done.returncode == 0, f"mount {' '.join(arguments)}: {done.stderr.strip()}")
        if folder not in mounted:
            mounted.append(folder)
        return folder

    yield act
    for folder in reversed(mounted):
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def ext4(tmp_path: Path, mount: Mount) -> Path:
    image = tmp_path / "ext4.img"
    with image.open("wb") as stream:
        stream.truncate(32 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    return mount("ext4", "-o", "loop", str(image))


def as_nobody(act: Callable[[], object]) -> None:
    """Run `act` in a child that is an ordinary user; an exception there fails the test here."""
    require(os.geteuid() == 0, "root, to become another user")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            open_the_way()
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            act()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child failed: see its output"


def open_to_all(tmp_path: Path) -> None:
    """Let an ordinary user reach the test's folder, through those that pytest made; wherever `--basetemp` is."""
    base = tmp_path.parent.parent if tmp_path.parent.name.startswith("popen-") else tmp_path.parent
    for folder in (tmp_path, *tmp_path.parents):
        made = folder.is_relative_to(base) or "pytest" in str(folder)
        if made and folder.owner() == "root" and folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []
