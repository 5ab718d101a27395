"""The finder run again for somebody who waits: what is searched is told."""

from __future__ import annotations

from overt.cli.voice import note, visible
from overt.conduct.evidence.folder import RunFolder
from overt.conduct.judge.answering import shortened
from overt.conduct.report.verify import search_run


def search_again(run: RunFolder, into: RunFolder) -> None:
    """`search_run`, told before each run. Raises `OvertError`."""
    note(f"searching again what left in {visible(shortened(run.path.name))}")
    search_run(run, into)
