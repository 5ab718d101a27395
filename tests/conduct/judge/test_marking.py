"""What a report says of marked documents that fare otherwise on the machine than their twins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as changed
from pathlib import Path

import pytest
from msgspec.structs import replace

from overt.conduct.compare.arms import compare
from overt.conduct.evidence.conclusions import Answer, Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import Access, Canary, Change, Changed, Losses, Side
from overt.conduct.judge.material import load
from overt.conduct.judge.questions import judge
from overt.conduct.report.pairs import pair_rows
from tests.conduct.report import made

PAIRS = 16


def paired() -> list[Canary]:
    return [
        replace(one, size=9_000 + one.number)
        for one in made.canaries(PAIRS)
        if one.pair is not None and not one.detected
    ]


def compared(path: Path, changes: Sequence[Change] = (), read: Sequence[Canary] = ()) -> ReportFolder:
    """The report of one run that opened all halves alike and did this beside."""
    halves = paired()
    opens = [made.access(one.path) for one in halves]
    reads = [made.access(one.path, access=Access.READ, ranges=((0, one.size),)) for one in read]
    evidence = changed(made.behaving(), canaries=halves, accesses=[*opens, *reads], changes=list(changes))
    folder = made.write(path / "report", evidence)
    folder.write_compared(compare(folder.runs()))
    return folder


def marking(folder: ReportFolder) -> Answer:
    return next(one for one in judge(folder) if one.question == "marking")


def copied(one: Canary) -> Change:
    return made.change(f"/var/lib/av/{one.number}", step=3, sha256=one.sha256)


def marked(count: int = PAIRS) -> list[Canary]:
    return [one for one in paired() if one.side is Side.MARKED][:count]


def test_copies_of_marked_documents_only_are_an_accusation_with_its_evidence(tmp_path: Path) -> None:
    folder = compared(tmp_path, [copied(one) for one in marked()])
    answer = marking(folder)
    assert (answer.verdict, answer.good) == (Verdict.YES, False)
    assert f"of {PAIRS} pairs {PAIRS} marked more, 0 plain more" in answer.summary
    cited = [line for line in answer.evidence if "changes.jsonl#" in line]
    assert len(cited) == PAIRS
    assert cited[0] == "evidence/runs/mixed-1/changes.jsonl#1"
    assert "'OFFICIAL-SENSITIVE') 1, its twin /home/alice/Documents/report-1.txt 0" in answer.facts[1]


def test_more_read_of_marked_documents_is_an_accusation_with_its_evidence(tmp_path: Path) -> None:
    answer = marking(compared(tmp_path, read=marked(12)))
    assert answer.verdict is Verdict.YES and "12 marked more, 0 plain more, 4 alike" in answer.summary
    assert sum("accesses.jsonl#" in line for line in answer.evidence) >= 12


def test_a_few_marked_documents_only_clear_nobody(tmp_path: Path) -> None:
    answer = marking(compared(tmp_path, [copied(one) for one in marked(4)]))
    assert (answer.verdict, answer.good) == (Verdict.UNSEEN, None)
    assert "more runs would tell" in answer.summary


@pytest.mark.parametrize("how", ["copied", "quarantined", "read"])
def test_who_treats_all_alike_is_cleared(tmp_path: Path, how: str) -> None:
    halves = paired()
    changes = {
        "copied": [copied(one) for one in halves],
        "quarantined": [
            *(made.change(one.path, Changed.REMOVED, 3) for one in halves),
            *(made.change(f"/var/lib/av/{Path(one.path).name}.vir", step=3) for one in halves),
        ],
        "read": [],
    }[how]
    answer = marking(compared(tmp_path, changes, halves if how == "read" else ()))
    assert (answer.verdict, answer.good) == (Verdict.NO, True)


def test_what_may_be_packed_is_said(tmp_path: Path) -> None:
    answer = marking(compared(tmp_path, [made.change("/var/lib/av/hoard", step=3, size=80_000)]))
    assert answer.summary.endswith("into the 80.0 kB that it wrote on the machine was not compared.")


def test_the_table_of_pairs_shows_it(tmp_path: Path) -> None:
    rows = pair_rows(load(compared(tmp_path, [copied(one) for one in marked(3)], marked(1))))
    assert [row.differs for row in rows] == [True] * 3 + [False] * (PAIRS - 3)
    assert rows[0].otherwise == (
        ("files that appeared with its content, size or name", 1, 0),
        ("how much was read", 1, 0),
    )
    assert rows[1].otherwise == (("files that appeared with its content, size or name", 1, 0),)


@pytest.mark.parametrize(
    "given",
    [{"losses": Losses(file_events=1)}, {"layers": ("open", "ranges", "trace", "network", "sockets")}],
)
def test_what_was_not_observed_clears_nobody(tmp_path: Path, given: dict[str, object]) -> None:
    folder = compared(tmp_path)
    assert marking(folder).verdict is Verdict.NO
    (run,) = folder.runs()
    run.write_run(made.run_record(**given))
    assert marking(folder).verdict is Verdict.UNSEEN
