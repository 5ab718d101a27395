"""What is done on the machine with marked files and not with their twins is told; chance is not taken for it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from overt.conduct.compare import pairs
from overt.conduct.compare.arms import compare
from overt.conduct.compare.handling import Deed, Handled
from overt.conduct.compare.pairs import Observed
from overt.conduct.compare.tests import LEVEL, corrected
from overt.conduct.evidence.conclusions import Compared
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import (
    Access,
    Arm,
    Call,
    Canary,
    Change,
    Changed,
    FileAccess,
    Record,
    Side,
)
from tests.conduct.compare.test_arms import canary, new_run

PAIRS = 20
SEEDS = 1_500
LAYERS = ("open", "ranges", "trace", "changes")


def halves(seed: int = 7) -> list[Canary]:
    """Both halves of every pair: sizes and names are chance, as in the lab."""
    draw = random.Random(seed)
    made = []
    for number in range(2 * PAIRS):
        name = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=8))
        one = canary(number, number // 2, (Side.MARKED, Side.PLAIN)[number % 2])
        made.append(
            replace(
                one,
                path=f"/home/alice/Documents/oak-fern-{name}.txt",
                size=draw.randrange(4_000, 64_000),
                sha256=f"{number:064x}",
            )
        )
    return made


def change(path: str, changed: Changed = Changed.ADDED, **given: object) -> Change:
    values: dict[str, object] = {"kind": "file", "size": 10, "sha256": "f" * 64}
    return Change(step=1, path=path, changed=changed, **(values | given))  # type: ignore[arg-type]


def access(one: Canary, what: Access, read: int = 0, process: int = 1) -> FileAccess:
    ranges = ((0, read),) if read else ()
    return FileAccess(at_s=0, process=process, step=1, access=what, path=one.path, count=1, ranges=ranges)


def call(name: str, arguments: str) -> Call:
    return Call(at_s=0, process=1, step=1, name=name, arguments=arguments, result="0")


ONLY_MARKED: dict[str, tuple[Deed, Callable[[Canary], Record]]] = {
    "a copy": (Deed.KEPT, lambda one: change(f"/opt/c/{one.number}", sha256=one.sha256)),
    "a copy of the same size": (Deed.KEPT, lambda one: change(f"/opt/c/{one.number}", size=one.size)),
    "a packed copy of its name": (Deed.KEPT, lambda one: change(f"/opt/c/{Path(one.path).name}.gz")),
    "its content among others": (
        Deed.KEPT,
        lambda one: change("/opt/c/all", tokens=(one.token,), size=one.number),
    ),
    "a link to it": (
        Deed.KEPT,
        lambda one: change(f"/opt/c/{one.number}", kind="link", sha256="", detail=f"target {one.path}"),
    ),
    "it was removed": (Deed.ALTERED, lambda one: change(one.path, Changed.REMOVED)),
    "it was tagged": (Deed.ALTERED, lambda one: change(one.path, Changed.ATTRIBUTES)),
    "it was run": (Deed.EXECUTED, lambda one: access(one, Access.EXECUTE)),
    "it was moved and moved back": (Deed.NAMED, lambda one: call("rename", f'"{one.path}", "/tmp/x"')),
    "all of it was read": (Deed.READ, lambda one: access(one, Access.READ, one.size)),
    "it was opened once more": (Deed.OPENED, lambda one: access(one, Access.OPEN)),
    "another process opened it": (Deed.OPENED, lambda one: access(one, Access.OPEN, process=2)),
}


def told(report: ReportFolder, canaries: Sequence[Canary], records: Iterable[Record]) -> list[Compared]:
    """What is compared of a run in which every half was opened once and its first 4 kB read, and then this."""
    folder = new_run(report, Arm.MIXED, 1)
    folder.write_run(replace(folder.run(), layers=LAYERS))
    folder.write(Canary, canaries)
    every = [
        *(access(one, Access.OPEN) for one in canaries),
        *(access(one, Access.READ, 4_096) for one in canaries),
        *records,
    ]
    for kind in (FileAccess, Change, Call):
        folder.write(kind, [one for one in every if isinstance(one, kind)])
    return [one for one in compare(report.runs()) if one.about == "marking"]


@pytest.mark.parametrize(("deed", "done"), ONLY_MARKED.values(), ids=ONLY_MARKED)
def test_what_is_done_with_marked_files_only_is_told(
    tmp_path: Path, deed: Deed, done: Callable[[Canary], Record]
) -> None:
    canaries = halves()
    found = told(ReportFolder(tmp_path), canaries, [done(one) for one in canaries if one.side is Side.MARKED])
    differing = [one for one in found if one.p_corrected < LEVEL]
    assert [one.question.partition(":")[0] for one in differing] == [deed]
    assert f"of {PAIRS} pairs {PAIRS} marked more, 0 plain more, 0 alike" in differing[0].observed


@pytest.mark.parametrize(("deed", "done"), ONLY_MARKED.values(), ids=ONLY_MARKED)
def test_what_is_done_with_all_files_alike_is_no_difference(
    tmp_path: Path, deed: Deed, done: Callable[[Canary], Record]
) -> None:
    canaries = halves()
    found = told(ReportFolder(tmp_path), canaries, [done(one) for one in canaries])
    assert {one.p for one in found} == {1.0}
    assert all(f"{PAIRS} alike" in one.observed for one in found)


def test_how_much_was_read_is_told_in_bytes(tmp_path: Path) -> None:
    canaries = halves()
    more = [access(one, Access.READ, one.size) for one in canaries if one.side is Side.MARKED]
    found = {one.question.partition(":")[0]: one for one in told(ReportFolder(tmp_path), canaries, more)}
    marked = sum(one.size for one in canaries if one.side is Side.MARKED)
    plain = sum(min(4_096, one.size) for one in canaries if one.side is Side.PLAIN)
    assert found[Deed.READ].observed.endswith(f"; {marked:,} bytes of marked, {plain:,} of plain")


def test_what_nobody_observed_is_not_compared(tmp_path: Path) -> None:
    folder = new_run(ReportFolder(tmp_path), Arm.MIXED, 1)
    folder.write(Canary, halves())
    on_machine = {one.question.partition(":")[0] for one in compare([folder])} & set(Deed)
    assert on_machine == {Deed.OPENED}


def test_what_arms_write_on_the_machine_is_compared(tmp_path: Path) -> None:
    """A hoard that is packed and encrypted has no part that is known again; it is larger where files are marked."""
    report = ReportFolder(tmp_path)
    for arm, size in ((Arm.MARKED, 90_000), (Arm.PLAIN, 500), (Arm.NONE, 500)):
        for number in range(1, 7):
            new_run(report, arm, number).write(Change, [change("/opt/c/hoard", size=size + number)])
    found = [one for one in compare(report.runs()) if one.p_corrected < LEVEL]
    assert [one.question for one in found] == [
        "on the machine, bytes in files that it wrote: marked against plain"
    ]


Scan = Callable[[random.Random, list[Canary]], dict[int, int]]
"""A product that knows of no marking: number of a planted file → bytes of it that were read; absent: not opened."""


def some_at_random(draw: random.Random, files: list[Canary]) -> dict[int, int]:
    return {one.number: one.size for one in files if draw.random() < 0.5}


def until_a_time_limit(draw: random.Random, files: list[Canary]) -> dict[int, int]:
    ordered = sorted(files, key=lambda one: one.path)
    return {one.number: one.size for one in ordered[: draw.randrange(len(files))]}


def until_enough_bytes(draw: random.Random, files: list[Canary]) -> dict[int, int]:
    left, read = draw.randrange(1_000_000), {}
    for one in sorted(files, key=lambda one: one.path):
        read[one.number] = min(one.size, left)
        left -= read[one.number]
    return {number: size for number, size in read.items() if size}


def a_part_of_each(draw: random.Random, files: list[Canary]) -> dict[int, int]:
    return {one.number: draw.randrange(1, one.size) for one in files}


def the_small_ones(draw: random.Random, files: list[Canary]) -> dict[int, int]:
    return {one.number: one.size for one in files if one.size < 30_000}


def observed(seed: int, scan: Scan) -> Observed:
    draw, canaries = random.Random(f"{seed}/product"), halves(seed)
    read = scan(draw, canaries)
    counts = {deed: Counter[int]() for deed in Deed}
    counts[Deed.READ].update(read)
    for number in read:
        counts[Deed.OPENED][number] = draw.randrange(1, 4)  # again for its type, its size, …
        counts[Deed.PROCESSES][number] = draw.randrange(1, 3)
        counts[Deed.NAMED][number] = draw.randrange(2)
        counts[Deed.KEPT][number] = int(draw.random() < 0.3)  # a cache of what was seen
    done = {"mixed-1": Handled(frozenset(Deed), counts)}
    whole = tuple(pairs.pairs_of("mixed-1", canaries))
    return Observed(("mixed-1",), whole, {form: Counter() for form in pairs.FORMS}, done, {})


@pytest.mark.parametrize(
    "scan", [some_at_random, until_a_time_limit, until_enough_bytes, a_part_of_each, the_small_ones]
)
def test_chance_is_hardly_ever_taken_for_a_difference(scan: Scan) -> None:
    """All five measures vary at once. Of reports on honest products that leave so much to chance, fewer than one in a
    hundred accuses; of those on products that treat all files alike, none (above)."""
    accused = 0
    for seed in range(SEEDS):
        tests = [tested for _, _, tested in pairs.handling_tests(observed(seed, scan))]
        accused += min(corrected(tests)) < LEVEL
    assert accused <= SEEDS * LEVEL
