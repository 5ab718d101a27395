"""A run on another system than the machine's own: a few programs, without accounts, certificates or packages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from overt.conduct.chamber import products, system
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Losses, System
from overt.conduct.report import verify
from tests.conduct.lab import overt

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PROGRAMS = ("sh", "cat", "ls")
PROFILE = """schema = 1
[product]
name = "Small AV"
version = ["{product}/av", "version"]
[install]
how = "folder"
path = "av"
[[step]]
kind = "scan"
command = ["{product}/av"]
user = "alice"
[[scope]]
reads = ["/home/**"]
executes = ["/usr/bin/*"]
"""
AV = """#!/bin/sh
[ "$1" = version ] && exec echo 1.0
read -r system < /etc/os-release && echo "$system"
ls /usr/bin
for file in /home/alice/Documents/*; do cat "$file" > /dev/null 2>&1; done; exit 0
"""


def snapshot(root: Path) -> Path:
    """Of this machine's own files: a shell and two programs, their libraries, and its own name."""
    (root / "usr/bin").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "bin").symlink_to("usr/bin")
    (root / "etc/os-release").write_text('PRETTY_NAME="Tiny \\"System\\" 1"\nID=tiny\n')
    for name in PROGRAMS:
        program = Path(str(shutil.which(name)))
        shutil.copy(program, root / "usr/bin" / name)
        said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"(/\S+) \(0x", said):
            target = root / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportFolder, Path]:
    """The report, and the snapshot that it was made on."""
    folder = tmp_path_factory.mktemp("snapshot")
    root = snapshot(folder / "root")
    (folder / "av").mkdir()
    (folder / "av/av").write_text(AV)
    (folder / "av/av").chmod(0o755)
    (folder / "av.toml").write_text(PROFILE)
    before = products.digest(root)
    words = ("conduct", "run", "av.toml", "--out", "report", "--seed", "7", "--snapshot", "root")
    done = overt(folder / "home", *words, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert products.digest(root) == before, "the snapshot was changed"
    return ReportFolder(folder / "report"), root


def test_the_product_sees_the_snapshot_and_nothing_of_the_machine(made: tuple[ReportFolder, Path]) -> None:
    (run,) = made[0].runs()
    assert run.run().losses == Losses()
    scan = next(step for step in run.run().steps if step.kind == "scan")
    said = (run.path / scan.output).read_text().splitlines()
    assert said[0] == 'PRETTY_NAME="Tiny \\"System\\" 1"' and set(PROGRAMS) == set(said[1:])


def test_every_form_of_the_report_says_on_what_it_ran(made: tuple[ReportFolder, Path]) -> None:
    report, root = made
    found = report.runs()[0].run().system
    assert found == system.look(root) and found is not None and found.snapshot
    words = f'a snapshot: Tiny "System" 1 (sha256 {found.sha256[:12]})'
    page = (report.path / "report.html").read_text()
    assert words.replace('"', "&#34;") in page
    assert (
        words
        in json.loads((report.path / "oscal.json").read_text())["assessment-results"]["results"][0][
            "description"
        ]
    )
    assert verify.verify(report.path, None).holds


def test_a_snapshot_is_known_by_its_files(tmp_path: Path) -> None:
    root = snapshot(tmp_path / "root")
    first = system.look(root)
    (root / "usr/bin/more").write_text("x")
    assert system.look(root).sha256 != first.sha256
    own = system.look(Path("/"))
    assert not own.snapshot and own.sha256 == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("PRETTY_NAME='One Two'\n", "One Two"),
        ("# x\nPRETTY_NAME=One\nPRETTY_NAME=Two\n", "One"),
        ('PRETTY_NAME="no end\n', ""),
        ("", ""),
        ("\x00\xff", ""),
    ],
)
def test_its_name_is_read_as_a_shell_would(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text(text)
    (tmp_path / "etc/os-release").symlink_to("/usr/lib/os-release")  # of the snapshot, not of this machine
    assert system.look(tmp_path) == System(name=name, snapshot=True, sha256=system.look(tmp_path).sha256)
