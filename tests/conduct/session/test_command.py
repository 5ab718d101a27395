"""The command's own manners: clear refusals, nothing left behind, whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conduct.lab import SUBJECTS, overt
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.kernel
BEHAVES = str(SUBJECTS / "behaves/profile.toml")


def test_the_machine_is_ready(tmp_path: Path) -> None:
    done = overt(tmp_path, "conduct", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "everything is there" in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "nortn"), "no profile 'nortn': ready are"),
        (("run", "absent.toml"), "absent.toml"),
        (("run", BEHAVES, "--differential", "1"), "nothing can be compared"),
        (("run", BEHAVES, "--mode", "pass-through"), "--let-it-out 'Behaving control'"),
        (("run", BEHAVES, "--mode", "replay"), "nothing to replay"),
        (("run", BEHAVES, "--snapshot", "/nowhere"), "/nowhere"),
        (("show", "/nowhere"), "is this the folder of a conduct report?"),
        (("verify", "/nowhere"), "is this the folder of a conduct report?"),
        (("diff", "/nowhere", "/nowhere"), "is this the folder of a conduct report?"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = overt(tmp_path, "conduct", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "profile-report").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_it_nothing_goes_on_and_the_next_start_cleans_up(number: int, tmp_path: Path) -> None:
    state = tmp_path / "data/conduct"
    command = [
        str(Path(sys.executable).with_name("overt")),
        "conduct",
        "run",
        BEHAVES,
        "--out",
        str(tmp_path / "report"),
    ]
    process = subprocess.Popen(
        command, env=os.environ | {"OVERT_HOME": str(tmp_path)}, stderr=subprocess.PIPE
    )
    assert until((tmp_path / "report/evidence/runs/mixed-1/canaries.jsonl").exists)
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode not in (0, None)
    assert (b"no report was made" in said) is (number != signal.SIGKILL), said
    assert b"Traceback" not in said
    assert until(lambda: not _processes_naming(state))
    assert str(state) not in Path("/proc/self/mountinfo").read_text()
    if number != signal.SIGKILL:
        assert not list(state.glob("run-*"))
    done = overt(tmp_path, "conduct", "run", BEHAVES, "--out", str(tmp_path / "second"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(state.glob("run-*"))


def _processes_naming(folder: Path) -> list[str]:
    """Command lines that name the folder, and loop devices that use a file in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in text:
            found.append(text)
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            found += [line for line in [path.read_text()] if str(folder) in line]
        except OSError:
            continue
    return found
