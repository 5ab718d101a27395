"""An output never destroys an input, and a scan that is refused leaves the files named as outputs as they were."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from overt.cli.render.output import HeldStream
from overt.cli.voice import Exit
from overt.engine import pack as packs
from tests.cli.test_transcripts import payload_pack
from tests.payload import pack


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


OUTPUTS = "--html words --json hh.json --quarantine"


def kept(folder: Path) -> bool:
    return ((folder / "words").read_text(), (folder / "hh.json").read_text()) == ("words\n", "hh.json\n")


@pytest.mark.kernel
def test_a_scan_that_cannot_be_confined_leaves_the_outputs_as_they_were(folder: Path) -> None:
    with socket.socket(socket.AF_INET) as network:
        command = [sys.executable, "-m", "overt", "scan", "--pack", "test.pack", *OUTPUTS.split(), "hh"]
        done = subprocess.run(command, cwd=folder, stdin=network, capture_output=True, text=True, timeout=60)
    assert done.returncode == Exit.ERROR
    assert "descriptor 0 is a network socket" in done.stderr
    assert kept(folder)


@pytest.mark.kernel
def test_rules_that_fail_to_load_leave_the_outputs_as_they_were(folder: Path) -> None:
    (folder / "test.pack").write_bytes(packs.dump(pack("rule broken {")))
    done = run(folder, f"scan --pack test.pack {OUTPUTS} hh words absent")
    assert done.returncode == Exit.ERROR
    assert "overt: " in done.stderr and "Traceback" not in done.stderr
    assert kept(folder)


@pytest.mark.kernel
def test_nothing_to_examine_replaces_the_outputs_too(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert run(folder, "scan -q --pack test.pack --html words empty").returncode == Exit.OK
    assert (folder / "words").read_text().endswith("</html>")


def test_what_is_held_back_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overt.cli.render.output.MAX_HELD_BYTES", 10)
    emptied: list[int] = []
    with open(tmp_path / "out", "wb") as file:
        stream = HeldStream(file, "the output", emptied.append)
        stream.write(b"12345")
        stream.flush()
        assert (emptied, (tmp_path / "out").read_bytes()) == ([], b"")
        stream.write(b"67890+")
        stream.begin()
        stream.flush()
    assert len(emptied) == 1
    assert (tmp_path / "out").read_bytes() == b"1234567890+"


@pytest.mark.kernel
def test_an_older_output_is_replaced_whole(folder: Path) -> None:
    (folder / "words").write_text("x" * 1_000_000)
    assert run(folder, "scan -q --pack test.pack --csv words hh").returncode == Exit.OK
    assert (folder / "words").read_text().startswith("path,verdict,row,")
    assert "x" * 100 not in (folder / "words").read_text()
