"""What is on a machine's disk is read from outside, and a disk that a product made to do harm does none."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from overt.conduct.chamber.vm import image, reading
from overt.conduct.chamber.warden import in_warden
from overt.core.errors import ConductError

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("lab")]
NAME, ESCAPING = b"a-name-of-length-27-in-disk", b"../../../../../../x/escaped"


def read(tmp_path: Path, prepare: Callable[[Path], None], spoil: Callable[[Path], None]) -> Path:
    """Make a disk with what `prepare` puts into a folder, do to it what `spoil` does, and read it; the folder that
    holds a copy of what was read."""
    root, kept = tmp_path / "root", tmp_path / "kept"
    root.mkdir()
    kept.mkdir()
    prepare(root)

    def work(folder: Path) -> None:
        disk = folder / "disk/image"
        disk.parent.mkdir()
        image.disk(root, disk, 1)
        spoil(disk)
        with reading.contents(disk, folder) as found:
            for path in sorted(found.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    (kept / path.name).write_bytes(path.read_bytes())
                    (kept / path.name).chmod(path.stat().st_mode & 0o777)
        assert not list((folder / reading.CONTENTS).iterdir())

    in_warden(work, tmp_path)
    return kept


def test_files_are_read_as_they_are(tmp_path: Path) -> None:
    def prepare(root: Path) -> None:
        (root / "folder").mkdir()
        (root / "folder/big").write_bytes(bytes(range(256)) * 5000)
        (root / "private").write_text("secret")
        (root / "private").chmod(0o600)
        (root / "link").symlink_to("/etc/passwd")

    kept = read(tmp_path, prepare, lambda disk: None)
    assert (kept / "big").read_bytes() == bytes(range(256)) * 5000
    assert ((kept / "private").read_text(), (kept / "private").stat().st_mode & 0o777) == ("secret", 0o600)
    assert not (kept / "link").exists()


def test_a_name_that_leads_out_of_the_disk_leads_nowhere(tmp_path: Path) -> None:
    def spoil(disk: Path) -> None:
        data = disk.read_bytes()
        assert NAME in data
        disk.write_bytes(data.replace(NAME, ESCAPING))

    (tmp_path / "x").mkdir(mode=0o777)
    (tmp_path / "x").chmod(0o777)
    tmp_path.chmod(0o755)
    with pytest.raises(ConductError, match="could not be read in full"):
        read(tmp_path, lambda root: (root / NAME.decode()).write_text("x") and None, spoil)
    assert not list(tmp_path.rglob("escaped")) and not Path("/x").exists()


@pytest.mark.parametrize(
    "size", [1 << 29, 1 << 34], ids=["more than there is room", "more than a file may have"]
)
def test_a_file_of_holes_does_not_fill_the_memory(size: int, tmp_path: Path) -> None:
    def spoil(disk: Path) -> None:
        command = ["debugfs", "-w", "-R", f"set_inode_field /holes size {size}", str(disk)]
        subprocess.run(command, check=True, capture_output=True)

    with pytest.raises(ConductError, match="could not be read in full"):
        read(tmp_path, lambda root: (root / "holes").write_text("x") and None, spoil)


def test_a_disk_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConductError, match="could not be read in full"):
        read(tmp_path, lambda root: None, lambda disk: disk.write_bytes(b"\0" * (8 << 20)))
