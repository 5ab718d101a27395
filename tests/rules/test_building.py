"""Rules compiled by several processes: the same pack as by one, whatever becomes of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from overt.core.errors import OvertError, PackError
from overt.engine.matcher import Matcher
from overt.rules import building
from overt.rules.ahead import PART_RULES
from overt.rules.compile import RuleText, build, silent

NAMES = ("p",)


class Lost(OvertError):
    """A process died."""


class Answers:
    """Who answers; how many questions came together each time."""

    def __init__(self) -> None:
        self.together: list[int] = []

    def __call__(self, questions: Sequence[bytes]) -> list[bytes]:
        self.together.append(len(questions))
        return [building.answer(question) for question in questions]


class Dying(Answers):
    """Processes that have too little memory when there are two of them."""

    def __init__(self, from_round: int) -> None:
        super().__init__()
        self._from_round = from_round

    def __call__(self, questions: Sequence[bytes]) -> list[bytes]:
        said = super().__call__(questions)
        if len(questions) > 1 and len(self.together) >= self._from_round:
            raise Lost
        return said


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[RuleText]:
    """Enough to be shared, for this test."""
    monkeypatch.setattr(building, "SHARED_FROM", 0)
    many = "\n".join(f'rule r{n} {{ strings: $a = "text{n}" condition: $a }}' for n in range(PART_RULES // 2))
    odd = "rule odd { nothing }\nrule elf { condition: uint32be(0) == 0x7f454c46 }"
    return [*(RuleText("p", name, many) for name in "abcd"), RuleText("q", "odd", odd)]


def test_two_processes_make_what_one_makes(texts: list[RuleText]) -> None:
    ask = Answers()
    found = building.built(ask, texts, NAMES, silent, Lost)
    whole = build(texts, NAMES)
    assert ask.together == [2, 2]
    assert found.problems == whole.problems != ()
    assert (found.pack.records, found.pack.routes) == (whole.pack.records, whole.pack.routes)
    assert found.pack.names == NAMES
    for hasty in (False, True):
        assert len(Matcher(found.pack, hasty).match(b"\x7fELF text5 ")) == 5


def test_few_rules_are_one_question() -> None:
    ask = Answers()
    few = [RuleText("p", "a", "rule a { condition: true }"), RuleText("p", "b", "rule b { condition: true }")]
    assert building.built(ask, few, NAMES, silent, Lost).pack == build(few, NAMES).pack
    assert ask.together == [1]


@pytest.mark.parametrize("from_round", [1, 2], ids=["sharing", "proving"])
def test_what_two_processes_have_no_room_for_is_done_by_one(texts: list[RuleText], from_round: int) -> None:
    ask = Dying(from_round)
    assert building.built(ask, texts, NAMES, silent, Lost).pack == build(texts, NAMES).pack
    assert ask.together == [2] * from_round + [1]


def test_what_nobody_can_do_is_an_error(texts: list[RuleText]) -> None:
    def dead(questions: Sequence[bytes]) -> list[bytes]:
        raise Lost

    with pytest.raises(Lost):
        building.built(dead, texts, NAMES, silent, Lost)


@pytest.mark.parametrize("said", [b"", b"\x00", msgspec.msgpack.encode([]), b"\xff" * 100])
def test_an_answer_of_other_bytes_is_refused(texts: list[RuleText], said: bytes) -> None:
    with pytest.raises(PackError, match="not compiled to a whole pack"):
        building.built(lambda questions: [said] * len(questions), texts, NAMES, silent, Lost)
    with pytest.raises(PackError, match="not compiled to a whole pack"):
        building.answered(said)


def test_each_route_is_proven_once(texts: list[RuleText], monkeypatch: pytest.MonkeyPatch) -> None:
    proven: list[str] = []
    monkeypatch.setattr(building, "prove", proven.extend)
    found = building.built(Answers(), texts, NAMES, silent, Lost)
    assert sorted(proven) == sorted(found.pack.routes)


def test_progress_is_told(texts: list[RuleText]) -> None:
    told: list[tuple[str, int, int]] = []
    building.built(Answers(), texts, NAMES, lambda *step: told.append(step), Lost)
    assert [(done, total) for _, done, total in told] == [(0, 2), (1, 2), (2, 2)]
