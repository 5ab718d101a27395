"""`./run`: whatever its set-up fails with, it ends with 2 and never with the code of an infection."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

RUN = Path(__file__).parents[1] / "run"


def run(venv: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(RUN), "--version"],
        env=os.environ | {"OVERT_VENV": str(venv)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = run(tmp_path / "file" / "venv")
    assert done.returncode == 2
    assert f"run: set-up failed: making a virtual environment in {tmp_path}/file/venv" in done.stderr


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    done = run(tmp_path)
    assert done.returncode == 2
    assert "holds something else than a virtual environment" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_packages_that_cannot_be_had_and_an_environment_half_made(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to("/nonexistent/python3")
    done = run(tmp_path, PIP_NO_INDEX="1", PIP_NO_CACHE_DIR="1")
    assert done.returncode == 2
    assert "run: set-up failed: installing the pinned packages" in done.stderr
    assert (tmp_path / "pyvenv.cfg").exists()
