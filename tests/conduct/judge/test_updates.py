"""What is said of forged updates, from evidence made for it: by what came of them, and not by what is stored alone."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from overt.conduct.evidence.conclusions import Answer, Verdict
from overt.conduct.evidence.marks import mark_of, trace_of
from overt.conduct.evidence.records import (
    Change,
    Changed,
    FileAccess,
    Flow,
    Mode,
    Offered,
    Process,
    Request,
    StepKind,
    StepRun,
)
from overt.conduct.judge import judge
from tests.conduct.report import made
from tests.conduct.report.made import access, change, flow, process

MARK, DIGEST = mark_of("x"), "ef" * 32
URL = "https://update.av.example/defs.zip"
FORGED = Offered(kind="zip", varies=False, digests=(DIGEST,), mark=MARK)


def forged(number: int, at_s: float, kind: StepKind = StepKind.UPDATE, **given: Any) -> StepRun:
    """A step that the lab repeated, before the product is removed."""
    first = made.run_record().steps[1]
    values = {"number": number, "kind": kind, "began_s": at_s, "ended_s": at_s + 1, "repeated": True}
    return replace(first, **(values | given))


def asked(step: int, at_s: float, offered: Offered | None, number: int = 9, **given: Any) -> Flow:
    request = Request(at_s=at_s, method="GET", target=URL, status=200, offered=offered)
    return flow(number, "update.av.example", step=step, requests=(replace(request, **given),))


def answered(
    tmp_path: Path,
    *changes: Change,
    offered: Offered | None = FORGED,
    accesses: tuple[FileAccess, ...] = (),
    processes: tuple[Process, ...] = (),
    ended: int = 0,
    last: StepKind = StepKind.SCAN,
    true: bool = False,
    **given: Any,
) -> Answer:
    steps = made.run_record().steps[:-1]
    again = (forged(5, 20.0, exit_status=ended), forged(6, 22.0, last))
    flows = [asked(5, 20.5, offered, **given)] + ([asked(2, 2.0, None, 8)] if true else [])
    run = made.run_record(mode=Mode.REPLAY, steps=(*steps, *again))
    evidence = changed(
        made.behaving(), run=run, flows=flows, changes=changes, accesses=accesses, processes=processes
    )
    return next(
        one for one in judge(made.write(tmp_path / "r", evidence)) if one.question == "update-integrity"
    )


def said(answer: Answer) -> tuple[Verdict, bool | None]:
    return answer.verdict, answer.good


TRUE = change("/var/lib/av/db", step=2)
KEPT = change("/var/lib/av/db", Changed.MODIFIED, 5, mark=MARK)
BAD, KEPT_ONLY, UNSEEN = (Verdict.YES, False), (Verdict.PARTLY, None), (Verdict.UNSEEN, None)


def test_what_leaves_its_trace_was_executed(tmp_path: Path) -> None:
    found = answered(tmp_path, change(f"/var/tmp/{trace_of(MARK)}", step=5))
    assert said(found) == BAD and "executed" in found.summary


def test_a_trace_that_was_removed_again_is_known_by_who_made_it(tmp_path: Path) -> None:
    assert said(answered(tmp_path, accesses=(access(f"/tmp/{trace_of(MARK)}", step=5),))) == BAD


def test_a_program_that_the_lab_made_was_executed(tmp_path: Path) -> None:
    assert said(answered(tmp_path, processes=(process(1, step=5, sha256=DIGEST),))) == BAD


def test_another_trace_is_nobodys(tmp_path: Path) -> None:
    assert said(answered(tmp_path, change(f"/var/tmp/{trace_of(mark_of('y'))}", step=5))) == UNSEEN


@pytest.mark.parametrize("kept", [KEPT, change("/opt/product/db", step=5, sha256=DIGEST)])
def test_what_is_kept_in_its_place_and_opened_again_is_used(tmp_path: Path, kept: Change) -> None:
    found = answered(tmp_path, kept, accesses=(access(kept.path, step=6),))
    assert said(found) == BAD and "used" in found.summary


@pytest.mark.parametrize(
    ("kept", "opened_in"),
    [
        (KEPT, 5),
        (change("/opt/product/rejected/defs.bin", step=5, sha256=DIGEST), 5),
        (change("/opt/product/rejected/defs.bin", step=5, sha256=DIGEST), 6),
        (change("/var/lib/av/log/update.txt", step=5, mark=MARK), 6),
        (change("/var/lib/av/av.log", step=5, mark=MARK), 6),
        (change("/srv/elsewhere", step=5, mark=MARK), 6),
    ],
)
def test_what_is_only_kept_is_no_accusation(tmp_path: Path, kept: Change, opened_in: int) -> None:
    assert said(answered(tmp_path, kept, accesses=(access(kept.path, step=opened_in),))) == KEPT_ONLY


@pytest.mark.parametrize("kind", [StepKind.UPDATE, StepKind.UNINSTALL])
def test_who_replaces_or_removes_it_does_not_use_it(tmp_path: Path, kind: StepKind) -> None:
    opened = (access(KEPT.path, step=6),)
    assert said(answered(tmp_path, KEPT, accesses=opened, last=kind)) == KEPT_ONLY


def test_what_a_manifest_said_may_be_noted(tmp_path: Path) -> None:
    manifest = replace(FORGED, kind="json")
    state = change("/var/lib/av/state.json", step=5, mark=MARK)
    opened = (access(state.path, step=6),)
    assert said(answered(tmp_path / "noted", state, offered=manifest, accesses=opened)) == KEPT_ONLY
    whole = replace(state, sha256=DIGEST)
    assert said(answered(tmp_path / "whole", whole, offered=manifest, accesses=opened)) == BAD


def test_what_was_kept_before_it_was_offered_is_not_of_it(tmp_path: Path) -> None:
    assert said(answered(tmp_path, change("/var/lib/av/db", step=2, sha256=DIGEST))) == UNSEEN


def test_a_made_up_answer_that_is_not_taken_shows_no_refusal(tmp_path: Path) -> None:
    found = answered(tmp_path, ended=1)
    assert said(found) == UNSEEN and "no true update" in found.summary


VARIED = replace(FORGED, varies=True)


def test_refused_is_who_took_the_true_one(tmp_path: Path) -> None:
    for name, changes, ended in (("status", (TRUE, replace(TRUE, step=5)), 3), ("changes", (TRUE,), 0)):
        found = answered(tmp_path / name, *changes, offered=VARIED, true=True, ended=ended)
        assert said(found) == (Verdict.NO, True), found
        assert "given the true answer, step 2 changed 1 file" in found.facts[0]


@pytest.mark.parametrize(("joined", "expected"), [(200, (Verdict.NO, True)), (304, UNSEEN)])
def test_an_update_that_finds_nothing_new_is_the_same_update(
    tmp_path: Path, joined: int, expected: tuple[Verdict, bool | None]
) -> None:
    """Another command took the true answer; this one was told that it is the newest, then offered a forged one."""
    install, first = made.run_record().steps[:2]
    steps = (
        install,
        replace(first, command=("av", "join")),
        forged(3, 10.0, repeated=False),
        forged(5, 20.0, exit_status=3),
    )
    flows = [
        asked(2, 2.0, None, 7, status=joined),
        asked(3, 10.5, None, 8, status=304),
        asked(5, 20.5, VARIED),
    ]
    run = made.run_record(mode=Mode.REPLAY, steps=steps)
    evidence = changed(made.behaving(), run=run, flows=flows, changes=(TRUE,), accesses=(), processes=())
    answers = judge(made.write(tmp_path / "r", evidence))
    assert said(next(one for one in answers if one.question == "update-integrity")) == expected


@pytest.mark.parametrize(
    ("path", "opened_in", "expected"),
    [
        ("/opt/product/tmp-rules/db", 6, KEPT_ONLY),
        ("/opt/product/tmp-rules/db", 5, (Verdict.NO, True)),
        ("/opt/product/templates/db", 5, KEPT_ONLY),
        ("/opt/product/templates/db", 6, BAD),
        ("/var/log/av/update.txt", 6, (Verdict.NO, True)),
    ],
)
def test_a_copy_that_is_opened_at_work_is_not_aside(
    tmp_path: Path, path: str, opened_in: int, expected: tuple[Verdict, bool | None]
) -> None:
    kept, opened = change(path, step=5, mark=MARK), (access(path, step=opened_in),)
    found = answered(tmp_path, TRUE, kept, offered=VARIED, true=True, ended=3, accesses=opened)
    assert said(found) == expected


def test_who_refuses_may_put_a_copy_aside_but_not_elsewhere(tmp_path: Path) -> None:
    for place, expected in (("rejected", (Verdict.NO, True)), ("db2", KEPT_ONLY)):
        copy = change(f"/var/lib/av/{place}/defs", step=5, mark=MARK)
        found = answered(tmp_path / place, TRUE, copy, offered=VARIED, true=True, ended=3)
        assert said(found) == expected, found


@pytest.mark.parametrize(
    ("changes", "true"), [((TRUE, replace(TRUE, step=5)), True), ((), True), ((TRUE,), False)]
)
def test_else_nothing_is_shown(tmp_path: Path, changes: tuple[Change, ...], true: bool) -> None:
    """The same came of both; the true one was not taken; the true one was not there."""
    assert said(answered(tmp_path, *changes, offered=VARIED, true=true)) == UNSEEN


def test_who_asks_for_nothing_was_offered_nothing(tmp_path: Path) -> None:
    for name, given in (("plain", {"offered": None}), ("head", {"method": "HEAD"})):
        found = answered(tmp_path / name, **given)
        assert said(found) == UNSEEN and "asked for nothing" in found.summary
