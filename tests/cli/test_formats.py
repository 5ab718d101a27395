"""The formats table in the documentation is the code's."""

from __future__ import annotations

from pathlib import Path

from overt.cli.formats import markdown, plain
from overt.engine.unpack.registry import FORMATS


def test_documentation_lists_every_format() -> None:
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    assert text.endswith("\n".join(markdown()) + "\n"), "run: overt formats --markdown"


def test_one_line_each() -> None:
    assert len(plain()) == len(FORMATS)
