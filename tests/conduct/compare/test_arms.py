"""Comparing runs: what depends on markings, canaries and detections is told, what doesn't is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from overt.conduct.compare.arms import compare
from overt.conduct.compare.tests import LEVEL
from overt.conduct.evidence.conclusions import Compared, Sighting
from overt.conduct.evidence.folder import ReportFolder, RunFolder
from overt.conduct.evidence.records import (
    Access,
    Arm,
    Canary,
    FileAccess,
    Flow,
    Losses,
    Mode,
    Run,
    Side,
    StepKind,
    StepRun,
)

PAIRS = 16


def step(number: int, kind: StepKind) -> StepRun:
    return StepRun(
        number=number,
        kind=kind,
        command=("x",),
        began_s=0.0,
        ended_s=1.0,
        exit_status=0,
        timed_out=False,
        expected=True,
        output="output/1.txt",
    )


def new_run(report: ReportFolder, arm: Arm, number: int) -> RunFolder:
    folder = report.new_run(f"{arm}-{number}")
    steps = (step(1, StepKind.SCAN), step(2, StepKind.SCAN_DETECTION))
    folder.write_run(
        Run(
            name=folder.path.name,
            arm=arm,
            seed=number,
            mode=Mode.SINK,
            began="2026-11-22T10:00:00Z",
            kernel="6",
            layers=(),
            capabilities=(),
            steps=steps,
            losses=Losses(),
            blind=(),
        )
    )
    return folder


def flow(number: int, size: int, name: str = "up.example", where: int = 1) -> Flow:
    return Flow(
        number=number,
        at_s=float(number),
        ended_s=number + 0.5,
        step=where,
        process=1,
        protocol="tcp",
        application="https",
        address="198.18.0.1",
        port=443,
        name=name,
        sent_bytes=size,
    )


def canary(number: int, pair: int, side: Side, detected: bool = False) -> Canary:
    return Canary(
        number=number,
        path=f"/home/alice/{number}.txt",
        token=f"ovt{number:024}",
        pair=pair,
        side=side,
        format="text",
        language="en",
        system="uk",
        marking="x",
        size=100,
        sha256="0" * 64,
        detected=detected,
    )


def sighting(number: int) -> Sighting:
    return Sighting(
        canary=number, flow=1, flows=(1,), form="content", route=(), offset=0, length=27, matched="token"
    )


@pytest.fixture
def report(tmp_path: Path) -> ReportFolder:
    return ReportFolder(tmp_path / "report")


def arms(report: ReportFolder, sizes: dict[Arm, list[int]]) -> tuple[Compared, ...]:
    for arm, values in sizes.items():
        for number, size in enumerate(values, 1):
            new_run(report, arm, number).write(
                Flow, [flow(1, 500, "update.example", 3), flow(2, size, where=3)]
            )
    return compare(report.runs())


def pairs_sent(report: ReportFolder, marked_elsewhere: int) -> tuple[Compared, ...]:
    """Every half of every pair goes to one place, and the marked halves of some to another as well."""
    run = new_run(report, Arm.MIXED, 1)
    run.write(
        Canary,
        [canary(2 * n + half, n, side) for n in range(PAIRS) for half, side in enumerate(Side) if half < 2],
    )
    run.write(Flow, [flow(1, 5000), flow(2, 900, "other.example")])
    other = [replace(sighting(2 * n), flow=2, flows=(2,)) for n in range(marked_elsewhere)]
    run.write(Sighting, [*map(sighting, range(2 * PAIRS)), *other])
    return compare(report.runs())


def test_a_destination_that_gets_marked_documents_only_is_told_in_one_run(report: ReportFolder) -> None:
    found = {one.place: one for one in about(pairs_sent(report, 14), "marking")}
    assert found[""].p_corrected == 1.0
    assert found["other.example:443"].p_corrected < 0.001
    assert "14 marked only, 0 plain only" in found["other.example:443"].observed


def test_too_few_marked_documents_are_no_accusation(report: ReportFolder) -> None:
    found = about(pairs_sent(report, 5), "marking")
    assert {one.place for one in found} == {""} and all(one.p_corrected >= LEVEL for one in found)
    assert all(one.least_p < LEVEL for one in found)  # what so many pairs could have shown


def about(compared: tuple[Compared, ...], what: str) -> list[Compared]:
    return [one for one in compared if one.about == what]


def test_what_only_marked_documents_cause_is_told_by_size_alone(report: ReportFolder) -> None:
    sizes = {
        Arm.MARKED: [9000 + n for n in range(6)],
        Arm.PLAIN: [100 + n for n in range(6)],
        Arm.NONE: [100] * 6,
    }
    found = about(arms(report, sizes), "marking")
    assert found and all(one.p == pytest.approx(2 / 924) for one in found)
    assert all(one.p_corrected < LEVEL for one in found)
    assert {one.place for one in found} <= {"", "up.example:443"}
    assert "9,500" in found[0].observed and found[0].runs == tuple(
        f"{arm}-{n}" for arm in ("marked", "plain") for n in range(1, 7)
    )


def test_what_any_canary_causes_is_told_apart_from_what_markings_do(report: ReportFolder) -> None:
    sizes = {
        Arm.MARKED: [900, 950, 910, 960, 920],
        Arm.PLAIN: [940, 905, 955, 915, 930],
        Arm.NONE: [100, 101, 102, 103, 104],
    }
    compared = arms(report, sizes)
    assert min(one.p_corrected for one in about(compared, "canaries")) < 0.01
    assert min(one.p_corrected for one in about(compared, "marking")) > 0.5


def test_a_product_that_always_sends_the_same_is_asked_nothing(report: ReportFolder) -> None:
    assert arms(report, {arm: [700] * 4 for arm in (Arm.MARKED, Arm.PLAIN, Arm.NONE)}) == ()


def test_few_runs_say_that_they_could_show_nothing(report: ReportFolder) -> None:
    found = about(arms(report, {Arm.MARKED: [9000, 9001], Arm.PLAIN: [1, 2], Arm.NONE: [1, 2]}), "marking")
    assert found and all(one.least_p > LEVEL for one in found)


def mixed(
    report: ReportFolder, left: set[int], opens: dict[int, int], detected: set[int] = frozenset()
) -> RunFolder:  # type: ignore[assignment]
    folder = new_run(report, Arm.MIXED, 1)
    canaries = [
        canary(2 * pair + half, pair, side, pair in detected)
        for pair in range(1, PAIRS + 1)
        for half, side in enumerate((Side.MARKED, Side.PLAIN))
    ]
    folder.write(Canary, canaries)
    folder.write(Sighting, [sighting(number) for number in sorted(left)])
    folder.write(
        FileAccess,
        [
            FileAccess(
                at_s=0, process=1, step=1, access=Access.OPEN, path=f"/home/alice/{number}.txt", count=count
            )
            for number, count in opens.items()
        ],
    )
    return folder


def test_pairs_of_which_only_the_marked_half_left_give_the_sign_test(report: ReportFolder) -> None:
    mixed(report, {2 * pair for pair in range(1, 15)}, dict.fromkeys(range(2, 34), 3))
    found = {one.question: one for one in compare(report.runs())}
    left = found["content left: the marked half of a pair against the plain one"]
    assert left.p == pytest.approx(2 / 2**14)
    assert left.p_corrected < 0.001 and left.about == "marking"
    assert left.observed == "of 16 pairs 14 marked only, 0 plain only, 2 alike"
    assert found["files opened: the marked half of a pair against the plain one"].p == 1.0


def test_marked_files_opened_more_often_are_told(report: ReportFolder) -> None:
    mixed(report, set(), {number: 3 if number % 2 else 4 for number in range(2, 34)})
    opened = [one for one in compare(report.runs()) if one.question.startswith("files opened")]
    assert opened[0].p == pytest.approx(2 / 2**16)


def test_documents_that_leave_only_with_a_detection_are_told(report: ReportFolder) -> None:
    mixed(report, {2, 3, 4, 5, 6, 7}, {}, {1, 2, 3})
    found = about(compare(report.runs()), "detection")
    assert [one.method for one in found] == ["Fisher's exact test"]
    assert found[0].observed == "6 of 6 with a test file, 0 of 26 without"
    assert found[0].p_corrected < 0.001


def test_bytes_in_steps_with_a_detection_are_compared_within_runs(report: ReportFolder) -> None:
    for number in range(1, 8):
        new_run(report, Arm.PLAIN, number).write(Flow, [flow(1, 10), flow(2, 500 + number, where=2)])
    found = about(compare(report.runs()), "detection")
    assert len(found) == 1 and found[0].p == pytest.approx(2 / 2**7)


def test_the_same_runs_give_the_same_records(report: ReportFolder) -> None:
    first = arms(report, {Arm.MARKED: [3, 1, 2], Arm.PLAIN: [5, 1, 2], Arm.NONE: [1, 9, 2]})
    assert compare(report.runs()) == first


def test_a_place_without_ports_is_named_as_in_the_answers(report: ReportFolder) -> None:
    for arm, size in ((Arm.MARKED, 900), (Arm.PLAIN, 100)):
        for number in range(1, 7):
            ping = replace(flow(1, size + number, ""), protocol="icmp", application="icmp", port=0)
            new_run(report, arm, number).write(Flow, [ping, flow(2, 300 * (number % 3))])
    assert "198.18.0.1 (icmp)" in {one.place for one in compare(report.runs())}
