"""The behaving control is accused of nothing; and runs that are compared find no difference where there is none."""

from __future__ import annotations

import pytest

from overt.conduct.evidence.conclusions import Sighting, Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Losses
from tests.conduct.lab import SUBJECTS, answers, reported

pytestmark = [pytest.mark.kernel, pytest.mark.slow]
INNOCENT = (
    "content-left",
    "names-left",
    "digests-left",
    "after-detection",
    "undeclared-contact",
    "plain-transport",
    "listening",
    "beyond-scope-changes",
    "beyond-scope-executes",
    "persistence",
    "certificates",
    "observer",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ReportFolder:
    return reported(
        tmp_path_factory.mktemp("behaves"), str(SUBJECTS / "behaves/profile.toml"), "--differential", "4"
    )


def test_nothing_is_found_and_nothing_lost(report: ReportFolder) -> None:
    assert len(report.runs()) == 13
    for run in report.runs():
        assert list(run.read(Sighting)) == []
        assert run.run().losses == Losses()


def test_it_is_accused_of_nothing(report: ReportFolder) -> None:
    found = answers(report)
    assert {name: found[name].verdict for name in INNOCENT} == dict.fromkeys(INNOCENT, Verdict.NO)
    assert not [answer.question for answer in found.values() if answer.good is False]


def test_what_it_declared_is_reported_as_declared(report: ReportFolder) -> None:
    found = answers(report)["contact"]
    assert (found.verdict, found.good) == (Verdict.YES, None)
    assert "update.behaves.example:443" in found.summary


def test_who_sends_as_much_in_every_run_is_seen_to(report: ReportFolder) -> None:
    """Nothing is left to chance but times: figures that are the same in all runs are not compared."""
    between_runs = [one.question for one in report.compared() if "permutation" in one.method]
    assert [question for question in between_runs if "pause" not in question] == []


def test_no_matched_pair_shows_a_difference(report: ReportFolder) -> None:
    pairs = [one for one in report.compared() if "sign test" in one.method]
    assert pairs and {one.p for one in pairs} == {1.0}
