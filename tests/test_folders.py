"""Folders that a user named are not taken away from others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from overt.conduct.report import signing
from overt.store.folders import claim, make_private


def mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def test_a_folder_that_others_use_is_left_as_it_is(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "theirs").touch()
    with pytest.raises(PermissionError, match="name a new folder, or chmod 700 it"):
        claim(shared)
    assert mode(shared) == 0o755


@pytest.mark.parametrize("there", [False, True])
def test_a_new_or_empty_one_is_made_private(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "own"
    if there:
        folder.mkdir()
        folder.chmod(0o755)
    claim(folder)
    assert mode(folder) == 0o700
    (folder / "file").touch()
    claim(folder)


def test_overts_own_are_tightened(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_private(folder)
    os.chmod(folder, 0o755)
    (folder / "file").touch()
    make_private(folder)
    assert (mode(folder), mode(folder.parent)) == (0o700, 0o755)


def test_a_key_leaves_the_folder_that_it_is_put_into(tmp_path: Path) -> None:
    """`--key /key`: the root folder stays open to everybody."""
    tmp_path.chmod(0o755)
    signing.lab_key(tmp_path / "key")
    assert mode(tmp_path) == 0o755 and mode(tmp_path / "key") == 0o600
