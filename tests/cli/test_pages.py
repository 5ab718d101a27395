"""The transcripts in the documentation are what the program prints: they are run, and compared but for what changes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from scripts.transcript import RUN, comparable, rerun

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md") if RUN.search(path.read_text("utf-8")))


def test_there_are_pages_with_transcripts() -> None:
    assert "channel-publishing.md" in PAGES


@pytest.mark.kernel
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_program_prints(name: str) -> None:
    page = (DOCS / name).read_text("utf-8")
    now = rerun(page, Path(sys.executable).parent)
    assert comparable(now) == comparable(page), f"python -m scripts.transcript docs/{name} writes it anew"
