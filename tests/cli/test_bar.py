"""The progress bar: one line, no threads, gone at the end; on a terminal only."""

from __future__ import annotations

import io
import threading

from overt.cli.render.bar import Bar
from overt.core.model import Summary
from overt.scan.request import Progress


def test_shows_files_bytes_rate_and_time_left_without_a_thread() -> None:
    stream, threads = io.StringIO(), threading.active_count()
    bar = Bar(stream)
    bar.progress(Progress(10, 1 << 20, 0, 0, 0.5))
    assert "10 files, 1.00 MiB" in stream.getvalue()
    bar.progress(Progress(500, 1 << 29, 1000, 1 << 30, 1.0))
    line = stream.getvalue().rpartition("\r")[2]
    assert "500/1,000 files, 512 MiB of 1.00 GiB" in line
    assert "50%" in line and "left" in line
    assert threading.active_count() == threads


def test_lines_are_printed_above_it_and_it_goes_away() -> None:
    stream = io.StringIO()
    bar = Bar(stream)
    bar.progress(Progress(1, 1, 2, 2, 0.1))
    bar.write("infected    a.exe", stream)
    bar.finish(Summary())
    assert "infected    a.exe\n" in stream.getvalue()
    assert stream.getvalue().rpartition("\n")[2].strip(" \r") != ""
    assert stream.getvalue().endswith("\r")
