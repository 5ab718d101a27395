"""A world per test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.channel.publisher.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A development channel with four witnesses, three of which are needed; nothing is published."""
    made = World(tmp_path / "world")
    made.found()
    return made
