"""Standard streams that are closed or full, and what is blamed for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from overt.cli.voice import Exit
from tests.cli.test_overwrite import folder as folder
from tests.cli.test_overwrite import run


@pytest.mark.kernel
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_changes_no_verdict(folder: Path, closed: str) -> None:
    done = run(folder, f"scan --no-cache --pack test.pack --csv r.csv hh {closed}")
    assert done.returncode == Exit.OK
    assert not done.stderr
    assert (folder / "r.csv").read_text().count("\n") == 2


@pytest.mark.parametrize("command", ["scan -", "scan --files-from -", "explain -"])
def test_closed_standard_input_is_said(folder: Path, command: str) -> None:
    done = run(folder, f"{command} --pack test.pack <&-")
    assert done.returncode == Exit.ERROR
    assert (
        done.stderr
        == "overt: '-' is standard input, and that is closed: pipe or redirect something into it\n"
    )


@pytest.mark.parametrize("command", ["rules list", "formats", "completion bash", "prove"])
def test_a_full_standard_output_is_blamed_itself(folder: Path, command: str) -> None:
    done = run(folder, f"{command} > /dev/full")
    assert done.returncode == Exit.ERROR
    assert done.stderr.count("\n") == 1
    assert "output: No space left on device" in done.stderr


def test_a_closed_pipe_is_no_news(folder: Path) -> None:
    shell = f"set -o pipefail; {sys.executable} -m overt rules list | head -0"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (Exit.ERROR, "")
