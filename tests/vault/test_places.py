"""File systems and users: full, read-only, other devices, without hard links, with ACLs and capabilities."""

from __future__ import annotations

import errno
import multiprocessing
import os
import subprocess
from pathlib import Path

import pytest

from overt.core.errors import VaultError
from overt.vault import Vault
from overt.vault.place import move_new
from tests.conftest import require
from tests.vault.conftest import NOBODY, Mount, as_nobody, names, open_to_all


@pytest.fixture
def small(mount: Mount) -> Path:
    """A file system of 1 MiB."""
    return mount("small", "-t", "tmpfs", "-o", "size=1m", "tmpfs")


def test_a_full_vault_leaves_the_file_where_it_is(small: Path, world: Path) -> None:
    vault = Vault(small / "vault")
    file = world / "file"
    file.write_bytes(os.urandom(3_000_000))
    with pytest.raises(VaultError, match=r"is where it was: no space left.*free some space"):
        vault.seal(str(file), ())
    assert file.stat().st_size == 3_000_000
    assert names(vault.folder) == []
    (world / "tiny").write_bytes(b"fits")
    assert vault.seal(str(world / "tiny"), ())


def test_a_full_target_leaves_the_file_in_the_vault(small: Path, vault: Vault, world: Path) -> None:
    file = world / "file"
    file.write_bytes(os.urandom(3_000_000))
    id = vault.seal(str(file), ()).id
    with pytest.raises(VaultError, match=f"{id} stays in the vault.*no space left"):
        vault.restore(id, to=small)
    assert names(small) == []
    assert names(vault.folder) == [f"{id}.overtq"]
    vault.restore(id)
    assert file.stat().st_size == 3_000_000


def test_across_devices_and_back(mount: Mount, vault: Vault) -> None:
    other = mount("other", "-t", "tmpfs", "tmpfs")
    file = other / "file"
    file.write_bytes(b"far away")
    assert os.stat(other).st_dev != os.stat(vault.folder.parent.parent).st_dev
    vault.restore(vault.seal(str(file), ()).id)
    assert file.read_bytes() == b"far away"


def test_read_only_media_keep_their_files(mount: Mount, vault: Vault, world: Path) -> None:
    file = world / "file"
    file.write_bytes(b"read-only")
    view = mount("view", "--bind", str(world))
    mount("view", "-o", "remount,bind,ro")
    with pytest.raises(VaultError, match="is where it was: read-only file system"):
        vault.seal(str(view / "file"), ())
    assert file.read_bytes() == b"read-only"
    assert names(vault.folder) == []
    id = vault.seal(str(file), ()).id
    with pytest.raises(VaultError, match=f"{id} stays in the vault.*read-only"):
        vault.restore(id, to=view / "file")
    assert names(vault.folder) == [f"{id}.overtq"]


def test_a_file_that_is_a_mount_point_stays(mount: Mount, vault: Vault, world: Path, tmp_path: Path) -> None:
    (world / "file").write_bytes(b"below")
    (tmp_path / "above").write_bytes(b"above")
    done = subprocess.run(["mount", "--bind", tmp_path / "above", world / "file"], check=False)
    require(done.returncode == 0, "bind mounts")
    try:
        with pytest.raises(VaultError, match="was not quarantined"):
            vault.seal(str(world / "file"), ())
        assert names(vault.folder) == []
    finally:
        subprocess.run(["umount", world / "file"], check=True)


def test_acls_capabilities_and_owners_come_back(ext4: Path, vault: Vault) -> None:
    file = ext4 / "file"
    file.write_bytes(b"\x7fELF")
    os.chown(file, 1234, 5678)
    file.chmod(0o4755)
    subprocess.run(["setfacl", "-m", "u:65534:r,g:7:rx,m::rwx", str(file)], check=True)
    subprocess.run(["setcap", "cap_net_raw+ep", str(file)], check=True)
    for name in ("user.comment", "trusted.overt"):
        os.setxattr(file, name, b"\x00value")
    os.utime(file, ns=(5, 7))

    def shown() -> tuple[object, ...]:
        status = file.stat()
        attributes = {name: os.getxattr(file, name) for name in os.listxattr(file)}
        acl = subprocess.run(["getfacl", "-cp", str(file)], capture_output=True, check=True).stdout
        return status.st_uid, status.st_gid, status.st_mode, status.st_mtime_ns, attributes, acl

    before = shown()
    assert len(before[4]) == 4  # type: ignore[arg-type]
    exhibit = vault.seal(str(file), ())
    assert not file.exists()
    restored = vault.restore(exhibit.id)
    assert restored.notes == ()
    assert shown() == before
    assert file.read_bytes() == b"\x7fELF"


def test_restored_where_attributes_do_not_exist(mount: Mount, vault: Vault, world: Path) -> None:
    stick = mount("stick", "-t", "ramfs", "ramfs")
    file = world / "file"
    file.write_bytes(b"to the stick")
    os.setxattr(file, "user.comment", b"x")
    restored = vault.restore(vault.seal(str(file), ()).id, to=stick / "copy")
    assert (stick / "copy").read_bytes() == b"to the stick"
    assert [note.partition(":")[0] for note in restored.notes] == [
        "extended attribute 'user.comment' not set"
    ]
    vault.restore(vault.seal(str(stick / "copy"), ()).id)
    assert names(stick) == ["copy"]


def test_restored_where_hard_links_do_not_exist(
    vault: Vault, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on FAT, which not every test machine can mount: `link(2)` fails, `renameat2(2)` does not replace."""

    def no_links(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    file = world / "file"
    file.write_bytes(b"to the stick")
    id = vault.seal(str(file), ()).id
    fd = os.open(world, os.O_RDONLY)
    (world / "temporary").write_bytes(b"new")
    (world / "taken").write_bytes(b"taken")
    with pytest.raises(FileExistsError):
        move_new(fd, "temporary", "taken")
    os.close(fd)
    assert (world / "taken").read_bytes() == b"taken"
    assert vault.restore(id).notes == ()
    assert names(world) == ["file", "taken", "temporary"]
    assert file.stat().st_nlink == 1


def test_an_ordinary_user(tmp_path: Path, world: Path) -> None:
    open_to_all(tmp_path)
    world.chmod(0o777)
    (world / "roots").write_bytes(b"readable")
    locked = world / "locked"
    locked.mkdir(mode=0o755)
    (locked / "file").write_bytes(b"in root's folder")
    (world / "secret").write_bytes(b"unreadable")
    (world / "secret").chmod(0o600)

    def act() -> None:
        vault = Vault(world / "home" / "vault")
        mine = world / "mine"
        mine.write_bytes(b"mine")
        vault.restore(vault.seal(str(mine), ()).id)
        assert mine.read_bytes() == b"mine"
        for path in (locked / "file", world / "secret"):
            with pytest.raises(VaultError, match=r"permission denied.*as root"):
                vault.seal(str(path), ())
            assert path.exists()
        assert names(vault.folder) == []
        restored = vault.restore(vault.seal(str(world / "roots"), ()).id)
        assert any("owner 0:0 not set" in note for note in restored.notes)
        assert (world / "roots").read_bytes() == b"readable"

    as_nobody(act)
    assert (world / "roots").stat().st_uid == NOBODY


def test_the_set_user_id_bit_does_not_pass_to_another_owner(tmp_path: Path, world: Path) -> None:
    open_to_all(tmp_path)
    world.chmod(0o777)
    file = world / "suid"
    file.write_bytes(b"#!")
    file.chmod(0o4755)

    def act() -> None:
        vault = Vault(world / "home" / "vault")
        restored = vault.restore(vault.seal(str(file), ()).id)
        assert any("set-user-ID" in note for note in restored.notes)
        assert file.stat().st_mode & 0o7777 == 0o755

    as_nobody(act)


def test_a_folder_that_may_be_searched_but_not_read(tmp_path: Path, world: Path) -> None:
    open_to_all(tmp_path)
    drop = world / "drop"
    drop.mkdir()
    (drop / "file").write_bytes(b"x")
    os.chown(drop / "file", NOBODY, NOBODY)
    drop.chmod(0o733)

    def act() -> None:
        vault = Vault(tmp_path / "home-of-nobody" / "vault")
        vault.restore(vault.seal(str(drop / "file"), ()).id)
        assert (drop / "file").read_bytes() == b"x"

    (tmp_path / "home-of-nobody").mkdir()
    os.chown(tmp_path / "home-of-nobody", NOBODY, NOBODY)
    as_nobody(act)


def test_somebody_elses_vault_is_refused(tmp_path: Path, world: Path) -> None:
    open_to_all(tmp_path)
    vault = Vault(tmp_path / "theirs")
    vault.folder.mkdir()
    (world / "file").write_bytes(b"x")
    os.chown(vault.folder, NOBODY, NOBODY)
    require(os.geteuid() == 0, "root, to make a folder of another user")
    with pytest.raises(VaultError, match="belongs to user 65534"):
        vault.seal(str(world / "file"), ())
    assert (world / "file").exists()


def _seal_one(folder: Path, path: str) -> str:
    try:
        return Vault(folder).seal(path, ()).id
    except VaultError:
        return ""


def test_many_at_once(vault: Vault, world: Path) -> None:
    """Processes that seal the same files share them out; none is lost or doubled."""
    for index in range(24):
        (world / str(index)).write_bytes(bytes([index]) * 1000)
    work = [(vault.folder, str(world / str(index))) for index in range(24)] * 2
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        ids = [id for id in pool.starmap(_seal_one, work, chunksize=1) if id]
    assert sorted(ids) == sorted(exhibit.id for exhibit in vault.entries())
    assert len(ids) == 24
    assert names(world) == []


def test_a_vault_in_use_does_not_hold_up_the_list(vault: Vault, world: Path) -> None:
    (world / "file").write_bytes(b"x")
    vault.seal(str(world / "file"), ())
    with vault._changing():
        (vault.folder / "being-written.tmp").write_bytes(b"")
        assert vault.recover() == ()
        assert len(vault.entries()) == 1
    assert vault.recover() == ()
    assert not (vault.folder / "being-written.tmp").exists()
