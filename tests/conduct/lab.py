"""`overt conduct` as its user runs it, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from overt.conduct.evidence.conclusions import Answer
from overt.conduct.evidence.folder import ReportFolder

SUBJECTS = Path(__file__).parent / "subjects"
RUN_S = 1800


def overt(home: Path, *words: str, **more: object) -> subprocess.CompletedProcess[str]:
    """Run the command with its own data below `home`."""
    command = [str(Path(sys.executable).with_name("overt")), *words]
    environment = os.environ | {"OVERT_HOME": str(home)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=RUN_S, **more
    )  # type: ignore[call-overload, no-any-return]


def reported(folder: Path, profile: str, *words: str) -> ReportFolder:
    """The report of a run of `profile`, made below `folder`."""
    out = folder / "report"
    done = overt(folder / "home", "conduct", "run", profile, "--out", str(out), "--seed", "7", *words)
    assert "report:" in done.stderr, done.stdout + done.stderr
    return ReportFolder(out)


def answers(report: ReportFolder) -> dict[str, Answer]:
    """By their question."""
    return {answer.question: answer for answer in report.answers()}
