"""Rule review: finds rules that look for people instead of malware. See docs/rule-review.md."""

from __future__ import annotations

from overt.rules.compile import RuleText
from overt.rules.review.model import Ground, Kind, Level, Review, RuleReview
from overt.rules.review.static import judgements
from overt.rules.yara_source import split

__all__ = ["Ground", "Kind", "Level", "Review", "RuleReview", "review"]


def review(source: RuleText) -> tuple[RuleReview, ...]:
    """The static review of one source: one `RuleReview` per rule that can be read, in order. Runs no rule; rules that
    cannot be read are not in the result (nor in any pack). The dynamic check is `overt.rules.review.dynamic`."""
    found = split(source.source, source.text)
    judged = judgements(found)
    return tuple(
        RuleReview(
            source.pack,
            source.source,
            rule.name,
            rule.line,
            judged[rule.name].level,
            judged[rule.name].score,
            judged[rule.name].grounds,
        )
        for rule in found.rules
    )
