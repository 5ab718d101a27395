"""How many rules are judged right, at least; and no single verdict may become worse than the one on record."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from overt.rules.check import accepted
from overt.rules.compile import RuleText
from overt.rules.review import Level, review
from overt.rules.yara_source import split
from tests.review import sets

RECORD = sets.HERE / "verdicts.txt"
MAX_CPU_S = 60.0
"""Seconds of processor time for a public set of about 5,000 rules."""


def recorded() -> dict[str, Level]:
    """Rule → level on record."""
    lines = RECORD.read_text("utf-8").splitlines()
    return {
        name: Level(level) for name, level in (line.split() for line in lines if not line.startswith("#"))
    }


@pytest.mark.parametrize("name", ["spying", "holdout", "honest", "generated"])
def test_every_rule_of_the_sets_is_one_that_the_engine_accepts(name: str) -> None:
    texts = sets.generated() if name == "generated" else sets.folder(name)
    assert [problem for text in texts for problem in accepted(split(text.source, text.text)).problems] == []


@pytest.mark.parametrize("name", ["spying", "holdout"])
def test_every_spying_rule_says_its_trick(name: str) -> None:
    for text in sets.folder(name):
        rules = {rule.name for rule in split(text.source, text.text).rules if not rule.is_private}
        assert set(sets.tricks(text.text)) == rules


def test_spying_rules_are_stopped() -> None:
    levels = sets.levels("spying")
    total = sum(levels.values())
    assert total >= 160
    assert levels[Level.PASS] <= 0.04 * total
    assert levels[Level.REFUSE] >= 0.68 * total


def test_spying_rules_that_were_held_out_are_stopped_mostly() -> None:
    levels = sets.levels("holdout")
    total = sum(levels.values())
    assert total >= 30
    assert levels[Level.PASS] <= 0.2 * total
    assert levels[Level.REFUSE] >= 0.4 * total


def test_honest_rules_pass() -> None:
    total = refused = explained = 0
    for name in ("base", "honest", "generated"):
        levels = sets.levels(name)
        total += sum(levels.values())
        refused += levels[Level.REFUSE]
        explained += levels[Level.EXPLAIN]
    assert total >= 500
    assert refused < 0.01 * total
    assert explained < 0.1 * total


def test_no_verdict_is_worse_than_the_one_on_record() -> None:
    known = recorded()
    worse = []
    for name in ("spying", "holdout"):
        worse += [one.rule for one in sets.reviews(name) if one.level.rank < known[one.rule].rank]
    for name in ("base", "honest"):
        worse += [
            one.rule for one in sets.reviews(name) if one.level.rank > known.get(one.rule, Level.PASS).rank
        ]
    assert worse == []


@pytest.mark.slow
def test_a_public_rule_set_passes_and_is_reviewed_quickly() -> None:
    place = os.environ.get("OVERT_BENCH_RULES")
    if not place:
        pytest.skip("OVERT_BENCH_RULES names no folder of YARA rules")
    files = sorted(Path(place).rglob("*.yar"))
    start = time.process_time()
    found = [
        one
        for path in files
        for one in review(RuleText("public", path.name, path.read_text("utf-8", "replace")))
    ]
    spent = time.process_time() - start
    assert sum(one.level is Level.REFUSE for one in found) < 0.01 * len(found)
    assert sum(one.level is Level.EXPLAIN for one in found) < 0.1 * len(found)
    assert spent * 5000 / max(len(found), 5000) < MAX_CPU_S
