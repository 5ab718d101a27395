"""Overt's own conduct, in its own lab: no contact in scans and quarantine, and only declared contact in updates."""

from __future__ import annotations

from pathlib import Path

import pytest

from overt.cli.app import main
from overt.cli.voice import Exit
from overt.conduct import profile
from overt.conduct.certify.assess import Result, assess
from overt.conduct.certify.requirements import Level
from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Flow, Losses
from tests.conduct import wheelhouse
from tests.conduct.lab import answers, overt, reported

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


def test_the_whole_of_overt_is_certified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From its wheels to its removal, with a forged release on the way; then as who relies on it checks it."""
    wheels = wheelhouse.make(tmp_path / "wheels", tmp_path / "build")
    text = profile.find("overt-whole").read_text()
    own = tmp_path / "whole.toml"
    own.write_text(text.replace("/opt/overt-wheels", str(wheels)))
    report = reported(tmp_path, str(own), "--runs", "2")
    for run in report.runs():
        assert all(step.expected for step in run.run().steps), [step.command for step in run.run().steps]
    found = assess(report)
    assert {one.requirement.name: one.words for one in found.outcomes if one.result is not Result.PASS} == {}
    assert found.level is Level.MODEST
    assert [text.split(":")[0] for text in found.lacking] == [
        "2 runs",
        "no run with marked, none, plain files",
    ]
    (wheel,) = wheels.glob("overt-*.whl")
    _relied_on(tmp_path, report, wheel, capsys)


def _relied_on(folder: Path, report: ReportFolder, wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lab, issuer, certifier = folder / "lab.pub", folder / "issuer.pub", folder / "certifier"
    lab.write_text(overt(folder / "home", "conduct", "key").stdout)
    certify = ["conduct", "certify"]
    given = ["--lab-key", str(lab), "--folder", str(certifier)]
    assert main([*certify, "issue", str(report.path), *given]) == Exit.OK
    capsys.readouterr()
    assert main([*certify, "key", "--folder", str(certifier)]) == Exit.OK
    issuer.write_text(capsys.readouterr().out)
    (certificate,) = (certifier / "public/certificates").iterdir()
    verify = [
        *certify,
        "verify",
        str(certificate),
        "--issuer-key",
        str(issuer),
        "--log",
        str(certifier / "public"),
    ]
    verify += ["--report", str(report.path), "--lab-key", str(lab)]
    assert main([*verify, "--package", str(wheel)]) == Exit.OK
    assert "ok      report: verified and assessed again" in capsys.readouterr().out
    assert main([*verify, "--package", str(lab)]) == Exit.ERROR, "another package"


def _accused_of_nothing(report: ReportFolder) -> None:
    assert {answer.question: answer.summary for answer in report.answers() if answer.good is False} == {}
