"""An output never destroys an input, and a scan that is refused leaves the files named as outputs as they were."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from overt.cli.voice import Exit
from tests.cli.test_transcripts import payload_pack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of every kind that a scan reads, each with content to lose."""
    for name in ("hh", "hh.json", "words", "list", "patterns"):
        (tmp_path / name).write_text(f"{name}\n")
    (tmp_path / "list").write_text("hh\n")
    (tmp_path / "o.toml").write_text("[scan]\n")
    (tmp_path / "test.pack").write_bytes(payload_pack())
    os.link(tmp_path / "hh", tmp_path / "linked")
    (tmp_path / "link").symlink_to("hh")
    return tmp_path


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    shell = f"{sys.executable} -m overt {command}"
    return subprocess.run(["bash", "-c", shell], cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("scan --html hh hh", "something to scan"),
        ("scan --html linked hh", "something to scan"),
        ("scan --csv link hh", "something to scan"),
        ("scan --json hh.json hh.json", "something to scan"),
        ("scan --html hh - < hh", "something to scan"),
        ("scan --html words --passwords-from words hh", "a file of --passwords-from"),
        ("scan --html o.toml --config o.toml hh", "a configuration file"),
        ("scan --html list --files-from list", "the list of --files-from"),
        ("scan --html patterns --exclude-from patterns hh", "a file of --exclude-from"),
        ("scan --html test.pack hh", "the rule pack of --pack"),
        ("scan --sarif new --csv words --html hh hh", "something to scan"),
        ("rules test hh --report hh", "something to read"),
    ],
)
def test_an_output_that_is_an_input_is_refused(folder: Path, command: str, what: str) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    done = run(folder, command.replace("scan ", "scan --pack test.pack ", 1))
    assert done.returncode == Exit.ERROR
    assert f"would overwrite {what}: give the output another name" in done.stderr
    after = {name: (folder / name).read_bytes() for name in before}
    assert after == before


@pytest.mark.parametrize(
    "command",
    [
        "--pack absent hh",
        "--pack hh hh",
        "--files-from absent",
        "--exclude-from absent hh",
        "--csv absent/r.csv hh",
        "--max-depth 99 hh",
    ],
)
def test_a_refused_scan_leaves_the_outputs_as_they_were(folder: Path, command: str) -> None:
    pack = "" if "--pack" in command else "--pack test.pack"
    done = run(folder, f"scan --html words --json hh.json {pack} {command}")
    assert done.returncode == Exit.ERROR
    assert ((folder / "words").read_text(), (folder / "hh.json").read_text()) == ("words\n", "hh.json\n")


@pytest.mark.kernel
def test_an_older_output_is_replaced_whole(folder: Path) -> None:
    (folder / "words").write_text("x" * 1_000_000)
    assert run(folder, "scan -q --pack test.pack --csv words hh").returncode == Exit.OK
    assert (folder / "words").read_text().startswith("path,verdict,row,")
    assert "x" * 100 not in (folder / "words").read_text()
