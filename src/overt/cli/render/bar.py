"""The progress bar: on a terminal only, drawn by tqdm without its monitor thread."""

from __future__ import annotations

import shutil
import sys
import threading
from typing import TextIO

from tqdm import tqdm

from overt.cli.quantities import size_text
from overt.core.model import FileReport, Summary
from overt.scan.request import Progress

KNOWN = "{desc} |{bar}| {percentage:3.0f}%, {remaining} left"
UNKNOWN = "{desc}, {elapsed} so far"
"""While the totals are still being counted."""


class Bar:
    """Files, bytes, rate and time left on one line of `stream`. Everything tqdm looks up about the terminal is
    looked up here, before lock-down."""

    every_file = False
    shows_progress = True

    def __init__(self, stream: TextIO) -> None:
        tqdm.monitor_interval = 0
        tqdm.set_lock(threading.RLock())
        self._bar = tqdm(
            total=None,
            file=stream,
            leave=False,
            ncols=max(40, shutil.get_terminal_size().columns - 1),
            nrows=24,
            dynamic_ncols=False,
            ascii=" ━" if (stream.encoding or "").lower().startswith("utf") else " #",
            mininterval=0,
            desc="starting",
            bar_format=UNKNOWN,
        )

    def write(self, line: str, stream: TextIO | None = None) -> None:
        """Print `line` on `stream` (default: stdout) above the bar."""
        tqdm.write(line, file=stream or sys.stdout)

    def file(self, report: FileReport) -> None:
        """Nothing: the session reports progress itself, at most ten times a second."""

    def progress(self, progress: Progress) -> None:
        """Redraw."""
        bar = self._bar
        if progress.total_files:
            files = f"{progress.files:,}/{progress.total_files:,} files"
            done = f"{size_text(progress.bytes)} of {size_text(progress.total_bytes)}"
        else:
            files, done = f"{progress.files:,} files", size_text(progress.bytes)
        bar.total = progress.total_bytes or None
        bar.bar_format = KNOWN if bar.total else UNKNOWN
        bar.n = min(progress.bytes, bar.total) if bar.total else progress.bytes
        rate = size_text(progress.bytes / max(progress.elapsed_s, 0.001))
        bar.set_description_str(f"{files}, {done}, {rate}/s", refresh=False)
        bar.refresh()

    def finish(self, summary: Summary) -> None:
        """Take the bar away: the summary says the rest."""
        self._bar.close()
