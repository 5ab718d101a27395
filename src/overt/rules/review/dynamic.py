"""The dynamic check: rules run over innocent documents, and those that react to one, or to its marking, are named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from overt.core.model import Severity
from overt.engine.examine import Examiner
from overt.engine.hashset import HashSets
from overt.engine.matcher import Matcher
from overt.rules.compile import RuleText, build
from overt.rules.review import review
from overt.rules.review.corpus import Document, documents
from overt.rules.review.judge import level_of
from overt.rules.review.model import Ground, Kind, Level, Review, RuleReview, shown, worst

Key = tuple[str, str, str]
"""Pack, source and rule."""
MARKING_REACTION_WEIGHT, INNOCENT_WEIGHT, NOTE_WEIGHT = 100, 40, 0


@dataclass(slots=True)
class _Reactions:
    """What one rule matched: marked documents whose unmarked twin it left alone, and any others."""

    to_marking: list[Document] = field(default_factory=list)
    to_document: list[Document] = field(default_factory=list)


def check(
    texts: Sequence[RuleText],
    corpus: Callable[[], Iterable[Document]] = documents,
) -> dict[Key, tuple[Ground, ...]]:
    """Run the rules of `texts` over the corpus, members of containers included; the grounds of each rule that matched
    anything. Rules that the engine rejects are left out, as they are from any pack."""
    # A finding names its pack and not its source: here each source is a pack of its own.
    pack = build([replace(text, pack=str(number)) for number, text in enumerate(texts)]).pack
    examiner = Examiner(Matcher(pack), HashSets())
    found: defaultdict[Key, _Reactions] = defaultdict(_Reactions)
    notes = {_key(texts, r.pack, r.name) for r in pack.records.values() if r.severity is Severity.NOTE}
    unmarked: frozenset[tuple[str, str]] = frozenset()
    for document in corpus():
        matched = frozenset(
            (finding.pack, finding.rule)
            for finding in examiner.examine(document.data, document.name).findings
        )
        if not document.marking:
            unmarked = matched
        for rule in matched:
            new = document.marking and rule not in unmarked
            reactions = found[_key(texts, *rule)]
            (reactions.to_marking if new else reactions.to_document).append(document)
    return {key: tuple(_grounds(reactions, key in notes)) for key, reactions in sorted(found.items())}


def _key(texts: Sequence[RuleText], number: str, rule: str) -> Key:
    text = texts[int(number)]
    return text.pack, text.source, rule


def _grounds(reactions: _Reactions, is_note: bool) -> Iterable[Ground]:
    if reactions.to_marking:
        first = reactions.to_marking[0]
        text = (
            f"matches {len(reactions.to_marking)} innocent documents only because of their marking, "
            f"first “{first.marking}” in {first.name}"
        )
        yield Ground(Kind.MARKING_REACTION, "corpus", text, shown(first.marking), MARKING_REACTION_WEIGHT)
    if reactions.to_document:
        first = reactions.to_document[0]
        text = f"matches {len(reactions.to_document)} innocent documents, first {first.name}"
        weight = NOTE_WEIGHT if is_note else INNOCENT_WEIGHT
        yield Ground(Kind.INNOCENT_MATCH, "corpus", text, first.name, weight)


def review_all(texts: Sequence[RuleText], dynamic: bool = True) -> Review:
    """The whole review of some sources in the calling process: static, and (with `dynamic`) over the corpus too."""
    static = tuple(one for text in texts for one in review(text))
    return Review(merged(static, check(texts)) if dynamic else static)


def merged(reviews: Iterable[RuleReview], grounds: dict[Key, tuple[Ground, ...]]) -> tuple[RuleReview, ...]:
    """The static reviews with what the dynamic check found: the worse level of both, never a better one."""
    return tuple(
        _merged(review, grounds.get((review.pack, review.source, review.rule), ())) for review in reviews
    )


def _merged(review: RuleReview, grounds: tuple[Ground, ...]) -> RuleReview:
    if not grounds:
        return review
    added = sum(ground.weight for ground in grounds)
    level = worst(
        (review.level, level_of(added) if added else Level.PASS, level_of(max(review.score, 0) + added))
    )
    return replace(
        review, level=level, score=max(review.score, 0) + added, grounds=(*grounds, *review.grounds)
    )
