"""The spying control: what it says that it sent is what the lab finds, way by way."""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Canary, Losses, Side
from tests.conduct import control
from tests.conduct.lab import SUBJECTS, answers, overt, reported

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ReportFolder:
    return reported(tmp_path_factory.mktemp("spy"), str(SUBJECTS / "spy/profile.toml"))


def test_every_way_is_found_but_those_that_cannot_be(report: ReportFolder) -> None:
    run = report.runs()[0]
    found = control.found(run)
    assert {sent.way for sent in found} == control.ways()
    seen = {sent.way for sent, sightings in found.items() if sightings}
    assert control.ways() - seen == set(control.NOT_FOUND)


def test_nothing_is_lost(report: ReportFolder) -> None:
    assert report.runs()[0].run().losses == Losses()


def test_no_file_is_accused_that_was_not_sent(report: ReportFolder) -> None:
    run = report.runs()[0]
    assert control.accused(run) <= {sent.path for sent in control.account(run)}


def test_only_marked_files_left_by_the_way_for_marked_ones(report: ReportFolder) -> None:
    run = report.runs()[0]
    sides = {canary.path: canary.side for canary in run.read(Canary)}
    left = [sent.path for sent, seen in control.found(run).items() if sent.way == "w-marked" and seen]
    assert len(left) >= 5
    assert {sides[path] for path in left} == {Side.MARKED}


def test_what_nobody_can_read_is_told_as_unread(report: ReportFolder) -> None:
    assert set(control.UNREAD) <= control.unread(report.runs()[0])


def test_the_answers_say_so(report: ReportFolder) -> None:
    found = answers(report)
    for question in (
        "content-left",
        "names-left",
        "digests-left",
        "undeclared-contact",
        "plain-transport",
        "after-detection",
    ):
        assert (found[question].verdict, found[question].good) == (Verdict.YES, False), question


def test_the_report_verifies_and_a_changed_bit_does_not(report: ReportFolder, tmp_path: Path) -> None:
    done = overt(tmp_path, "conduct", "verify", str(report.path))
    assert done.returncode == 0, done.stdout + done.stderr
    target = report.evidence / "runs/mixed-1/flows.jsonl"
    before = target.read_bytes()
    try:
        target.write_bytes(before.replace(b'"sent_bytes":', b'"sent_bytes": ', 1))
        done = overt(tmp_path, "conduct", "verify", str(report.path))
    finally:
        target.write_bytes(before)
    assert done.returncode == 2
    assert "flows.jsonl" in done.stdout
