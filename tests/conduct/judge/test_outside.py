"""What can't be seen of a virtual machine is never answered with no, and the report says which machine it was."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path

import pytest
from msgspec.structs import replace

from overt.conduct.compare.arms import compare
from overt.conduct.evidence.conclusions import Answer, Verdict
from overt.conduct.evidence.records import Machine
from overt.conduct.judge import judge
from tests.conduct.report import made
from tests.conduct.report.made import Evidence

MACHINE = Machine(system="busybox", emulator="QEMU 7", clock="2027-01-02T00:00:00Z", memory_mb=256)
INSIDE = (
    "marking",
    "after-detection",
    "secrets",
    "beyond-scope-reads",
    "beyond-scope-executes",
    "listening",
    "privileges",
    "observer",
)


def outside(*layers: str) -> Evidence:
    """A run that behaves, in a virtual machine."""
    evidence = made.behaving()
    run = replace(evidence.run, layers=layers, machine=MACHINE, kernel="6.1.0-cloud", capabilities=())
    return changed(evidence, run=run, processes=[], accesses=[], listening=[], flows=[])


def judged(folder: Path, evidence: Evidence) -> dict[str, Answer]:
    return {
        answer.question: answer
        for answer in judge(made.write(folder / "report", evidence, compared=made.COMPARED[1:]))
    }


def test_what_happens_inside_is_not_seen(tmp_path: Path) -> None:
    answers = judged(tmp_path, outside("network", "changes"))
    assert {name: answers[name].verdict for name in INSIDE} == dict.fromkeys(INSIDE, Verdict.UNSEEN)
    assert answers["contact"].verdict is Verdict.NO
    assert answers["persistence"].verdict is Verdict.NO


def test_the_report_says_so_loudly_and_names_the_machine(tmp_path: Path) -> None:
    sight = judged(tmp_path, outside("network", "changes"))["sight"]
    assert (sight.verdict, sight.good) == (Verdict.PARTLY, None)
    assert "can't be seen from outside" in sight.summary
    facts = " ".join(sight.facts)
    assert "busybox, kernel 6.1.0-cloud" in facts
    assert "QEMU 7" in facts and "its clock began at 2027-01-02 00:00:00 UTC" in facts
    assert "Opening a file is seen" not in facts


@pytest.mark.parametrize("question", ["beyond-scope-changes", "persistence", "certificates", "removal"])
def test_a_disk_that_could_not_be_read_leaves_a_gap(question: str, tmp_path: Path) -> None:
    answers = judged(tmp_path, outside("network"))
    assert answers[question].verdict is Verdict.UNSEEN
    assert (answers["sight"].verdict, answers["sight"].good) == (Verdict.PARTLY, False)


def test_files_that_nobody_watched_are_not_compared(tmp_path: Path) -> None:
    for name, evidence in (("in", outside("network")), ("out", made.behaving())):
        report = made.write(tmp_path / name, evidence)
        asked = " ".join(one.question for one in compare(report.runs()))
        assert ("files opened" in asked) is (name == "out")
        assert "content left" in asked
