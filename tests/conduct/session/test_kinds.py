"""Each kind of product that behaves reaches a level; to look like another kind does not help one that spies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from overt.conduct.certify.assess import assess
from overt.conduct.certify.requirements import Level
from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.folder import ReportFolder
from tests.conduct.lab import SUBJECTS, answers, reported

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


def traced(folder: Path, more: str = "", *words: str, old: str = "", new: str = "") -> ReportFolder:
    """The report of the rootkit scanner that does `more`, by a profile in which `old` is `new`."""
    own = folder / "product"
    shutil.copytree(SUBJECTS / "traces", own)
    with open(own / "traces.sh", "a") as script:
        script.write(more)
    text = (own / "profile.toml").read_text()
    assert old in text
    (own / "profile.toml").write_text(text.replace(old, new))
    return reported(folder, str(own / "profile.toml"), *words)


def test_an_on_access_product_reaches_a_level(tmp_path: Path) -> None:
    report = reported(tmp_path, str(SUBJECTS / "watches/profile.toml"), "--runs", "2")
    found = assess(report)
    assert found.level is Level.MODEST, found.lacking
    told = answers(report)["after-detection"].facts
    assert any("it told: cat: /home/alice/Downloads/" in fact for fact in told)


def test_a_rootkit_scanner_reaches_a_level(tmp_path: Path) -> None:
    report = traced(tmp_path, "", "--runs", "2")
    found = assess(report)
    assert found.level is Level.MODEST, found.lacking
    assert "nor any other file of the homes" in answers(report)["marking"].summary


def test_who_finds_nothing_reaches_none(tmp_path: Path) -> None:
    report = traced(tmp_path, old="mkdir /usr/lib/.kinetic; ", new="mkdir /usr/lib/other; ")
    assert assess(report).level is Level.NONE
    found = answers(report)
    assert found["after-detection"].verdict is Verdict.UNSEEN and found["sight"].good is False


@pytest.mark.parametrize(
    "more",
    [
        "cd /home/alice/Documents; for f in *; do ln $f ../.x; cat ../.x > /dev/null; rm ../.x; done",
        "cd /home/alice; mv Documents Papers; cat Papers/* > /dev/null; mv Papers Documents",
    ],
)
def test_documents_that_are_read_under_other_names_were_not_left_alone(tmp_path: Path, more: str) -> None:
    report = traced(
        tmp_path,
        more,
        old='privileges = ["CAP_DAC_READ_SEARCH"]',
        new='privileges = ["CAP_DAC_OVERRIDE", "CAP_FOWNER"]',
    )
    assert "It opened none" not in answers(report)["marking"].summary
    assert assess(report).level < Level.MODEST


def test_a_scanner_that_declares_documents_is_to_be_seen_with_them(tmp_path: Path) -> None:
    report = traced(tmp_path, old='reads = ["/usr/**"', new='reads = ["/home/**", "/usr/**"')
    found = answers(report)
    assert (found["marking"].verdict, found["after-detection"].verdict) == (Verdict.UNSEEN, Verdict.UNSEEN)
    assert assess(report).level is Level.NONE
