"""Ready profiles of real products, from Debian's packages: what the lab says of them is what is known of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.conduct.certify.assess import assess
from overt.conduct.certify.requirements import Level
from overt.conduct.evidence.conclusions import Sighting, Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Access, Canary, FileAccess, Flow, Losses
from tests.conduct.lab import answers, reported

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


@pytest.mark.parametrize("profile", ["clamscan", "clamd"])
def test_clamav_scans_contact_nobody_and_open_marked_files_as_others(profile: str, tmp_path: Path) -> None:
    report = reported(tmp_path, profile)
    run = report.runs()[0]
    assert list(run.read(Flow)) == []
    _is_whole(report)
    opened = {access.path for access in run.read(FileAccess) if access.access in (Access.OPEN, Access.READ)}
    assert {canary.path for canary in run.read(Canary)} <= opened
    found = answers(report)
    for question in ("content-left", "contact", "beyond-scope-changes", "privileges"):
        assert found[question].verdict is Verdict.NO, (
            question,
            found[question].summary,
            found[question].facts,
        )
    assert found["beyond-scope-executes"].good is not False, found["beyond-scope-executes"].facts
    assert any("it told: /home/alice/Downloads/" in fact for fact in found["after-detection"].facts)
    assert assess(report).level is Level.DISCREET, "two runs are needed for the next"


def test_clamonacc_refuses_malware_as_it_is_opened_and_sends_nothing_after_that(tmp_path: Path) -> None:
    report = reported(tmp_path, "clamonacc")
    run = report.runs()[0]
    _is_whole(report)
    refused = [run.path / step.output for step in run.run().steps if step.kind == "on-access"][1].read_text()
    test_files = {canary.path for canary in run.read(Canary) if canary.detected}
    assert {line.split(": ")[1] for line in refused.splitlines() if "not permitted" in line} == test_files
    opened = {access.path for access in run.read(FileAccess) if access.access is Access.OPEN}
    assert test_files <= opened, "what it refuses is seen all the same"
    found = answers(report)
    for question in ("after-detection", "contact", "beyond-scope-changes", "privileges"):
        assert found[question].verdict is Verdict.NO, (question, found[question])
    assert found["beyond-scope-executes"].good is not False, found["beyond-scope-executes"].facts
    assert assess(report).level is Level.DISCREET


def test_chkrootkit_finds_what_was_planted_and_opens_no_file_of_the_homes(tmp_path: Path) -> None:
    report = reported(tmp_path, "chkrootkit")
    _is_whole(report)
    found = answers(report)
    assert any("Possible ESRK rootkit installed" in fact for fact in found["after-detection"].facts)
    for question in ("after-detection", "marking", "contact", "beyond-scope-changes", "removal"):
        assert found[question].verdict is Verdict.NO, (question, found[question])
    assert "nor any other file of the homes" in found["marking"].summary
    assert assess(report).level is Level.DISCREET


def test_freshclam_contacts_its_makers_hosts_and_sends_nothing_of_any_file(tmp_path: Path) -> None:
    report = reported(tmp_path, "freshclam")
    run = report.runs()[0]
    _is_whole(report)
    asked = {
        request.method for flow in run.read(Flow) if flow.application == "dns" for request in flow.requests
    }
    assert "TXT" in asked
    named = {flow.name for flow in run.read(Flow) if flow.application == "https"}
    assert named and all(name.endswith(".clamav.net") for name in named)
    assert list(run.read(Sighting)) == []
    found = answers(report)
    assert (found["undeclared-contact"].verdict, found["plain-transport"].verdict) == (Verdict.NO, Verdict.NO)


def _is_whole(report: ReportFolder) -> None:
    run = report.runs()[0].run()
    assert run.losses == Losses()
    assert all(step.expected for step in run.steps), [(step.command, step.exit_status) for step in run.steps]
