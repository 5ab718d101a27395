"""What a product keeps out of the record, by flooding it or otherwise, clears it of nothing."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path

import pytest
from msgspec.structs import replace

from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.records import Losses
from overt.conduct.judge import judge
from tests.conduct.report import made

NETWORK = {"content-left", "undeclared-contact", "plain-transport"}
FILES = {"beyond-scope-reads", "secrets", "beyond-scope-executes"}


@pytest.mark.parametrize(
    ("losses", "unseen"),
    [
        (Losses(), set()),
        (Losses(packets=1), NETWORK),
        (Losses(stream_bytes=1), NETWORK),
        (Losses(file_events=1), FILES),
        (Losses(unnamed_processes=1), FILES),
        (Losses(trace_lines=1), {"observer", "beyond-scope-executes"}),
        (Losses(other=1), NETWORK | FILES),
    ],
)
def test_what_is_lost_is_never_answered_with_no(tmp_path: Path, losses: Losses, unseen: set[str]) -> None:
    evidence = made.behaving()
    folder = made.write(tmp_path / "report", changed(evidence, run=replace(evidence.run, losses=losses)))
    verdicts = {answer.question: answer.verdict for answer in judge(folder)}
    asked = NETWORK | FILES | {"observer"}
    assert {name for name in asked if verdicts[name] is Verdict.UNSEEN} == unseen
