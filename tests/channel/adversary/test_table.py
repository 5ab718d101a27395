"""docs/channel-attacks.md is what the tests play."""

from __future__ import annotations

from tests.channel.adversary import table
from tests.channel.adversary.table import CHAPTERS


def test_the_document_is_in_step() -> None:
    text = table.DOCUMENT.read_text("utf-8")
    assert table.documented(text) == table.table().strip("\n"), (
        "run: python -m tests.channel.adversary.table --write"
    )


def test_every_attack_has_a_name_of_its_own() -> None:
    names = [attack.name for _, attacks in CHAPTERS for attack in attacks]
    assert len(set(names)) == len(names)
