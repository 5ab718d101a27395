"""Many rules compiled by the confined workers of an update: two at once, and the pack is what one process makes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from overt.channel.client.jobs import BOUNDS, Workers
from overt.engine.matcher import Matcher
from overt.rules import building
from overt.rules.compile import RuleText, build, silent
from overt.sandbox.expendable import Bounds, WorkerDied

RULES, FILES = 120, 10


@pytest.fixture
def texts() -> list[RuleText]:
    """More than is compiled by one worker."""
    made = [RuleText("p", f"{number}.yar", "\n".join(_rules(number))) for number in range(FILES)]
    assert sum(len(text.text) for text in made) > building.SHARED_FROM
    return [*made, RuleText("p", "odd.yar", "rule odd { condition: nothing }")]


def _rules(file: int) -> Iterator[str]:
    for number in range(RULES):
        strings = " ".join(
            f'$s{n} = "made up text {file} {number} {n} of some length" wide' for n in range(9)
        )
        header = "uint16(0) == 0x5A4D and" if number % 3 else ""
        yield f"rule r{number} {{ strings: {strings} condition: {header} any of them }}"


def test_two_confined_workers_make_the_pack_of_one_process(texts: list[RuleText]) -> None:
    workers = Workers()
    try:
        found = workers.build(texts, ("p",), silent)
    finally:
        workers.close()
    whole = build(texts, ("p",))
    assert found.problems == whole.problems
    assert [problem.rule for problem in found.problems] == ["odd"]
    assert (found.pack.records, found.pack.routes) == (whole.pack.records, whole.pack.routes)
    data = b"MZ" + "made up text 9 119 3 of some length".encode("utf-16-le")
    for pack in (found.pack, whole.pack):
        assert [finding.rule for finding in Matcher(pack).match(data)] == ["r119"]


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(BOUNDS.max_memory_bytes, 20_000, BOUNDS.deadline_s), "more than 20,000 bytes"),
        (Bounds(BOUNDS.max_memory_bytes, BOUNDS.max_answer_bytes, 0.2), "for 0.2 s|than 0.2 s"),
    ],
    ids=["bytes", "time"],
)
def test_shares_have_no_more_than_one_worker_had(texts: list[RuleText], bounds: Bounds, words: str) -> None:
    workers = Workers(bounds=bounds)
    try:
        with pytest.raises(WorkerDied, match=words):
            workers.build(texts, ("p",), silent)
    finally:
        workers.close()
