"""The base pack can be published as it is: it builds, and everything that its review does not pass has its reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import overt.rules
from overt.channel import contents
from overt.channel.charter import Charter
from overt.channel.inspection import check_bundle
from overt.channel.publisher import build, sources
from overt.rules.compile import RuleText
from overt.rules.review import RuleReview
from overt.rules.review.dynamic import review_all

LIST = Path(overt.rules.__file__).parent / "base" / "sources.toml"


def review(texts: Sequence[RuleText]) -> Sequence[RuleReview]:
    """Static and dynamic."""
    return review_all(texts, True).rules


def test_the_base_pack_is_fit_to_be_published() -> None:
    listed = sources.read(LIST)
    made = build.build("base", 0, listed, review)
    assert not made.problems
    levels = {rule.name: rule.review["level"] for rule in made.manifest.rules}
    assert len(levels) >= 200 and "refuse" not in levels.values()
    to_explain = {name for name, level in levels.items() if level != "pass"}
    assert to_explain == {one.rule for one in listed.override}, "every reason is needed, and none is missing"
    charter = Charter("base", "rules.example.org/base", False, "quorum none\n")
    check_bundle(contents.read(made.data), 0, charter, review)
