"""Where Overt keeps its own files."""

from __future__ import annotations

from pathlib import Path

from overt.store.paths import paths


def test_relative_xdg_folders_are_ignored() -> None:
    names = ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
    relative = paths({"HOME": "/home/u", **dict.fromkeys(names, "here")}, root=False)
    assert relative == paths({"HOME": "/home/u"}, root=False)
    assert relative.data == Path("/home/u/.local/share/overt")
    assert relative.ledger == Path("/home/u/.local/state/overt/ledger")


def test_absolute_xdg_folders_are_used() -> None:
    assert paths({"HOME": "/home/u", "XDG_CACHE_HOME": "/c"}, root=False).cache == Path("/c/overt")
