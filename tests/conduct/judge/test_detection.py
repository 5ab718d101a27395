"""Words that a product prints show a detection only where nothing else could: who opens documents opens test files."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path

import pytest
from msgspec.structs import replace

from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.records import StepKind
from tests.conduct.judge.test_judge import asking, changed_run, judged, telling
from tests.conduct.report import made
from tests.conduct.report.made import access


@pytest.mark.parametrize("path", ["/home/alice/Documents/notes.txt", "/home/alice/.cache/av"])
def test_words_show_no_detection_by_who_opens_other_files_of_the_homes(tmp_path: Path, path: str) -> None:
    """It does not say that it reads them, and passes by those that would show what it does with a find."""
    told = changed_run(made.behaving(), steps=tuple(telling(step) for step in made.run_record().steps))
    opening = changed(told, accesses=[access(path, 3)])
    text = asking(StepKind.SCAN_DETECTION, reads='"/usr/**"')
    found = judged(tmp_path, opening, profile=text)["after-detection"]
    assert found.verdict is Verdict.UNSEEN and "none of the malware test files" in found.summary


def test_what_others_opened_in_front_of_it_is_no_scan_of_its_own(tmp_path: Path) -> None:
    steps = [telling(step) for step in made.run_record().steps]
    shown = replace(steps[3], number=6, kind=StepKind.ON_ACCESS, command=("cat", "tools.zip"), found="")
    told = changed_run(made.behaving(), steps=(*steps, shown))
    opening = changed(told, accesses=[access("/home/alice/Downloads/tools.zip", 6)])
    found = judged(tmp_path, opening, profile=asking(StepKind.SCAN_DETECTION))["after-detection"]
    assert found.verdict is Verdict.UNSEEN and "none of the malware test files" in found.summary
