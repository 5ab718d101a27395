"""The progress bar: one line, no threads, gone at the end; on a terminal only."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from overt.cli.render.bar import Bar
from overt.core.model import Summary
from overt.scan.request import Progress
from tests.cli.test_transcripts import payload_pack


def test_shows_files_bytes_rate_and_time_left_without_a_thread() -> None:
    stream, threads = io.StringIO(), set(threading.enumerate())
    bar = Bar(stream)
    bar.progress(Progress(10, 1 << 20, 0, 0, 0.5))
    assert "10 files, 1.00 MiB" in stream.getvalue()
    bar.progress(Progress(500, 1 << 29, 1000, 1 << 30, 1.0))
    line = stream.getvalue().rpartition("\r")[2]
    assert "500/1,000 files, 512 MiB of 1.00 GiB" in line
    assert "50%" in line and "left" in line
    assert set(threading.enumerate()) <= threads  # those of other tests may end meanwhile


def test_lines_are_printed_above_it_and_it_goes_away() -> None:
    stream = io.StringIO()
    bar = Bar(stream)
    bar.progress(Progress(1, 1, 2, 2, 0.1))
    bar.write("infected    a.exe", stream)
    bar.finish(Summary())
    assert "infected    a.exe\n" in stream.getvalue()
    assert stream.getvalue().rpartition("\n")[2].strip(" \r") != ""
    assert stream.getvalue().endswith("\r")


@pytest.mark.kernel
def test_on_a_terminal_a_confined_scan_draws_it_and_in_a_pipe_it_does_not(tmp_path: Path) -> None:
    (tmp_path / "test.pack").write_bytes(payload_pack())
    for number in range(2000):
        (tmp_path / f"{number}.txt").write_text(f"{number} " * 200)
    command = [sys.executable, "-m", "overt", "scan", "--pack=test.pack", "--no-cache", "."]
    drawn = on_a_terminal(command, tmp_path)
    assert "files, " in drawn and "\r" in drawn
    assert "verdict      \x1b[32mclean: every file was examined" in drawn
    piped = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60)
    assert piped.stderr == b"" and b"\r" not in piped.stdout


def on_a_terminal(command: list[str], folder: Path) -> str:
    """What `command` writes when both its streams are a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(command, cwd=folder, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    parts = []
    with contextlib.suppress(OSError):  # Linux: EIO when the last writer has closed its end
        while part := os.read(master, 65536):
            parts.append(part)
    os.close(master)
    assert process.wait(timeout=60) == 0
    return b"".join(parts).decode()
