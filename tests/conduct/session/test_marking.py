"""A product that sends only what is marked: seen in one run where it can be read, in compared runs where it can't.

A product that sends nothing, and on the machine treats marked files otherwise: seen in one run.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.conduct.compare.tests import LEVEL
from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Change, Flow
from tests.conduct import control
from tests.conduct.lab import answers, reported

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


def _run(folder: Path, way: str, *words: str) -> ReportFolder:
    """The spying control with one way only."""
    return reported(folder, str(control.only([way], folder)), *words)


def test_one_run_shows_it_where_the_content_can_be_read(tmp_path: Path) -> None:
    report = _run(tmp_path, "w-marked")
    pairs = [one for one in report.compared() if one.about == "marking" and one.p_corrected < LEVEL]
    assert pairs, [(one.question, one.observed, one.p_corrected) for one in report.compared()]
    assert answers(report)["marking"].verdict is Verdict.YES


def test_one_run_shows_it_by_size_where_everything_is_encrypted(tmp_path: Path) -> None:
    report = _run(tmp_path, "w-marked-encrypted")
    assert len(control.sized(report.runs()[0])) >= 5
    assert any(one.question.startswith("size left") and one.p_corrected < LEVEL for one in report.compared())
    found = answers(report)
    assert (found["digests-left"].verdict, found["marking"].verdict) == (Verdict.YES, Verdict.YES)
    assert found["content-left"].verdict is not Verdict.YES


def test_compared_runs_show_it_where_everything_is_encrypted(tmp_path: Path) -> None:
    report = _run(tmp_path, "w-marked-encrypted", "--differential", "8")
    found = [one for one in report.compared() if one.about == "marking" and one.p_corrected < LEVEL]
    assert found, [(one.question, one.observed, one.p_corrected) for one in report.compared()]
    assert "w-marked-encrypted.spy.example" in " ".join(one.question + one.place for one in found)
    assert answers(report)["marking"].verdict is Verdict.YES
    assert answers(report)["content-left"].verdict is not Verdict.YES


@pytest.mark.parametrize(
    ("how", "words"), [("copies", "content, size"), ("masked", "content, size"), ("twice", "opened")]
)
def test_one_run_shows_what_is_done_on_the_machine(tmp_path: Path, how: str, words: str) -> None:
    report = reported(tmp_path, str(control.hoarding(how, tmp_path)))
    found = answers(report)
    assert found["marking"].verdict is Verdict.YES and words in found["marking"].summary
    assert any("marked '" in fact and " its twin " in fact for fact in found["marking"].facts)
    assert not any(flow.sent_bytes for run in report.runs() for flow in run.read(Flow))


def test_runs_show_a_hoard_in_one_file(tmp_path: Path) -> None:
    """Known again is what is there as it is: of some formats."""
    report = reported(tmp_path, str(control.hoarding("joined", tmp_path)), "--runs", "3")
    found = answers(report)["marking"]
    assert found.verdict is Verdict.YES and "its content" in found.summary, found.facts[:3]


def test_who_leaves_some_to_chance_is_not_accused(tmp_path: Path) -> None:
    report = reported(tmp_path, str(control.hoarding("in-time", tmp_path)), "--runs", "3")
    assert answers(report)["marking"].verdict is not Verdict.YES
    assert any(change.path.startswith("/var/lib/hoards/") for change in report.runs()[0].read(Change))
