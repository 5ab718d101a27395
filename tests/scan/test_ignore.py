"""Ignored rules decide nothing, and hide nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from overt.core.model import Examination, FileReport, Finding, Gap, Reason, Severity, Verdict
from overt.engine.examine import MAX_FINDINGS
from overt.scan.ignore import IgnoredRules

OURS = Finding("Our_Tool", "company", Severity.HIGH)
OTHER = Finding("Other", "company", Severity.LOW)
NOTE = Finding("Note", "base", Severity.NOTE)
GAP = Gap(Reason.ENCRYPTED)


def judged(findings: tuple[Finding, ...], *globs: str, gaps: tuple[Gap, ...] = ()) -> FileReport:
    return IgnoredRules(globs).applied(FileReport("f", Examination(findings, gaps)))


@pytest.mark.parametrize(
    "glob", ["Our_Tool", "Our_*", "*_Tool", "company:Our_Tool", "comp*:Our*", "O?r_Tool"]
)
def test_globs_that_name_the_rule(glob: str) -> None:
    report = judged((OURS, NOTE), glob)
    assert report.verdict is Verdict.CLEAN
    assert (report.examination.findings, report.ignored) == ((NOTE,), (OURS,))


@pytest.mark.parametrize("glob", ["our_tool", "Our", "base:Our_Tool", "company", "", "Tool"])
def test_globs_that_do_not(glob: str) -> None:
    report = judged((OURS, NOTE), glob)
    assert report.verdict is Verdict.INFECTED
    assert report.ignored == ()


def test_another_rule_still_infects() -> None:
    assert judged((OURS, OTHER), "Our_Tool").verdict is Verdict.INFECTED


def test_what_was_not_examined_stays_so() -> None:
    assert judged((OURS,), "*", gaps=(GAP,)).verdict is Verdict.INCOMPLETE


def test_a_flood_of_ignored_findings_cannot_hide_another() -> None:
    flood = tuple(replace(OURS, inside=(str(number),)) for number in range(MAX_FINDINGS))
    report = judged(flood, "Our_Tool")
    assert report.verdict is Verdict.INCOMPLETE
    assert report.examination.gaps[0].reason is Reason.MATCHES
