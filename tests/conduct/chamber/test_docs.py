"""The page on the chamber says what the code does."""

from __future__ import annotations

from pathlib import Path

from overt.conduct.chamber import denials, devices, privileges, view

PAGE = (Path(__file__).parents[3] / "docs/conduct-chamber.md").read_text()
OBSOLETE = {"create_module", "nfsservctl", "uselib", "stime", "umount", "open_tree_attr"}
"""Of other architectures, or old or new forms of those that are named."""


def test_capabilities() -> None:
    usual, never = PAGE.split("No profile can have")
    assert all(name in usual for name in privileges.USUAL)
    assert all(name in never for name in privileges.NEVER)
    assert not privileges.NEVER & set(privileges.USUAL)


def test_refused_calls() -> None:
    words = set(PAGE.replace("`", " ").split())
    assert {*denials.ALWAYS, *denials.MOUNTS} - OBSOLETE <= words


def test_places() -> None:
    named = "home root tmp run dev proc sys".split()
    assert set(named) <= set(view.OWN) and all(f"/{name}" in PAGE for name in named)
    assert all(name in PAGE for name in devices.NODES)
