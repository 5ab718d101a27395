"""`overt quarantine` as people and programs use it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest

from overt.cli.app import main
from overt.store.paths import paths
from overt.vault import Vault
from tests.vault.conftest import FINDINGS

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schema/quarantine-1.schema.json").read_text())


class Shell:
    """Runs the command line and keeps what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        code = main(["quarantine", *words])
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def home(overt_home: Path) -> Vault:
    return Vault(paths().vault)


@pytest.fixture
def id(home: Vault, world: Path) -> str:
    file = world / os.fsdecode(b"odd\n\xff.exe")
    file.write_bytes(b"content")
    (world / "other").hardlink_to(file)
    return home.seal(str(file), FINDINGS).id


def test_empty(shell: Shell) -> None:
    assert shell("list") == 0
    assert (shell.out, shell.err) == ("", "nothing is in quarantine\n")
    assert shell("list", "--json") == 0
    assert (shell.out, shell.err) == ("", "")


def test_list_and_show(shell: Shell, id: str, world: Path) -> None:
    assert shell("list") == 0
    assert shell.out.startswith(id) and shell.out.count("\n") == 1
    assert shell.out.endswith(f"7 B  test_rule  {world}/odd\\n\\udcff.exe\n")
    assert shell("show", id[:6]) == 0
    assert "1 other name of this file kept the content" in shell.out
    assert "test_rule (high, test, by An Author) in" in shell.out
    assert "▸ a.zip ▸ odd\\udcff\\n.exe" in shell.out
    assert shell.out.isprintable() or "\x1b" not in shell.out


def test_json_follows_the_schema(shell: Shell, id: str, world: Path) -> None:
    assert shell("list", "--json") == 0
    record = json.loads(shell.out)
    jsonschema.validate(record, SCHEMA)
    assert record["id"] == id
    assert record["path"] == f"{world}/odd\n\ufffd.exe"
    assert record["other_names"] == 1
    listed = shell.out
    assert shell("show", "--json", id) == 0
    assert shell.out == listed


def test_restore(shell: Shell, id: str, world: Path, home: Vault) -> None:
    assert shell("restore", id) == 0
    assert shell.out == f"restored {id} to {world}/odd\\n\\udcff.exe\n"
    assert home.entries() == ()
    assert shell("restore", id, "nope") == 2
    assert shell.err.count("nothing in the vault has the identifier") == 2


def test_restore_elsewhere(shell: Shell, id: str, world: Path) -> None:
    (world / "taken").write_bytes(b"mine")
    assert shell("restore", id, "--to", str(world / "taken")) == 2
    assert "--overwrite" in shell.err
    assert shell("restore", id, "--to", str(world / "taken"), "--overwrite") == 0
    assert (world / "taken").read_bytes() == b"content"
    assert shell("restore", id, id, "--to", str(world / "taken")) == 2
    assert "takes one ID" in shell.err


def test_delete_asks(shell: Shell, id: str, home: Vault) -> None:
    assert shell("delete", id) == 2
    assert "--yes" in shell.err
    assert shell("delete") == 2
    assert shell("delete", id, "--all") == 2
    assert len(home.entries()) == 1
    assert shell("delete", id, "--yes") == 0
    assert shell.out == f"deleted {id}\n"
    assert home.entries() == ()


def test_delete_all_takes_damaged_ones_too(shell: Shell, id: str, home: Vault, world: Path) -> None:
    (home.folder / f"{id}.overtq").write_bytes(b"OVERTQ1\n")
    (world / "second").write_bytes(b"x")
    home.seal(str(world / "second"), ())
    assert shell("list") == 2
    assert f"{id} is damaged" in shell.err
    assert shell("delete", "--all", "-y") == 0
    assert shell("list") == 0


def test_export(shell: Shell, id: str, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world)
    assert shell("export", id) == 0
    assert (world / f"{id}.overtq").read_bytes().startswith(b"OVERTQ1\n")
    assert shell("export", id, "--plain", "--to", "sample.zip") == 0
    assert "password: infected" in shell.out
    assert (world / "sample.zip").read_bytes().startswith(b"PK")


def test_an_interruption_is_told(shell: Shell, id: str, home: Vault) -> None:
    (home.folder / f"{id}.overtq").rename(home.folder / f"{id}.pending")
    assert shell("list") == 0
    assert f"an interrupted step was found for {id}: the file is in the vault" in shell.err
    assert shell.out.startswith(id)
