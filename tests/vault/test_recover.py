"""What a dead process leaves, in the cases that a signal can't produce: changed, damaged and unreachable files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from overt.vault import Outcome, Vault
from overt.vault.journal import Journal, write_journal
from overt.vault.shelf import locked_shelf
from tests.vault.conftest import NOBODY, as_nobody, names, open_to_all


@pytest.fixture
def pending(vault: Vault, world: Path) -> str:
    """A file sealed and gone, by a process that died before it could say so."""
    (world / "file").write_bytes(b"content")
    id = vault.seal(str(world / "file"), ()).id
    (vault.folder / f"{id}.overtq").rename(vault.folder / f"{id}.pending")
    return id


def outcomes(vault: Vault) -> list[Outcome]:
    return [recovery.outcome for recovery in vault.recover()]


def test_gone(pending: str, vault: Vault) -> None:
    assert outcomes(vault) == [Outcome.SEALED]
    assert vault.entry(pending)
    assert outcomes(vault) == []


def test_another_file_took_its_name(pending: str, vault: Vault, world: Path) -> None:
    (world / "file").write_bytes(b"content")
    assert outcomes(vault) == [Outcome.SEALED]
    assert (world / "file").read_bytes() == b"content"


@pytest.mark.parametrize("gone", ["removed", "a file", "a link"])
def test_its_folder_is_gone(gone: str, pending: str, vault: Vault, world: Path) -> None:
    world.rename(world.with_name("moved"))
    if gone == "a file":
        world.write_bytes(b"")
    elif gone == "a link":
        world.symlink_to("moved")
    assert outcomes(vault) == [Outcome.SEALED]


def test_damaged(pending: str, vault: Vault) -> None:
    with (vault.folder / f"{pending}.pending").open("r+b") as stream:
        stream.seek(90)
        stream.write(b"x")
    assert outcomes(vault) == [Outcome.DAMAGED]
    assert names(vault.folder) == [f"{pending}.overtq"]


def test_its_folder_cannot_be_looked_into(tmp_path: Path, world: Path) -> None:
    open_to_all(tmp_path)
    world.chmod(0o777)
    vault = Vault(world / "home" / "vault")

    def crash() -> None:
        (world / "inner").mkdir()
        (world / "inner" / "file").write_bytes(b"content")
        id = vault.seal(str(world / "inner" / "file"), ()).id
        (vault.folder / f"{id}.overtq").rename(vault.folder / f"{id}.pending")
        (world / "inner").chmod(0)
        assert outcomes(vault) == [Outcome.UNKNOWN]
        assert names(vault.folder) == [f"{id}.pending"]
        (world / "inner").chmod(0o700)
        assert outcomes(vault) == [Outcome.SEALED]

    as_nobody(crash)
    assert world.stat().st_uid != NOBODY


def test_the_next_change_settles_it_too(pending: str, vault: Vault, world: Path) -> None:
    (world / "another").write_bytes(b"x")
    vault.seal(str(world / "another"), ())
    assert len(vault.entries()) == 2


def test_a_damaged_journal_costs_nothing(pending: str, vault: Vault) -> None:
    (vault.folder / f"{pending}.writing").write_bytes(b"{")
    assert outcomes(vault) == [Outcome.SEALED, Outcome.DAMAGED]
    assert names(vault.folder) == [f"{pending}.overtq"]


def test_an_equal_file_of_another_time_does_not_end_a_restoring(vault: Vault, world: Path) -> None:
    """The target is there with the right content, but it is not the one that was being written."""
    file = world / "file"
    file.write_bytes(b"content")
    id = vault.seal(str(file), ()).id
    file.write_bytes(b"content")
    os.utime(file, (1, 1))
    (world / ".overt-x.tmp").write_bytes(b"half")
    with locked_shelf(vault.folder) as shelf:
        assert shelf is not None
        write_journal(shelf, Journal(id, str(world), "file", ".overt-x.tmp", True))
    assert outcomes(vault) == [Outcome.KEPT]
    assert names(world) == ["file"]
    assert vault.entry(id)
