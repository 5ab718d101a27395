"""What a step was told to run needs no declaring; what only calls itself so does."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path

import pytest

from overt.conduct.evidence.conclusions import Verdict
from tests.conduct.judge.test_judge import judged
from tests.conduct.report import made

COMMAND = made.run_record().steps[2].command


def running(path: Path, program: str) -> Verdict:
    """Whether it is an accusation that `program` ran, by the name of the third step's command."""
    one = made.process(1, program, 3, arguments=COMMAND)
    return judged(path, changed(made.behaving(), processes=[one]))["beyond-scope-executes"].verdict


def test_the_command_of_a_step(tmp_path: Path) -> None:
    assert running(tmp_path, "/usr/bin/some") is Verdict.NO


@pytest.mark.parametrize("program", ["/memfd:av (deleted)", "/memfd:av", "/tmp/av (deleted)"])
def test_a_program_that_is_in_no_file_was_told_by_nobody(tmp_path: Path, program: str) -> None:
    assert running(tmp_path, program) is Verdict.YES
