"""Overt's own conduct, in its own lab: no contact in scans and quarantine, and only declared contact in updates."""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Flow, Losses, Verdict
from tests.conduct.lab import answers, reported

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


@pytest.mark.parametrize("profile", ["overt-scan", "overt-quarantine"])
def test_scan_and_quarantine_contact_nobody(profile: str, tmp_path: Path) -> None:
    report = reported(tmp_path, profile)
    run = report.runs()[0]
    assert list(run.read(Flow)) == []
    assert run.run().losses == Losses()
    assert all(step.expected for step in run.run().steps)
    found = answers(report)
    assert (found["contact"].verdict, found["contact"].good) == (Verdict.NO, True)
    _accused_of_nothing(report)


def test_an_update_contacts_only_its_channel(tmp_path: Path) -> None:
    report = reported(tmp_path, "overt-update")
    run = report.runs()[0]
    assert all(step.expected for step in run.run().steps), [step.command for step in run.run().steps]
    named = {flow.name for flow in run.read(Flow) if flow.application != "dns"}
    assert named == {"rules.overt.example"}
    asked = {
        request.target for flow in run.read(Flow) if flow.application == "dns" for request in flow.requests
    }
    assert asked == {"rules.overt.example"}
    found = answers(report)
    assert found["contact"].verdict is Verdict.YES
    assert found["undeclared-contact"].verdict is Verdict.NO
    _accused_of_nothing(report)


def _accused_of_nothing(report: ReportFolder) -> None:
    assert {answer.question: answer.summary for answer in report.answers() if answer.good is False} == {}
