"""Out of the vault: nothing is replaced unasked, no link is followed, nothing damaged comes out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from overt.core.errors import VaultError
from overt.vault import Vault
from tests.vault.conftest import names


@pytest.fixture
def sealed(vault: Vault, world: Path) -> str:
    (world / "folder").mkdir()
    file = world / "folder" / "file"
    file.write_bytes(b"content")
    return vault.seal(str(file), ()).id


def test_a_taken_name_is_left_alone(sealed: str, vault: Vault, world: Path) -> None:
    file = world / "folder" / "file"
    file.write_bytes(b"mine")
    with pytest.raises(VaultError, match=r"exists already.*--to.*--overwrite"):
        vault.restore(sealed)
    assert file.read_bytes() == b"mine"
    assert vault.entry(sealed)
    assert vault.restore(sealed, to=world / "elsewhere").path == str(world / "elsewhere")
    assert (world / "elsewhere").read_bytes() == b"content"


def test_overwrite_replaces_the_name_and_follows_no_link(sealed: str, vault: Vault, world: Path) -> None:
    (world / "precious").write_bytes(b"precious")
    file = world / "folder" / "file"
    file.symlink_to(world / "precious")
    vault.restore(sealed, overwrite=True)
    assert not file.is_symlink()
    assert file.read_bytes() == b"content"
    assert (world / "precious").read_bytes() == b"precious"


def test_a_dangling_link_is_a_taken_name(sealed: str, vault: Vault, world: Path) -> None:
    (world / "folder" / "file").symlink_to(world / "nowhere")
    with pytest.raises(VaultError, match="exists already"):
        vault.restore(sealed)
    assert not (world / "nowhere").exists()


def test_a_folder_is_never_replaced(sealed: str, vault: Vault, world: Path) -> None:
    (world / "folder" / "file").mkdir()
    with pytest.raises(VaultError, match="is a folder"):
        vault.restore(sealed, overwrite=True)


def test_a_folder_that_became_a_link_is_not_followed(sealed: str, vault: Vault, world: Path) -> None:
    (world / "folder").rename(world / "other")
    (world / "folder").symlink_to("other")
    with pytest.raises(VaultError, match=r"symbolic link.*--to"):
        vault.restore(sealed)
    assert names(world / "other") == []
    assert vault.restore(sealed, to=world / "folder").path == str(world / "other" / "file")


def test_a_missing_folder_is_said_with_the_next_step(sealed: str, vault: Vault, world: Path) -> None:
    (world / "folder").rmdir()
    with pytest.raises(VaultError, match=r"is gone: create it, or choose another place with --to"):
        vault.restore(sealed)
    assert vault.entry(sealed)


def test_not_into_the_vault(sealed: str, vault: Vault) -> None:
    with pytest.raises(VaultError, match="the vault itself"):
        vault.restore(sealed, to=vault.folder)


def test_every_damage_is_found_before_anything_is_written(sealed: str, vault: Vault, world: Path) -> None:
    container = vault.folder / f"{sealed}.overtq"
    whole = container.read_bytes()
    for position in [*range(0, len(whole), 7), len(whole) - 1]:
        container.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(VaultError):
            vault.restore(sealed)
    for length in range(0, len(whole), 11):
        container.write_bytes(whole[:length])
        with pytest.raises(VaultError):
            vault.restore(sealed)
    assert names(world / "folder") == []
    assert [damage.id for damage in vault.survey().damaged] == [sealed]
    assert vault.delete(sealed) == sealed
    assert vault.survey() == type(vault.survey())()


def test_a_container_under_a_wrong_name_is_refused(sealed: str, vault: Vault) -> None:
    (vault.folder / f"{sealed}.overtq").rename(vault.folder / "0123456789ab.overtq")
    with pytest.raises(VaultError, match="under a wrong name"):
        vault.restore("0123456789ab")


def test_prefixes(vault: Vault, world: Path) -> None:
    ids = []
    for index in range(20):
        (world / "file").write_bytes(bytes([index]))
        ids.append(vault.seal(str(world / "file"), ()).id)
    assert [exhibit.id for exhibit in vault.entries()] == ids
    shared = next(letter for letter in "0123456789abcdef" if sum(id[0] == letter for id in ids) > 1)
    with pytest.raises(VaultError, match="give more of it"):
        vault.entry(shared)
    for unknown in ("", "nope", "../etc/passwd"):
        with pytest.raises(VaultError, match="nothing in the vault has the identifier"):
            vault.entry(unknown)
    for id in ids:
        assert vault.delete(id) == id


def test_no_vault_yet(vault: Vault) -> None:
    assert vault.entries() == ()
    assert vault.recover() == ()
    with pytest.raises(VaultError, match="nothing in the vault"):
        vault.entry("a")
    assert not vault.folder.exists()


def test_the_folders_default_access_list_is_not_inherited(sealed: str, vault: Vault, world: Path) -> None:
    folder = world / "folder"
    subprocess.run(["setfacl", "-d", "-m", "u:65534:rwx", str(folder)], check=True)
    assert vault.restore(sealed).notes == ()
    assert os.listxattr(folder / "file") == []
    assert (folder / "file").stat().st_mode & 0o7777 == 0o644


def test_exports(sealed: str, vault: Vault, world: Path) -> None:
    exhibit = vault.entry(sealed)
    container = Path(vault.export(sealed, world))
    assert container.read_bytes() == (vault.folder / f"{sealed}.overtq").read_bytes()
    with pytest.raises(VaultError, match="exists already"):
        vault.export(sealed, world)
    archive = vault.export(sealed, world / "sample.zip", plain=True)
    shown = subprocess.run(["7z", "x", "-so", "-pinfected", archive], capture_output=True, check=True)
    assert shown.stdout == b"content"
    tested = subprocess.run(["unzip", "-P", "infected", "-t", archive], capture_output=True, check=False)
    assert tested.returncode == 0, tested.stdout
    assert exhibit.sha256.encode() in tested.stdout
    assert subprocess.run(
        ["unzip", "-P", "wrong", "-t", archive], capture_output=True, check=False
    ).returncode
    assert vault.entry(sealed) == exhibit
    assert names(vault.folder) == [f"{sealed}.overtq"]


def test_exported_zip_of_a_sparse_file(vault: Vault, world: Path) -> None:
    file = world / "sparse"
    with file.open("wb") as stream:
        stream.truncate(3_000_000)
        stream.seek(2_500_000)
        stream.write(b"end")
    content = file.read_bytes()
    archive = vault.export(vault.seal(str(file), ()).id, world, plain=True)
    shown = subprocess.run(["7z", "x", "-so", "-pinfected", archive], capture_output=True, check=True)
    assert shown.stdout == content
