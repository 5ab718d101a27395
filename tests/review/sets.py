"""The review's test sets: spying rules, the hold-out, and honest rules."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

from overt.rules.active import base_texts
from overt.rules.compile import RuleText
from overt.rules.review import Level, RuleReview, review
from overt.rules.yara_source import split
from tests.review.honest_rules import rules

HERE = Path(__file__).parent
GENERATED = 300


def folder(name: str) -> list[RuleText]:
    """The sources of one folder beside this file."""
    return [
        RuleText(name, path.name, path.read_text("utf-8")) for path in sorted((HERE / name).glob("*.yar"))
    ]


def generated() -> list[RuleText]:
    """The generated honest rules as one source."""
    return [
        RuleText(
            "generated", "generated.yar", 'import "pe"\n' + "\n".join(text for _, text in rules(GENERATED))
        )
    ]


@cache
def reviews(name: str) -> tuple[RuleReview, ...]:
    """The static reviews of one set (`spying`, `holdout`, `honest`, `generated`, `base`), private rules left out."""
    texts = {"generated": generated, "base": base_texts}.get(name, lambda: folder(name))()
    private = {rule.name for text in texts for rule in split(text.source, text.text).rules if rule.is_private}
    return tuple(one for text in texts for one in review(text) if one.rule not in private)


def levels(name: str) -> Counter[Level]:
    """How many rules of a set got each level."""
    return Counter(one.level for one in reviews(name))


def tricks(text: str) -> dict[str, str]:
    """Rule → its trick, as its comment says."""
    return dict(re.findall(r"^rule (\w+) \{ // trick: (.+)$", text, re.MULTILINE))
